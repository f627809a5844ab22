import Trace

/// Predicts with Heun's rule from two slopes (FoCa, arXiv 2508.16211; vipshop/cache-dit 1.5.3, calibrators/foca.py).
///
/// With `full` and `prev` the last two computed values, `now` and `last` the last two of all calls,
/// predictions included, and e calls since the last computed one:
///
///     p = full + e/2 ((full − prev) + (now − last)),   beyond e = 3: p = w p(3) + (1 − w) full, w = 3/e
///
/// With fewer than two values the newest is held.
struct HeunForecaster: Forecasting {
  /// Whether `full − prev` is divided by the calls between the two; in cache-dit it is not.
  let normalisesGap: Bool
  /// Computed calls, newest first, at most two.
  private var anchors: [Int] = []
  /// Values of the last two calls, newest first.
  private var values: [Combination] = []

  init(normalisesGap: Bool = false) { self.normalisesGap = normalisesGap }

  mutating func reset() {
    anchors = []
    values = []
  }

  mutating func computed(at position: Int, signals: some Signals) {
    anchors = [position] + anchors.prefix(1)
    values = [Combination(valueAt: position)] + values.prefix(1)
  }

  mutating func prediction(at position: Int) -> Prediction {
    let full = Combination(valueAt: anchors[0])
    // Holding leaves the last two values as they are.
    guard anchors.count == 2, values.count == 2 else { return Prediction(full) }
    let elapsed = Double(position - anchors[0])
    let gap = normalisesGap ? Double(anchors[0] - anchors[1]) : 1
    let slope = (full - Combination(valueAt: anchors[1])) / gap + (values[0] - values[1])
    let predicted =
      elapsed <= 3
      ? full + slope * (elapsed / 2)
      : (full + slope * 1.5) * (3 / elapsed) + full * (1 - 3 / elapsed)
    values = [predicted, values[0]]
    return Prediction(predicted)
  }
}
