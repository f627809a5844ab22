import Trace

/// Quantiles as `torch.quantile` and NumPy define them by default: linear interpolation between the two
/// nearest ranks, rank `p (n − 1)` from 0.
public enum Quantile {
  public static func linear(_ p: Double, ofSorted values: [Double]) -> Double {
    precondition(!values.isEmpty, "a quantile needs values")
    return interpolated(p, count: values.count) { (values[$0], values[$1]) }
  }

  /// The middle of values in any order, the mean of the two in the middle where there is no single one; nil of
  /// none.
  public static func median(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : linear(0.5, ofSorted: values.sorted())
  }

  /// Quantiles of values in any order, each of which is zero or positive.
  ///
  /// Cost: a few passes over the values and a sort of the few that are near a quantile; no full sort.
  public static func linear(_ ps: [Double], of values: [Double]) -> [Double] {
    let ranks = RankedValues(values)
    return ps.map { p in interpolated(p, count: values.count) { ranks.values($0, $1) } }
  }

  private static func interpolated(
    _ p: Double, count: Int, _ values: (_ low: Int, _ high: Int) -> (Double, Double)
  ) -> Double {
    let rank = p * Double(count - 1)
    let low = Int(rank.rounded(.down))
    let (a, b) = values(low, min(low + 1, count - 1))
    if a == b { return a }
    return a + (b - a) * (rank - Double(low))
  }
}
