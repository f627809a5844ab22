public import Trace

/// Computes at a regular interval and extrapolates with finite differences between (TaylorSeer).
///
/// Three codes, one method: `lite` works on one tensor, the model's output (Shenyi-Z/Cache4Diffusion 91a1949,
/// HunyuanImage); `author` on every module's output before its gate (Shenyi-Z/TaylorSeer 288776d), for which
/// the residual of the whole stack stands in, exact where gates are constant in time; both on the counter
/// schedule. `diffusers` (hooks/taylorseer_cache.py, 58eb52c) computes call s when s < before,
/// (s − before − 1) mod interval = 0 or s ≥ after, so that call `before` itself is predicted: 0, 1, 2, 4, 9, 14,
/// …; its differences begin with the second computed call. Differs: diffusers keeps the differences in
/// bfloat16, here they are exact.
public struct TaylorPolicy: Policy {
  /// Published settings: interval, order, first calls.
  private static let presets: [(name: String, interval: String, order: String, firstEnhance: String)] = [
    ("lite", "5", "2", "3"), ("lite-mid", "4", "2", "3"), ("lite-detailed", "3", "2", "3"),
    ("author", "6", "1", "3"), ("author-hunyuan", "5", "1", "1"), ("author-wan", "5", "1", "1"),
    ("author-hidream", "4", "2", "1"), ("author-dit", "4", "4", "2"), ("diffusers", "5", "1", "3"),
  ]

  private static func defaults(
    _ value: (((name: String, interval: String, order: String, firstEnhance: String)) -> String)
  ) -> Parameter.OtherDefaults {
    .init(key: "variant", values: Dictionary(uniqueKeysWithValues: presets.map { ($0.name, value($0)) }))
  }

  private static let counted = Parameter.Condition(
    key: "variant", choices: presets.map(\.name).filter { $0 != "diffusers" })
  private static let diffusers = Parameter.Condition(key: "variant", choices: ["diffusers"])

  static let entry = PolicyEntry(
    name: "taylor", summary: "Computes at a regular interval and extrapolates between (TaylorSeer).",
    source: "arXiv 2503.06923; Shenyi-Z/TaylorSeer 288776d (author: FLUX, and its other models), "
      + "Shenyi-Z/Cache4Diffusion 91a1949 (lite: fast, mid and detailed), huggingface/diffusers 58eb52c. "
      + "Differs: diffusers rounds the differences to bfloat16, which replay does not.",
    standIn: "Only lite caches one tensor; author and diffusers predict every module's output before its "
      + "gate, for which one value of the whole model stands in (exact at the site stack where gates are "
      + "constant in time).",
    parameters: [
      Parameter(
        "variant", .choice(presets.map(\.name)), default: "lite", "whose schedule and published settings",
        isQuiet: true),
      Parameter(
        "interval", .integer(1...Int.max), default: "5", by: defaults { $0.interval },
        "calls from one computed call to the next"),
      Parameter(
        "order", .integer(0...4), default: "2", by: defaults { $0.order },
        "highest order of the differences"),
      Parameter(
        "first-enhance", .integer(1...1_000_000), default: "3", by: defaults { $0.firstEnhance },
        "calls computed at the start", when: counted),
      Parameter(
        "before", .integer(0...1_000_000), default: "3", "calls computed at the start", when: diffusers),
      Parameter(
        "after", .integer(0...1_000_000), default: "0", "call from which on all are computed; 0 for none",
        when: diffusers),
      Parameter(
        "site", .site, default: "output",
        by: defaults { $0.name.hasPrefix("lite") ? "output" : "stack" }, "what is cached and predicted"),
    ],
    kind: .ordinary { TaylorPolicy($0) })

  /// When calls are computed.
  private enum Timetable {
    case counter(CounterSchedule)
    case diffusers(interval: Int, before: Int, after: Int)
  }

  public let spec: PolicySpec
  private var timetable: Timetable
  private let taylor: TaylorPredictor
  private var forecaster: Forecaster
  private var stream: CallStream?

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    if values.choice("variant") == "diffusers" {
      timetable = .diffusers(
        interval: values.integer("interval"), before: values.integer("before"), after: values.integer("after")
      )
      taylor = TaylorPredictor(order: values.integer("order"))
    } else {
      let schedule = CounterSchedule(values)
      timetable = .counter(schedule)
      taylor = TaylorPredictor(order: values.integer("order"), firstEnhance: schedule.firstEnhance)
    }
    forecaster = Forecaster(taylor)
  }

  public let site: Site?
  public var minimumCallCount: Int {
    switch timetable {
    case .counter(let schedule): schedule.firstEnhance + 1
    case .diffusers(_, let before, _): before + 1
    }
  }
  public var predictor: (any Predictor)? { taylor }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    if case .counter(var schedule) = timetable {
      schedule.reset()
      timetable = .counter(schedule)
    }
    forecaster.reset()
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let index = stream!.index(of: position)
    switch timetable {
    case .counter(let schedule): return schedule.decision(index)
    case .diffusers(let interval, let before, let after):
      // Nothing can be predicted before the first computed call.
      if index < max(before, 1) { return Decision(.compute, .warmUp) }
      let isDue = (index - before - 1) % interval == 0 || after > 0 && index >= after
      return Decision(isDue ? .compute : .predict, .schedule)
    }
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    if case .counter(var schedule) = timetable {
      schedule.predicted()
      timetable = .counter(schedule)
    }
    return forecaster.prediction(at: position)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    if case .counter(var schedule) = timetable {
      schedule.computed()
      timetable = .counter(schedule)
    }
    forecaster.computed(at: position, signals: signals)
  }
}
