import Testing
import Trace

@testable import WorldCache

@Suite("adacache")
struct AdaCachePolicyTests {
  /// The middle block of a stream whose model has one block.
  private let middle = Quantity(.block(1), minus: .hidden(0))

  @Test("the change over the rate chooses the next rate")
  func byHand() throws {
    // Rate 1: call 1 is computed; |10 − 8| / 8 = ¼ gives 3: calls 2 and 3 are predicted. At 4 |11 − 10| / 10 / 3 = 0.033 gives 10.
    let values: [Double] = [8, 10, 0, 0, 11] + Array(repeating: 0, count: 9) + [11, 11]
    let run = try ScriptedRun("adacache", [middle: values])
    #expect(run.picture == "CCppCpppppppppCp")
    #expect(run.decisions[0].reason == .warmUp)
    expectClose(try #require(run.decisions[5].signal), 0.1 / 3, relative: 1e-12)
  }

  @Test("codebooks: a change at an entry takes the next one")
  func codebooks() throws {
    func rate(_ codebook: String, _ change: Double) throws -> Int {
      let values = [1, 1 + change] + Array(repeating: 1.0, count: 20)
      let run = try ScriptedRun("adacache:codebook=\(codebook)", [middle: values])
      return run.computedPositions[2] - 1
    }
    #expect(try [0, 0.04, 0.06, 0.08, 0.1, 0.5].map { try rate("100", $0) } == [12, 10, 8, 6, 4, 3])
    #expect(try [0, 0.1, 0.2, 0.25, 0.35, 0.5].map { try rate("30-fast", $0) } == [6, 5, 4, 3, 2, 1])
    #expect(try [0, 0.125, 0.25].map { try rate("30-slow", $0) } == [3, 2, 1])
  }

  @Test("a change that is not a number takes the last rate")
  func notANumber() throws {
    #expect(try ScriptedRun("adacache", [middle: Array(repeating: 0, count: 8)]).picture == "CCppCppC")
  }

  @Test("the middle block, and branches of their own")
  func middleBlock() throws {
    for (blocks, tap, before) in [
      (30, Tap.block(16), Tap.block(15)), (6, .block(4), .block(3)), (1, .block(1), .hidden(0)),
    ] {
      let request = try #require(try PolicyRegistry.plan("adacache").request(blockCount: blocks))
      #expect(request.changes == [ChangeRequest(Quantity(tap, minus: before), .all)])
    }
    let synthetic = Synthetic(.smooth, seed: 3, branches: 2, calls: 12, tokens: 4)
    #expect(try StreamReplay("adacache", synthetic).lanes.count == 2)
  }
}
