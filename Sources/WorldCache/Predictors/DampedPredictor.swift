public import Trace

/// Extrapolates with a velocity that fades from the newest to the previous one (WorldCache's
/// prediction for chaotic tokens).
///
/// `f_0 + k ((1 − α_k) v_0 + α_k v_1)`, `α_k = 3 x² − 2 x³`, `x = min(k / nMax, 1)`, with `v_0` the slope
/// between the two newest computed calls and `v_1` that of the two before (arXiv 2603.06331;
/// FofGofx/WorldCache f12d205).
public struct DampedPredictor: Predictor, Hashable {
  public let nMax: Int

  public init(nMax: Int) { self.nMax = nMax }

  public var name: String { "damped" }
  public var anchorCount: Int { 3 }
  public var minimumAnchorCount: Int { 3 }
  public var longestStreak: Int? { nMax }

  public func combinations(anchors: [Int], distance: Int) -> [Combination] {
    let velocities = Velocities(anchors: anchors)
    let x = min(Double(distance) / Double(nMax), 1)
    let alpha = 3 * x * x - 2 * x * x * x
    let velocity = velocities.newest * (1 - alpha) + velocities.previous * alpha
    return [Combination(valueAt: anchors[0]) + velocity * Double(distance)]
  }
}

/// Slopes and acceleration of the three newest computed calls, in step units.
struct Velocities {
  /// `v_0 = (f_0 − f_1) / (s_0 − s_1)`.
  let newest: Combination
  /// `v_1 = (f_1 − f_2) / (s_1 − s_2)`.
  let previous: Combination
  /// `(v_0 − v_1) / (s_0 − s_1)`: divided by the newest gap only, as WorldCache's code does.
  let acceleration: Combination

  init(anchors: [Int]) {
    let values = anchors.prefix(3).map { Combination(valueAt: $0) }
    newest = (values[0] - values[1]) / Double(anchors[0] - anchors[1])
    previous = (values[1] - values[2]) / Double(anchors[1] - anchors[2])
    acceleration = (newest - previous) / Double(anchors[0] - anchors[1])
  }
}
