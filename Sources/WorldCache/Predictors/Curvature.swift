/// WorldCache's curvature of a token's trajectory: `κ = ‖a‖ / (‖v_0‖² + ε)`.
///
/// High for slow tokens and low for fast ones; a straight line has zero, whatever its speed, and so does a
/// token that never moves. Not a geometric curvature: plain slowing down along a line counts too.
public enum Curvature {
  /// ε of the published code.
  public static let epsilon = 1e-8

  /// One curvature per pooled token from the three newest computed calls.
  public static func values(anchors: [Int], signals: some Signals) -> [Double] {
    let velocities = Velocities(anchors: anchors)
    let speeds = signals.norms(of: velocities.newest)
    return zip(signals.norms(of: velocities.acceleration), speeds).map { acceleration, speed in
      acceleration / (speed * speed + epsilon)
    }
  }
}

/// Quantiles as `torch.quantile` and NumPy define them by default.
public enum Quantile {
  /// Linear interpolation between the two nearest ranks, rank `p (n − 1)` from 0.
  public static func linear(_ p: Double, ofSorted values: [Double]) -> Double {
    precondition(!values.isEmpty, "a quantile needs values")
    let rank = p * Double(values.count - 1)
    let low = Int(rank.rounded(.down))
    let high = min(low + 1, values.count - 1)
    let fraction = rank - Double(low)
    if values[low] == values[high] { return values[low] }
    return values[low] + (values[high] - values[low]) * fraction
  }
}
