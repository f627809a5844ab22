import Testing
import Trace

@testable import WorldCache

@Suite("Curvature")
struct CurvatureTests {
  // Calls 1, 3 and 7 are computed: the newest gap is 4, the one before 2. Four and two are powers of two,
  // so every weight and every result below is exact in binary.
  private let anchors = [7, 3, 1]

  /// One token of two channels that has the given values at calls 1, 3 and 7.
  private func token(_ first: [Float], _ second: [Float], _ third: [Float]) -> Synthetic {
    Synthetic([
      (0..<8).map { position in
        [position < 3 ? first : position < 7 ? second : third]
      }
    ])
  }

  private func curvature(_ synthetic: Synthetic) -> Double {
    Curvature.values(anchors: anchors, signals: GeometrySignals.open(synthetic.geometry))[0]
  }

  @Test("divides the change of velocity by the newest gap only")
  func unequalGaps() {
    // v_0 = ((2,8) − (2,0)) / 4 = (0, 2); v_1 = ((2,0) − (0,0)) / 2 = (1, 0); a = (−1, 2) / 4, ‖a‖ = √5 / 4.
    // κ = (√5 / 4) / (4 + 1e-8). A mean gap of 3 would give √5 / 12 instead of √5 / 16.
    let expected = 5.0.squareRoot() / 4 / (4 + 1e-8)
    expectClose(curvature(token([0, 0], [2, 0], [2, 8])), expected, relative: 1e-14)
  }

  @Test("has no cross product: speeding up along a line counts")
  func speedingUp() {
    // v_1 = 2 / 2 = 1, v_0 = 8 / 4 = 2, a = 1 / 4, κ = 0.25 / (4 + 1e-8).
    expectClose(curvature(token([0, 0], [2, 0], [10, 0])), 0.25 / (4 + 1e-8), relative: 1e-14)
  }

  @Test("is zero on a straight line, whatever its speed")
  func straightLine() {
    // f_s = s (3, 4): v_0 = v_1 = (3, 4).
    #expect(curvature(token([3, 4], [9, 12], [21, 28])) == 0)
    #expect(curvature(token([300, 400], [900, 1200], [2100, 2800])) == 0)
  }

  @Test("is zero for a token that never moves")
  func staticToken() {
    #expect(curvature(token([5, -7], [5, -7], [5, -7])) == 0)
  }

  @Test("explodes when the newest velocity is zero and the previous is not")
  func stoppedToken() {
    // v_0 = 0, v_1 = (2, 0), a = (−2, 0) / 4, so κ = 0.5 / 1e-8.
    expectClose(curvature(token([0, 0], [4, 0], [4, 0])), 0.5 / 1e-8, relative: 1e-14)
  }

  @Test("is acceleration over squared speed when only the newest velocity is there")
  func startedToken() {
    // v_1 = 0, v_0 = (2, 0), a = (2, 0) / 4, so κ = 0.5 / (4 + 1e-8).
    expectClose(curvature(token([1, 0], [1, 0], [9, 0])), 0.5 / (4 + 1e-8), relative: 1e-14)
  }

  @Test("static tokens have none after any two gaps", arguments: [1, 2, 3, 5, 6, 7])
  func staticTokenAnyGap(newestGap: Int) {
    // A value that stays the same has v_0 = v_1 = a = 0 exactly, so κ = 0 / ε = 0.
    let still = Synthetic(.still, seed: 3, calls: 16, tokens: 4)
    expectNone(still, newestGap: newestGap)
  }

  @Test("straight lines have none after any two gaps", arguments: [1, 2, 3, 5, 6, 7])
  func straightLineAnyGap(newestGap: Int) {
    // v_0 = v_1 on a line. Slopes and starts are whole numbers, so the features are exact.
    let straight = Synthetic(.straight, seed: 3, calls: 16, tokens: 4)
    expectNone(straight, newestGap: newestGap)
  }

  private func expectNone(_ synthetic: Synthetic, newestGap: Int) {
    let curved = (1...7).filter { previousGap in
      let anchors = [newestGap + previousGap, previousGap, 0]
      let values = Curvature.values(anchors: anchors, signals: GeometrySignals.open(synthetic.geometry))
      return values != [0, 0, 0, 0]
    }
    #expect(curved == [], "previous gaps after which rounding shows as curvature")
  }

  @Test("is the same from distances as from features")
  func distancesAndFeatures() {
    for seed in UInt64(1)...8 {
      let smooth = Synthetic(.smooth, seed: seed, branches: 2, calls: 12)
      for anchors in [[2, 1, 0], [9, 2, 1], [11, 10, 3]] {
        let distances = Curvature.values(anchors: anchors, signals: GeometrySignals.open(smooth.geometry))
        let features = Curvature.values(anchors: anchors, signals: FeatureSignals(features: smooth.features))
        #expect(distances.count == 18)
        // Slack: a second difference cancels (‖v‖/‖a‖)² of the digits of a squared distance, here up to 1e4.
        for (a, b) in zip(distances, features) {
          expectClose(a, b, relative: 1e-10, "seed \(seed), anchors \(anchors)")
        }
      }
    }
  }
}
