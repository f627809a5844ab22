import Testing
import Trace

@testable import WorldCache

@Suite("Grouped prediction")
struct GroupedPredictorTests {
  @Test("stable holds, linear extrapolates, chaotic is damped")
  func weights() {
    // Calls 1, 2 and 4: v_0 = (f_4 − f_2) / 2, v_1 = f_2 − f_1; n-max 2.
    let predictor = GroupedPredictor(pStable: 0.3, pChaotic: 0.6, nMax: 2)
    let first = predictor.combinations(anchors: [4, 2, 1], distance: 1)
    #expect(first.count == GroupedPredictor.Group.allCases.count)
    expectWeights(first[0], [4: 1])
    expectWeights(first[1], [4: 1.5, 2: -0.5])
    expectWeights(first[2], [4: 1.25, 2: 0.25, 1: -0.5])
    // k = 2: the line reaches f_4 + f_4 − f_2; α = 1 leaves f_4 + 2 (f_2 − f_1).
    let second = predictor.combinations(anchors: [4, 2, 1], distance: 2)
    expectWeights(second[0], [4: 1])
    expectWeights(second[1], [4: 2, 2: -1])
    expectWeights(second[2], [4: 1, 2: 2, 1: -2])
  }

  @Test("groups by the curvature of the three newest calls")
  func grouping() {
    // Values at calls 0, 1, 2 give (v_1, v_0), a = v_0 − v_1, κ = |a| / v_0²:
    // (2, 2) 0; (1, 4) 3/16; (1, 2) 1/4; (2, −1) 3; (5, 1) 4. Boundaries .3 and .6 lie at ranks 1.2 and 2.4:
    // .1875 + .2 · .0625 = .2 and .25 + .4 · 2.75 = 1.35, so two stable, one linear, two chaotic.
    let synthetic = Synthetic(tokens: [[0, 2, 4], [0, 1, 5], [0, 1, 3], [0, 2, 1], [0, 5, 6]])
    let signals = GeometrySignals.open(synthetic.geometry)
    let predictor = GroupedPredictor(pStable: 0.3, pChaotic: 0.6, nMax: 2)
    #expect(predictor.groups(anchors: [2, 1, 0], signals: signals)?.indices == [0, 0, 1, 2, 2])
    let boundaries = predictor.boundaries(of: Curvature.values(anchors: [2, 1, 0], signals: signals))
    // Slack: ε = 1e-8 beside squared speeds of 1 and more.
    expectClose(boundaries.stable, 0.2, relative: 1e-7)
    expectClose(boundaries.chaotic, 1.35, relative: 1e-7)
  }

  @Test("needs three computed calls and stops at n-max")
  func needs() {
    let predictor = GroupedPredictor(pStable: 0.3, pChaotic: 0.6, nMax: 5)
    #expect(predictor.anchorCount == 3)
    #expect(predictor.minimumAnchorCount == 3)
    #expect(predictor.longestStreak == 5)
  }
}
