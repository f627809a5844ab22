import Testing
import Trace

@testable import WorldCache

@Suite("Taylor prediction")
struct TaylorPredictorTests {
  private func weights(
    order: Int, firstEnhance: Int = 1, anchors: [Int], _ distance: Int
  ) -> Combination {
    TaylorPredictor(order: order, firstEnhance: firstEnhance)
      .combinations(anchors: anchors, distance: distance)[0]
  }

  @Test("has the published weights: order 2, first-enhance 3, computed 0, 1, 2, 8, 14")
  func published() {
    // After 2: D_1 = f_2 − f_1; at 1 the gate s > first-enhance − 2 is closed (1 > 1 is false), so there is
    // no D_1 to difference. s = 3: f_2 + D_1; s = 7: f_2 + 5 D_1.
    expectWeights(weights(order: 2, firstEnhance: 3, anchors: [2, 1, 0], 1), [1: -1, 2: 2])
    expectWeights(weights(order: 2, firstEnhance: 3, anchors: [2, 1, 0], 5), [1: -5, 2: 6])
    // After 8, gap 6: D_1 = (f_8 − f_2) / 6, D_2 = (D_1 − (f_2 − f_1)) / 6.
    // s = 9: 1 + 1/6 + 1/72 = 85/72; −1/6 − 1/72 − 1/12 = −19/72; 1/12.
    expectWeights(
      weights(order: 2, firstEnhance: 3, anchors: [8, 2, 1], 1), [1: 1.0 / 12, 2: -19.0 / 72, 8: 85.0 / 72])
    // s = 13: x = 5, x²/2 = 12.5: 1 + 5/6 + 12.5/36 = 157/72; −5/6 − 12.5/36 − 12.5/6 = −235/72;
    // 12.5/6 = 25/12.
    expectWeights(
      weights(order: 2, firstEnhance: 3, anchors: [8, 2, 1], 5),
      [1: 25.0 / 12, 2: -235.0 / 72, 8: 157.0 / 72])
  }

  @Test("order 0 holds")
  func orderZero() {
    expectWeights(weights(order: 0, anchors: [8], 5), [8: 1])
    expectWeights(weights(order: 0, anchors: [8, 2, 1], 5), [8: 1])
  }

  @Test("order 1 continues the line through the two newest calls")
  func orderOne() {
    // f_5 + 3 (f_5 − f_1) / 4.
    expectWeights(weights(order: 1, anchors: [5, 1], 3), [1: -0.75, 5: 1.75])
  }

  @Test("the newest gap divides differences of every order")
  func unequalGaps() {
    // D_1(4) = (f_4 − f_1) / 3, D_1(1) = f_1 − f_0, D_2 = (D_1(4) − D_1(1)) / 3, x = 2, x²/2 = 2.
    // Weights: 4: 1 + 2/3 + 2/9; 1: −2/3 − 2/9 − 2/3; 0: 2/3. Newton's rule would divide by (4 − 0) / 2.
    expectWeights(weights(order: 2, anchors: [4, 1, 0], 2), [0: 2.0 / 3, 1: -14.0 / 9, 4: 17.0 / 9])
  }

  @Test("equal gaps: a backward difference and not a tangent, so a parabola is missed")
  func parabola() {
    // f = s²: D_1 = 4 − 1 = 3, D_2 = 3 − 1 = 2; at s = 3: 4 + 3 + 2/2 = 8, not 9.
    let combination = weights(order: 2, anchors: [2, 1, 0], 1)
    expectWeights(combination, [0: 0.5, 1: -2, 2: 2.5])
    #expect(combination.terms.reduce(0) { $0 + $1.weight * Double($1.position * $1.position) } == 8)
  }

  @Test("order 3 with equal gaps")
  func orderThree() {
    // D_1 = f_3 − f_2, D_2 = f_3 − 2 f_2 + f_1, D_3 = f_3 − 3 f_2 + 3 f_1 − f_0; x = 1: 1, 1/2, 1/6.
    // 3: 1 + 1 + 1/2 + 1/6 = 8/3; 2: −1 − 1 − 1/2 = −5/2; 1: 1/2 + 1/2 = 1; 0: −1/6.
    expectWeights(
      weights(order: 3, anchors: [3, 2, 1, 0], 1), [0: -1.0 / 6, 1: 1, 2: -2.5, 3: 8.0 / 3])
  }

  @Test("fewer computed calls than the order asks for lower the order")
  func fewAnchors() {
    expectWeights(weights(order: 2, anchors: [0], 2), [0: 1])
    expectWeights(weights(order: 2, anchors: [3, 0], 3), [0: -1, 3: 2])
  }

  @Test("a high first-enhance keeps early differences out")
  func gate() {
    // No anchor is above 10 − 2: hold. Anchor 9 is, its predecessor is not: order 1 only.
    expectWeights(weights(order: 2, firstEnhance: 10, anchors: [8, 7, 6], 4), [8: 1])
    expectWeights(weights(order: 2, firstEnhance: 10, anchors: [9, 8, 7], 4), [8: -4, 9: 5])
    // At 10 its predecessor 9 has D_1: x = 1 gives 1 + 1 + 1/2, −1 − 1, 1/2.
    expectWeights(weights(order: 2, firstEnhance: 10, anchors: [10, 9, 8], 1), [8: 0.5, 9: -2, 10: 2.5])
  }

  @Test("looks back on order + 1 calls, needs one, and has no longest streak")
  func needs() {
    #expect(TaylorPredictor(order: 2).anchorCount == 3)
    #expect(TaylorPredictor(order: 2).minimumAnchorCount == 1)
    #expect(TaylorPredictor(order: 2).longestStreak == nil)
  }
}
