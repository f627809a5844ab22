import TestSupport
import Testing

@testable import WorldCache

@Suite struct ScheduleCarryTests {
  private func carried(_ picture: String, to count: Int, anchors: Int = 1) -> String {
    let computed = picture.enumerated().filter { $0.element == "C" }.map(\.offset)
    let positions = Set(
      ScheduleCarry.positions(computed, of: picture.count, to: count, anchorCount: anchors))
    return (0..<count).map { positions.contains($0) ? "C" : "p" }.joined()
  }

  /// By hand: half as many computed calls in half as many calls, at half the places, rounded.
  @Test(
    "worked out by hand",
    arguments: [
      // The same length: as it was.
      ("CppCpC", 6, 1, "CppCpC"),
      // c = 0 3 6 9 of 12 calls, 2 of 6: ends of the list, 0 and 9 x 5/11 = 4.09.
      ("CppCppCppCpp", 6, 1, "CpppCp"),
      // c = 0 2 4 of 6 calls, 6 of 12: ranks 0, 0.4, 0.8, 1.2, 1.6, 2 are 0, 0.8, 1.6, 2.4, 3.2, 4; times 11/5 they
      // are 0, 1.76, 3.52, 5.28, 7.04, 8.8.
      ("CpCpCp", 12, 1, "CpCpCCpCpCpp"),
      // All computed stays all computed, whatever the length.
      ("CCCC", 7, 1, "CCCCCCC"), ("CCCCCCC", 3, 1, "CCC"),
      // 3 of 8 in 4 calls is 1.5, rounded 2; a predictor of order 1 needs the first two.
      ("CCpppppC", 4, 2, "CCpp"), ("CCpppppC", 4, 1, "CppC"),
      // Crowded at the end: 0, 6, 7 of 8 in 5 calls is 1.9, so 2 of them, 0 and 4.
      ("CpppppCC", 5, 1, "CpppC"),
      // One computed call stays one where a half is left.
      ("Cppp", 2, 1, "Cp"),
    ])
  func byHand(picture: String, count: Int, anchors: Int, expected: String) {
    #expect(carried(picture, to: count, anchors: anchors) == expected)
  }

  @Test("any schedule: ascending from 0, with as many computed calls as the part says, give or take one")
  func properties() {
    let seed = UInt64.random(in: 0...999_999)
    var random = Dice(seed: seed)
    for trial in 0..<2000 {
      let comment = Comment("seed \(seed), trial \(trial)")
      let (count, newCount) = (Int.random(in: 1...60, using: &random), Int.random(in: 1...60, using: &random))
      let anchors = Int.random(in: 1...3, using: &random)
      let computed = [0] + (1..<max(1, count)).filter { _ in Bool.random(using: &random) }
      let positions = ScheduleCarry.positions(computed, of: count, to: newCount, anchorCount: anchors)
      guard newCount != count else {
        #expect(positions == computed, comment)
        continue
      }
      #expect(positions.first == 0, comment)
      #expect(zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }, comment)
      #expect(positions.allSatisfy { (0..<newCount).contains($0) }, comment)
      #expect(positions.prefix(anchors).elementsEqual(0..<min(anchors, newCount)), comment)
      let share = Double(computed.count * newCount) / Double(count)
      #expect(abs(Double(positions.count) - max(share, Double(min(anchors, newCount)))) <= 1, comment)
    }
  }
}
