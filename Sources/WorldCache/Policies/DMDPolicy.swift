public import Trace

/// Computes at a regular interval and carries the newest value on by the modes of the last computed ones (the
/// DMD calibrator of cache-dit); ``ModeForecaster`` has the rule.
public struct DMDPolicy: Policy {
  static let entry = PolicyEntry(
    name: "dmd",
    summary:
      "Computes at a regular interval; between, dynamic modes of the last computed values (DMD calibrator).",
    source: "vipshop/cache-dit 1.5.3 (calibrators/dmd.py).",
    standIn:
      "In cache-dit it predicts what DBCache skips, with DBCache's decisions (dbcache:predictor=dmd); here a "
      + "regular timetable decides and any site can be predicted.",
    parameters: CounterSchedule.parameters(interval: "3", firstEnhance: "4") + [
      Parameter("history", .integer(4...16), default: "6", "computed values looked back on at most"),
      .site("stack"),
    ],
    kind: .ordinary { DMDPolicy($0) })

  public let spec: PolicySpec
  public let site: Site?
  private var schedule: CounterSchedule
  private var forecaster: ModeForecaster
  private var stream: CallStream?

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    forecaster = ModeForecaster(history: values.integer("history"))
    schedule = CounterSchedule(values)
  }

  public var minimumCallCount: Int { schedule.firstEnhance + 1 }
  public var predictor: (any Predictor)? { nil }
  public var cachedTensorCount: Int { forecaster.history }

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
