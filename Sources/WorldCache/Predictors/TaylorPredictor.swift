public import Trace

/// Extrapolates with finite differences of computed values (TaylorSeer, arXiv 2503.06923).
///
/// At the computed call `a_0` with gap `g = a_0 − a_1` the difference of order i + 1 is
/// `D_(i+1)(a_0) = (D_i(a_0) − D_i(a_1)) / g`, the newest gap for every order, and the prediction x
/// calls later is `Σ D_i x^i / i!`. The differences stand for derivatives at the newest call, so order 2
/// does not reproduce a parabola even where gaps are equal, as Newton's differences would. Differences exist only at calls later than `firstEnhance − 2`
/// (Shenyi-Z/TaylorSeer 288776d).
public struct TaylorPredictor: Predictor {
  public let order: Int
  public let firstEnhance: Int

  public init(order: Int, firstEnhance: Int = 1) {
    self.order = order
    self.firstEnhance = firstEnhance
  }

  public var name: String { "taylor" }
  public var anchorCount: Int { order + 1 }

  public func combinations(anchors: [Int], distance: Int) -> [Combination] {
    let differences = Differences.newest(anchors: anchors, order: order, firstEnhance: firstEnhance)
    var sum = differences[0]
    var factor = 1.0
    for (i, difference) in differences.enumerated().dropFirst() {
      factor *= Double(distance) / Double(i)
      sum = sum + difference * factor
    }
    return [sum]
  }
}
