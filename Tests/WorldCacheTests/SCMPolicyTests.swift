import Testing
import Trace

@testable import WorldCache

@Suite("scm")
struct SCMPolicyTests {
  private func mask(_ preset: StepMask, _ calls: Int) throws -> String {
    String(try #require(preset.mask(callCount: calls)).map { $0 ? "1" : "0" })
  }

  @Test("the masks of 28 calls are the published ones")
  func published() throws {
    // 8 1 3 2 3 2 2 2 1 3 1: eight computed, one cached, and so on.
    #expect(try mask(.slow, 28) == "1111111101110011100110010001")
    #expect(try mask(.medium, 28) == "1111110110001100011000110001")
    #expect(try mask(.fast, 28) == "1111110100010000100000100001")
    #expect(try mask(.ultra, 28) == "1111001000001000000100000001")
  }

  @Test("other numbers of calls stretch or cut the bins, as cache-dit 1.5.3's function printed")
  func stretched() throws {
    let expected: [(Int, [String])] = [
      (4, ["1101", "1101", "1101", "1101"]), (6, ["111001", "111001", "111001", "111001"]),
      (8, ["11111011", "11110101", "11101001", "11001001"]),
      (9, ["111110111", "111110101", "111101001", "111001001"]),
      (10, ["1111011111", "1111011011", "1110100101", "1101001001"]),
      (15, ["111101101101101", "111101101001001", "111010010010001", "110100100010001"]),
      (16, ["1111111101110011", "1111110110001001", "1111100000000001", "1100000000000001"]),
      (
        29,
        [
          "11111111111101110011100110011", "11111111101100011000110001101", "11111111101000100001000001001",
          "11111100100000100000010000001",
        ]
      ),
      (
        50,
        [
          "11111111111111111111110011111000111110001110001101",
          "11111111111111110011100000111000001110000011100001",
          "11111111111001100000110000000110000000001100000001",
          "11111110001100000000011000000000001100000000000001",
        ]
      ),
    ]
    for (calls, masks) in expected {
      #expect(try StepMask.allCases.map { try mask($0, calls) } == masks, "\(calls) calls")
    }
  }

  @Test("the masks of all numbers up to 200 have the sums that cache-dit's have")
  func sums() throws {
    // Computed calls and the sum of their positions over 4 … 200 calls without 5 and 7, printed by running
    // `steps_mask` of cache-dit 1.5.3.
    let expected = [(13824, 730_435), (11127, 570_732), (7997, 303_069), (5347, 158_541)]
    for (preset, sums) in zip(StepMask.allCases, expected) {
      var (count, places) = (0, 0)
      for calls in 4...200 where calls != 5 && calls != 7 {
        let mask = try #require(preset.mask(callCount: calls))
        #expect(mask.count == calls && mask[0] && mask[calls - 1])
        count += mask.count { $0 }
        places += mask.indices.reduce(0) { $0 + (mask[$1] ? $1 : 0) }
      }
      #expect(count == sums.0 && places == sums.1, "\(preset)")
    }
  }

  @Test("a replay follows the mask, whatever the predictor")
  func replay() throws {
    #expect(try ScriptedRun("scm:mask=ultra", calls: 9).picture == "CCCppCppC")
    let run = try ScriptedRun("scm:mask=ultra,predictor=taylor", calls: 9)
    #expect(run.picture == "CCCppCppC")
    expectWeights(run.predictions[4]!.combinations[0], [1: -2, 2: 3])
    // The damped predictor needs three calls, of which the mask gives two at first: the third is computed for history.
    let damped = try ScriptedRun("scm:mask=ultra,predictor=damped", calls: 8)
    #expect(damped.picture == "CCCpCppC")
    #expect(damped.decisions[2].reason == .history)
  }

  @Test("numbers of calls without a mask are refused", arguments: [1, 2, 3, 5, 7])
  func refused(calls: Int) {
    expectPolicyError(
      "scm:mask=fast,predictor=hold,site=output has no mask for \(calls) calls in a chunk; there are masks for "
        + "4, 6 or at least 8 calls"
    ) {
      _ = try PolicyRegistry.plan("scm:mask=fast").policy(
        for: Synthetic(.still, seed: 1, calls: calls).geometry)
    }
  }
}
