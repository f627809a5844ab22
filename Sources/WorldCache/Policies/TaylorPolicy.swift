public import Trace

/// Computes at a regular interval and extrapolates the output between (TaylorSeer-Lite).
///
/// The counter schedule of Shenyi-Z/TaylorSeer 288776d: computed while s < first-enhance or when
/// interval − 1 calls have been predicted since; the last call is not forced. As TaylorSeer-Lite in
/// Shenyi-Z/Cache4Diffusion 91a1949 it works on one tensor, the model's output, not on every module.
/// Defaults are Lite's fast preset; the diffusers documentation advises order 1.
public struct TaylorPolicy: Policy {
  static let entry = PolicyEntry(
    name: "taylor", summary: "Computes at a regular interval and extrapolates between (TaylorSeer-Lite).",
    source: "arXiv 2503.06923; Shenyi-Z/TaylorSeer 288776d (differences and schedule), "
      + "Shenyi-Z/Cache4Diffusion 91a1949 (on the output).",
    parameters: [
      Parameter("interval", .integer(1...Int.max), default: "5", "calls from one computed call to the next"),
      Parameter("order", .integer(0...4), default: "2", "highest order of the differences"),
      Parameter("first-enhance", .integer(1...1_000_000), default: "3", "calls computed at the start"),
      .site(),
    ],
    kind: .ordinary {
      TaylorPolicy(
        spec: $0.spec, site: $0.site("site"), interval: $0.integer("interval"),
        predictor: TaylorPredictor(order: $0.integer("order"), firstEnhance: $0.integer("first-enhance")))
    })

  public let spec: PolicySpec
  let interval: Int
  private let taylor: TaylorPredictor
  private var forecaster: Forecaster
  private var stream: CallStream?
  /// Calls predicted since the last computed one.
  private var counter = 0

  init(spec: PolicySpec, site: Site, interval: Int, predictor: TaylorPredictor) {
    self.spec = spec
    self.site = site
    self.interval = interval
    taylor = predictor
    forecaster = Forecaster(predictor)
  }

  public let site: Site?
  public var minimumCallCount: Int { taylor.firstEnhance + 1 }
  public var predictor: (any Predictor)? { taylor }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    counter = 0
    forecaster.reset()
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if stream!.index(of: position) < taylor.firstEnhance { return Decision(.compute, .warmUp) }
    return Decision(counter == interval - 1 ? .compute : .predict, .schedule)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    counter += 1
    return forecaster.prediction(at: position)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    counter = 0
    forecaster.computed(at: position, signals: signals)
  }
}
