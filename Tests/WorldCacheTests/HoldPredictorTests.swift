import Testing
import Trace

@testable import WorldCache

@Suite("Hold")
struct HoldPredictorTests {
  @Test("repeats the newest anchor at any distance", arguments: [1, 2, 40])
  func weights(distance: Int) {
    let combinations = HoldPredictor().combinations(anchors: [4, 2], distance: distance)
    #expect(combinations.count == 1)
    expectWeights(combinations[0], [4: 1])
  }

  @Test("needs one computed call, treats tokens alike and holds for ever")
  func needs() {
    let hold = HoldPredictor()
    #expect(hold.anchorCount == 1)
    #expect(hold.minimumAnchorCount == 1)
    #expect(hold.longestStreak == nil)
    let still = Synthetic(.still, seed: 1, calls: 3)
    #expect(hold.groups(anchors: [0], signals: GeometrySignals.open(still.geometry)) == nil)
  }
}
