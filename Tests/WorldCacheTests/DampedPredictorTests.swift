import Testing
import Trace

@testable import WorldCache

@Suite("Damped prediction")
struct DampedPredictorTests {
  // Calls 1, 2 and 4 are computed: v_0 = (f_4 − f_2) / 2, v_1 = f_2 − f_1.
  // f_4 + k (1 − α) v_0 + k α v_1 has the weights 1 + c/2 at 4, −c/2 + d at 2 and −d at 1,
  // with c = k (1 − α) and d = k α.
  private func weights(_ nMax: Int, _ k: Int) -> Combination {
    DampedPredictor(nMax: nMax).combinations(anchors: [4, 2, 1], distance: k)[0]
  }

  @Test("n-max 2 fades with α = 1/2, 1")
  func nMaxTwo() {
    // k = 1: c = d = 1/2. k = 2: c = 0, d = 2, so only the previous slope is left.
    expectWeights(weights(2, 1), [4: 1.25, 2: 0.25, 1: -0.5])
    expectWeights(weights(2, 2), [4: 1, 2: 2, 1: -2])
  }

  @Test("n-max 6 fades with α = 2/27, 7/27, 1/2, 20/27, 25/27, 1")
  func nMaxSix() {
    // α = 3x² − 2x³ at x = k/6: k = 1: 3/36 − 2/216 = 2/27 (.0741); k = 2: 3/9 − 2/27 = 7/27 (.2593);
    // k = 3: 1/2; k = 4: 12/9 − 16/27 = 20/27 = .7407; k = 5: 75/36 − 250/216 = 25/27 = .9259; k = 6: 1.
    let alphas = [2.0 / 27, 7.0 / 27, 0.5, 20.0 / 27, 25.0 / 27]
    for (index, alpha) in alphas.enumerated() {
      let k = Double(index + 1)
      let (c, d) = (k * (1 - alpha), k * alpha)
      expectWeights(weights(6, index + 1), [4: 1 + c / 2, 2: d - c / 2, 1: -d])
    }
    // The same in numbers for k = 3: c = d = 1.5.
    expectWeights(weights(6, 3), [4: 1.75, 2: 0.75, 1: -1.5])
    expectWeights(weights(6, 6), [4: 1, 2: 6, 1: -6])
  }

  @Test("n-max 1 uses the previous slope only")
  func nMaxOne() {
    expectWeights(weights(1, 1), [4: 1, 2: 1, 1: -1])
  }

  @Test("beyond n-max the fading is over")
  func beyond() {
    // x is capped at 1: c = 0, d = 7.
    expectWeights(weights(6, 7), [4: 1, 2: 7, 1: -7])
  }

  @Test("weights sum to one, and straight lines are continued")
  func straightLines() {
    for gaps in [(1, 1), (7, 1), (3, 2)] {
      let anchors = [gaps.0 + gaps.1, gaps.1, 0]
      for k in 1...6 {
        let combination = DampedPredictor(nMax: 6).combinations(anchors: anchors, distance: k)[0]
        expectClose(combination.weightSum, 1, relative: 1e-13)
        // f_s = 5 − 2 s.
        let value = combination.terms.reduce(0) { $0 + $1.weight * (5 - 2 * Double($1.position)) }
        expectClose(value, 5 - 2 * Double(anchors[0] + k), relative: 1e-12, "gaps \(gaps), k = \(k)")
      }
    }
  }

  @Test("needs three computed calls and stops at n-max")
  func needs() {
    let damped = DampedPredictor(nMax: 4)
    #expect(damped.anchorCount == 3)
    #expect(damped.minimumAnchorCount == 3)
    #expect(damped.longestStreak == 4)
  }
}
