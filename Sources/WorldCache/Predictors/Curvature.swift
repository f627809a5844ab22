/// WorldCache's curvature of a token's trajectory: `κ = ‖a‖ / (‖v_0‖² + ε)`.
///
/// High for slow tokens and low for fast ones; a straight line has zero, whatever its speed, and so does a
/// token that never moves. Not a geometric curvature: plain slowing down along a line counts too.
public enum Curvature {
  /// ε of the published code.
  public static let epsilon = 1e-8

  /// One curvature per pooled token from the three newest computed calls.
  public static func values(anchors: [Int], signals: some Signals) -> [Double] {
    signals.remembered(Key(anchors: Array(anchors.prefix(3)))) {
      let velocities = Velocities(anchors: anchors)
      let speeds = signals.norms(of: velocities.newest)
      var values = signals.norms(of: velocities.acceleration)
      for token in values.indices { values[token] /= speeds[token] * speeds[token] + epsilon }
      return values
    }
  }

  private struct Key: Hashable {
    let anchors: [Int]
  }
}
