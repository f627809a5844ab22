public import Trace

/// TaylorSeer's schedule and differences with Hermite weights, contracted by σ (HiCache).
///
/// ``HermitePredictor`` gives the formula. `weights=analytic` takes σ from the differences themselves:
/// `σ = min(1, 1.28 / (√2 q + 1e-6))`, q being the mean over tokens of `‖D_1‖` at the first computed call that
/// has one, and `q² ← 0.99 q² + 0.01 (mean ‖D_1‖)²` at each later one.
/// Differs: the code keeps q per layer over every module of the layer; here there is one value. Its optional
/// quantile in place of the mean and its smoothing of log σ are off by default there and are left out.
public struct HiCachePolicy: Policy {
  private enum Weights: String, CaseIterable {
    case hermite, scaled, analytic
  }

  static let entry = PolicyEntry(
    name: "hicache",
    summary: "Computes at a regular interval and extrapolates with contracted Hermite weights (HiCache).",
    source: "arXiv 2508.16984; yiming-l21/CFGCache bf339cb (FLUX; its launchers use interval 5, order 2 and "
      + "sigma 0.6 or 0.7).",
    standIn: "HiCache predicts every module's output before its gate; one value of the whole model stands in "
      + "(exact at the site stack where gates are constant in time).",
    parameters: CounterSchedule.parameters(interval: "6", firstEnhance: "3") + [
      Parameter("order", .integer(0...4), default: "1", "highest order of the differences"),
      Parameter(
        "weights", .choice(Weights.allCases.map(\.rawValue)), default: "hermite",
        "Hermite polynomials, powers scaled alike, or Hermite with σ from the size of the differences"),
      Parameter(
        "sigma", .real(0...1000), default: "0.5", "contraction σ",
        when: .init(key: "weights", choices: ["hermite", "scaled"])),
      .site("stack"),
    ],
    kind: .ordinary { HiCachePolicy($0) })

  public let spec: PolicySpec
  public let site: Site?
  private let order: Int
  private let weights: Weights
  /// The fixed predictor, or with analytic σ the one that is made anew from its size.
  private let fixed: HermitePredictor
  private var schedule: CounterSchedule
  private var forecaster: Forecaster
  private var stream: CallStream?
  /// q: running size of the first difference.
  private var size: Double?

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    order = values.integer("order")
    weights = Weights(rawValue: values.choice("weights"))!
    schedule = CounterSchedule(values)
    fixed = HermitePredictor(
      order: order, sigma: weights == .analytic ? 1 : values.real("sigma"),
      basis: weights == .scaled ? .scaled : .hermite, firstEnhance: schedule.firstEnhance)
    forecaster = Forecaster(fixed)
  }

  public var minimumCallCount: Int { schedule.firstEnhance + 1 }
  public var predictor: (any Predictor)? { weights == .analytic ? nil : fixed }
  public var cachedTensorCount: Int { order + 1 }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    schedule.reset()
    forecaster.reset()
    size = nil
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    schedule.decision(stream!.index(of: position))
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    schedule.predicted()
    guard weights == .analytic else { return forecaster.prediction(at: position) }
    let predictor = HermitePredictor(
      order: order, sigma: HiCachePolicy.sigma(size: size ?? 1), firstEnhance: schedule.firstEnhance)
    return Prediction(
      predictor.combinations(
        anchors: forecaster.anchors, distance: position - forecaster.anchors[0])[0])
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    schedule.computed()
    forecaster.computed(at: position, signals: signals)
    guard weights == .analytic, order > 0 else { return }
    let differences = Differences.newest(
      anchors: forecaster.anchors, order: 1, firstEnhance: schedule.firstEnhance)
    guard differences.count > 1 else { return }
    let norms = signals.norms(of: differences[1])
    let mean = norms.reduce(0, +) / Double(norms.count)
    size = size.map { (0.99 * $0 * $0 + 0.01 * mean * mean).squareRoot() } ?? mean
  }

  /// σ for first differences of a size.
  static func sigma(size: Double) -> Double { min(1, 1.28 / (2.0.squareRoot() * size + 1e-6)) }
}
