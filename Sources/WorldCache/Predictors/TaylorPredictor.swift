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
    // Differences of one order at each anchor, newest first, as far back as they exist.
    var differences: [Combination?] = anchors.map { Combination(valueAt: $0) }
    var sum = differences[0]!
    var factor = 1.0
    for i in 1...max(order, 1) where order > 0 {
      var next: [Combination?] = []
      for (index, anchor) in anchors.enumerated() {
        guard index + 1 < anchors.count, anchor > firstEnhance - 2, let newer = differences[index],
          let older = differences[index + 1]
        else {
          next.append(nil)
          continue
        }
        next.append((newer - older) / Double(anchor - anchors[index + 1]))
      }
      differences = next
      guard let newest = differences[0] else { break }
      factor *= Double(distance) / Double(i)
      sum = sum + newest * factor
    }
    return [sum]
  }
}
