import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("Least squares and polynomials")
struct PolynomialFitTests {
  @Test("a line through four points, by hand")
  func line() {
    // y = 0, 1, 1, 2 at x = 0, 1, 2, 3: slope 0.6, intercept 0.1.
    let fit = LeastSquares([[1, 0], [1, 1], [1, 2], [1, 3]], [0, 1, 1, 2])
    expectClose(fit.solution[0], 0.1, relative: 1e-13)
    expectClose(fit.solution[1], 0.6, relative: 1e-13)
    // Its products are [4 6; 6 14], eigenvalues 9 ± √61.
    expectClose(
      fit.conditionNumber, ((9 + 61.0.squareRoot()) / (9 - 61.0.squareRoot())).squareRoot(), relative: 1e-12)
  }

  @Test("columns that depend on one another have an infinite condition and a solution all the same")
  func dependent() {
    let fit = LeastSquares([[1, 2], [2, 4], [3, 6]], [1, 2, 3])
    #expect(fit.conditionNumber > 1e15)
    expectClose(fit.solution[0] + 2 * fit.solution[1], 1, relative: 1e-12)
    #expect(LeastSquares([[3, 0], [0, 4]], [3, 8]).solution == [1, 2])
  }

  @Test("planted polynomials are found again, on ranges as narrow as published ones")
  func planted() throws {
    let seed: UInt64 = 20261126
    var generator = Dice(seed: seed)
    for (name, preset) in TeaCachePreset.published {
      let low = generator.real(0.001...0.1)
      let high = low + generator.real(0.02...0.4)
      let pairs = (0..<60).map { _ in
        let x = generator.real(low...high)
        return (x: x, y: preset.coefficients.reduce(0) { $0 * x + $1 })
      }
      let fit = try #require(PolynomialFit(pairs, degree: 4))
      let largest = pairs.map { abs($0.y) }.max()!
      for pair in pairs {
        // The planted value itself is only as good as its own cancellation.
        expectClose(
          fit.value(at: pair.x), pair.y, relative: 0, absolute: 1e-13 * fit.cancellation * largest,
          "\(name), seed \(seed)")
      }
      for (found, planted) in zip(fit.coefficients, preset.coefficients) {
        expectClose(
          found, planted, relative: 1e-9,
          absolute: 1e-14 * fit.conditionNumber * abs(preset.coefficients.map(abs).max()!),
          "\(name), seed \(seed)")
      }
      #expect(fit.basisConditionNumber < 1000 && fit.basisConditionNumber < fit.conditionNumber)
    }
  }

  @Test("too few different x make no fit")
  func tooFew() {
    #expect(PolynomialFit([(1, 1), (2, 2), (2, 3), (1, 0)], degree: 2) == nil)
    #expect(PolynomialFit([(1, 1), (2, 2), (3, 3)], degree: 2) != nil)
  }

  @Test("where Wan's published polynomials are negative: the windows that are known of them")
  func windows() throws {
    func fit(_ model: String, _ range: ClosedRange<Double>) -> PolynomialFit {
      let preset = TeaCachePreset.published.first { $0.name == model }!.preset
      return PolynomialFit(
        coefficients: preset.coefficients, range: range, conditionNumber: 1, basisConditionNumber: 1,
        cancellation: 1)
    }
    // From the literature, to four digits.
    let usual = fit("wan2.1-t2v-1.3b", 0...0.4).negativeWindows
    #expect(usual.count == 1)
    expectClose(usual[0].lowerBound, 0.185, relative: 0, absolute: 1e-3)
    expectClose(usual[0].upperBound, 0.3105, relative: 0, absolute: 1e-3)
    let ret = fit("wan2.1-t2v-1.3b-ret", 0...0.12).negativeWindows
    #expect(ret.count == 2 && ret[0].lowerBound == 0 && ret[1].upperBound == 0.12)
    expectClose(ret[0].upperBound, 0.0043, relative: 0, absolute: 1e-4)
    expectClose(ret[1].lowerBound, 0.1019, relative: 0, absolute: 1e-4)
    #expect(fit("flux", 0...0.5).negativeWindows.isEmpty)
    // x² − x falls up to ½ and is negative up to 1.
    let square = PolynomialFit(
      coefficients: [1, -1, 0], range: 0...2, conditionNumber: 1, basisConditionNumber: 1, cancellation: 1)
    #expect(square.fallingWindows.count == 1 && square.fallingWindows[0].lowerBound == 0)
    expectClose(square.fallingWindows[0].upperBound, 0.5, relative: 1e-9)
    expectClose(square.negativeWindows[0].upperBound, 1, relative: 1e-9)
    #expect(fit("open-sora", 0.01...0.5).negativeWindows.isEmpty)
  }

  @Test("cancellation: terms against their sum, by hand")
  func cancellation() throws {
    // (x − 1)² on 1 … 2: largest value 1, terms up to 4 + 4 + 1.
    let xs = (0...8).map { 1 + Double($0) / 8 }
    let pairs = xs.map { x in (x: x, y: (x - 1) * (x - 1)) }
    let fit = try #require(PolynomialFit(pairs, degree: 2))
    expectClose(fit.cancellation, 9, relative: 1e-9)
    expectClose(fit.coefficients[0], 1, relative: 1e-10)
    expectClose(fit.coefficients[1], -2, relative: 1e-10)
    expectClose(fit.coefficients[2], 1, relative: 1e-10)
  }
}
