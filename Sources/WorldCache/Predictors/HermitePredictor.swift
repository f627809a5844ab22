public import Trace

/// Extrapolates with TaylorSeer's differences and contracted Hermite weights (HiCache, arXiv 2508.16984).
///
/// `D_0 + Σ_(k ≥ 1) w_k D_k` for the call x later, with `w_k = σ^k H_k(σ x) / k!` and the physicists'
/// polynomials `H_1 = 2 y`, `H_2 = 4 y² − 2`, `H_(n+1) = 2 y H_n − 2 n H_(n−1)`; so `w_1 = 2 σ² x` and
/// `w_2 = 2 σ⁴ x² − σ²`, which is not zero at x = 0. The `scaled` basis has `w_k = σ^(2k) x^k / k!`
/// instead (yiming-l21/CFGCache bf339cb).
public struct HermitePredictor: Predictor, Hashable {
  public enum Basis: String, Sendable, CaseIterable {
    case hermite, scaled
  }

  public let order: Int
  public let sigma: Double
  public let basis: Basis
  public let firstEnhance: Int

  public init(order: Int, sigma: Double, basis: Basis = .hermite, firstEnhance: Int = 1) {
    self.order = order
    self.sigma = sigma
    self.basis = basis
    self.firstEnhance = firstEnhance
  }

  public var name: String { "hermite" }
  public var anchorCount: Int { order + 1 }

  public func combinations(anchors: [Int], distance: Int) -> [Combination] {
    let differences = Differences.newest(anchors: anchors, order: order, firstEnhance: firstEnhance)
    var sum = differences[0]
    for (k, difference) in differences.enumerated().dropFirst() {
      sum = sum + difference * weight(k, at: Double(distance))
    }
    return [sum]
  }

  /// Weight of the difference of order k, `distance` calls after the newest computed one.
  func weight(_ k: Int, at distance: Double) -> Double {
    let y = sigma * distance
    var (power, factorial) = (1.0, 1.0)
    for i in 1...k {
      power *= sigma
      factorial *= Double(i)
    }
    switch basis {
    case .hermite: return power * HermitePredictor.polynomial(k, y) / factorial
    case .scaled:
      for _ in 1...k { power *= y }
      return power / factorial
    }
  }

  /// The physicists' Hermite polynomial of degree `n`.
  static func polynomial(_ n: Int, _ y: Double) -> Double {
    var (before, value) = (1.0, 2 * y)
    if n == 0 { return before }
    for k in 1..<max(n, 1) { (before, value) = (value, 2 * y * value - 2 * Double(k) * before) }
    return value
  }
}
