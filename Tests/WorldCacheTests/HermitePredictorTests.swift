import Testing
import Trace

@testable import WorldCache

@Suite("Hermite weights of TaylorSeer's differences")
struct HermitePredictorTests {
  @Test("polynomials are the physicists'")
  func polynomials() {
    // H_0 = 1, H_1 = 2y, H_2 = 4y² − 2, H_3 = 8y³ − 12y, H_4 = 16y⁴ − 48y² + 12 at y = 1.5.
    let expected = [1, 3, 7, 9, -15.0]
    for (n, value) in expected.enumerated() { #expect(HermitePredictor.polynomial(n, 1.5) == value) }
  }

  @Test("sigma 0.5: D_1 and D_2 at x = 1 … 5, as published")
  func golden() {
    let half = HermitePredictor(order: 2, sigma: 0.5)
    let (first, second) = ([0.5, 1, 1.5, 2, 2.5], [-0.125, 0.25, 0.875, 1.75, 2.875])
    for x in 1...5 {
      #expect(half.weight(1, at: Double(x)) == first[x - 1])
      #expect(half.weight(2, at: Double(x)) == second[x - 1])
    }
    // At the newest call itself the weight of D_2 is not zero: σ² H_2(0) / 2! = −σ².
    #expect(half.weight(2, at: 0) == -0.25)
  }

  @Test("sigma 1/√2 leaves the linear term as it is and takes 1/2 off x²/2")
  func rootHalf() {
    // w_1 = 2 σ² x = x; w_2 = (4 σ² x² − 2) σ² / 2 = (2 x² − 2) / 4 = x²/2 − 1/2.
    let root = HermitePredictor(order: 2, sigma: 0.5.squareRoot())
    for x in [1.0, 2, 5] {
      expectClose(root.weight(1, at: x), x, relative: 1e-15)
      expectClose(root.weight(2, at: x), x * x / 2 - 0.5, relative: 1e-14, absolute: 1e-15)
    }
  }

  @Test("the scaled basis has x^k σ^2k / k!")
  func scaled() {
    let scaled = HermitePredictor(order: 3, sigma: 0.5, basis: .scaled)
    // x = 4: 4 / 4; 16 / 16 / 2; 64 / 64 / 6.
    for (k, expected) in [(1, 1.0), (2, 0.5), (3, 1.0 / 6)] {
      expectClose(scaled.weight(k, at: 4), expected, relative: 1e-15)
    }
    // σ = 1 is Taylor.
    let plain = HermitePredictor(order: 3, sigma: 1, basis: .scaled)
    let anchors = [9, 6, 4, 1]
    expectWeights(
      plain.combinations(anchors: anchors, distance: 2)[0],
      Dictionary(
        uniqueKeysWithValues: TaylorPredictor(order: 3).combinations(anchors: anchors, distance: 2)[0].terms
          .map { ($0.position, $0.weight) }))
  }

  @Test("weights of calls 8, 2, 1 at call 9, order 2, sigma 0.5, worked by hand")
  func anchors() {
    // D_1 = (f_8 − f_2) / 6, D_2 = (D_1 − (f_2 − f_1)) / 6 with first-enhance 1; w_1 = 1/2, w_2 = −1/8.
    // f_8: 1 + 1/12 − 1/288; f_2: −1/12 + 1/288 + 1/48; f_1: −1/48.
    let combination = HermitePredictor(order: 2, sigma: 0.5).combinations(anchors: [8, 2, 1], distance: 1)[0]
    expectWeights(
      combination, [8: 1 + 1.0 / 12 - 1.0 / 288, 2: -1.0 / 12 + 1.0 / 288 + 1.0 / 48, 1: -1.0 / 48])
    expectClose(combination.weightSum, 1, relative: 1e-15)
  }
}
