public import Trace

/// Computes at a regular interval and predicts with Heun's rule from two slopes (FoCa, as in cache-dit).
///
/// ``HeunForecaster`` has the rule. cache-dit uses the change over the whole gap between computed calls as the
/// slope of one call, so that a line is overshot wherever the gap is not 1; `normalise-gap=on` divides by the
/// gap, as the paper's step-normalised derivative does. The authors' code was not found.
public struct FoCaPolicy: Policy {
  static let entry = PolicyEntry(
    name: "foca",
    summary: "Computes at a regular interval and predicts with Heun's rule between (FoCa).",
    source:
      "arXiv 2508.16211; vipshop/cache-dit 1.5.3 (calibrators/foca.py). The authors' code was not found.",
    standIn:
      "In cache-dit FoCa predicts what DBCache skips, with DBCache's decisions (dbcache:predictor=foca); here a "
      + "regular timetable decides and any site can be predicted.",
    parameters: CounterSchedule.parameters(interval: "4", firstEnhance: "3") + [
      Parameter(
        "normalise-gap", .choice(["off", "on"]), default: "off",
        "whether the change between computed calls is divided by their distance"),
      .site("stack"),
    ],
    kind: .ordinary { FoCaPolicy($0) })

  public let spec: PolicySpec
  public let site: Site?
  private var schedule: CounterSchedule
  private var forecaster: HeunForecaster
  private var stream: CallStream?

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    forecaster = HeunForecaster(normalisesGap: values.choice("normalise-gap") == "on")
    schedule = CounterSchedule(values)
  }

  public var minimumCallCount: Int { schedule.firstEnhance + 1 }
  public var predictor: (any Predictor)? { nil }
  public var cachedTensorCount: Int { 4 }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    schedule.reset()
    forecaster.reset()
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    schedule.decision(stream!.index(of: position))
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    schedule.predicted()
    return forecaster.prediction(at: position)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    schedule.computed()
    forecaster.computed(at: position, signals: signals)
  }
}
