public import Trace

/// Computes at a regular interval and predicts with Heun's rule from two slopes (FoCa, as in cache-dit).
///
/// With `full` and `prev` the last two computed values, `now` and `last` the last two of all calls,
/// predictions included, and e calls since the last computed one:
///
///     p = full + e/2 ((full − prev) + (now − last)),   beyond e = 3: p = w p(3) + (1 − w) full, w = 3/e
///
/// cache-dit's `full − prev` is the change over the whole gap, used as the slope of one call, so that a line is
/// overshot wherever the gap is not 1; `normalise-gap=on` divides by the gap, as the paper's step-normalised
/// derivative does. With fewer than two values the newest is held. The authors' code was not found.
public struct FoCaPolicy: Policy {
  static let entry = PolicyEntry(
    name: "foca",
    summary: "Computes at a regular interval and predicts with Heun's rule between (FoCa).",
    source:
      "arXiv 2508.16211; vipshop/cache-dit f86744a (calibrators/foca.py). The authors' code was not found.",
    standIn:
      "In cache-dit FoCa predicts what DBCache skips, with DBCache's decisions; here a regular timetable "
      + "decides and any site can be predicted.",
    parameters: CounterSchedule.parameters(interval: "4", firstEnhance: "3") + [
      Parameter(
        "normalise-gap", .choice(["off", "on"]), default: "off",
        "whether the change between computed calls is divided by their distance"),
      .site("stack"),
    ],
    kind: .ordinary { FoCaPolicy($0) })

  public let spec: PolicySpec
  public let site: Site?
  private let normalisesGap: Bool
  private var schedule: CounterSchedule
  private var stream: CallStream?
  /// Computed calls, newest first, at most two.
  private var anchors: [Int] = []
  /// Values of the last two calls, newest first.
  private var values: [Combination] = []

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    normalisesGap = values.choice("normalise-gap") == "on"
    schedule = CounterSchedule(values)
  }

  public var minimumCallCount: Int { schedule.firstEnhance + 1 }
  public var predictor: (any Predictor)? { nil }
  public var cachedTensorCount: Int { 4 }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    schedule.reset()
    anchors = []
    values = []
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    schedule.decision(stream!.index(of: position))
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    schedule.predicted()
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

  public mutating func computed(at position: Int, signals: some Signals) {
    schedule.computed()
    anchors = [position] + anchors.prefix(1)
    values = [Combination(valueAt: position)] + values.prefix(1)
  }
}
