public import Trace

/// Splits the last hidden state into two frequency bands; holds the low one and extrapolates the high one
/// (FreqCa).
///
/// Each band has TaylorSeer's differences; the low one is predicted with order 0, the high one with order 2 and
/// Hermite weights of σ 0.71 (``HermitePredictor``) or Taylor's. On the counter schedule. FLUX splits by the
/// cosine transform of the token grid, frame by frame where there are several; Qwen-Image by the Fourier
/// transform along the flattened tokens (Tammytcl/FreqCa e0a4bf3). The code's differences and distances both
/// have the opposite sign, which cancels. Left out: its experimental look-ahead pass (`use_z_cache`), which
/// evaluates calls ahead of time.
public struct FreqCaPolicy: Policy {
  static let entry = PolicyEntry(
    name: "freqca",
    summary: "Holds the low frequencies of the last hidden state and extrapolates the high ones (FreqCa).",
    source:
      "Tammytcl/FreqCa e0a4bf3 (FLUX: transform=cosine; Qwen-Image: transform=fourier; intervals 6 and 9). "
      + "The experimental look-ahead pass is left out.",
    parameters: CounterSchedule.parameters(interval: "6", firstEnhance: "3") + [
      Parameter(
        "transform", .choice(["cosine", "fourier"]), default: "cosine",
        "over the grid of each frame, or along all tokens in their order"),
      Parameter(
        "fraction", .real(0...1), default: "0.1", "share of the highest frequency that counts as low"),
      Parameter("low-order", .integer(0...4), default: "0", "highest order of the low band's differences"),
      Parameter("order", .integer(0...4), default: "2", "highest order of the high band's differences"),
      Parameter(
        "weights", .choice(["hermite", "taylor"]), default: "hermite", "polynomials of the prediction"),
      Parameter(
        "sigma", .real(0...1000), default: "0.71", "contraction σ",
        when: .init(key: "weights", choices: ["hermite"])),
      .site("hidden"),
    ],
    kind: .ordinary { FreqCaPolicy($0) })

  public let spec: PolicySpec
  public let site: Site?
  public let split: BandSplit?
  private let bands: BandPredictor
  private var schedule: CounterSchedule
  private var forecaster: Forecaster
  private var stream: CallStream?

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    let fraction = values.real("fraction")
    split =
      values.choice("transform") == "cosine" ? .cosine(fraction: fraction) : .fourier(fraction: fraction)
    let schedule = CounterSchedule(values)
    self.schedule = schedule
    func predictor(_ order: Int) -> any Predictor {
      values.choice("weights") == "taylor"
        ? TaylorPredictor(order: order, firstEnhance: schedule.firstEnhance)
        : HermitePredictor(order: order, sigma: values.real("sigma"), firstEnhance: schedule.firstEnhance)
    }
    bands = BandPredictor(
      low: predictor(values.integer("low-order")), high: predictor(values.integer("order")))
    forecaster = Forecaster(bands)
  }

  public var minimumCallCount: Int { schedule.firstEnhance + 1 }
  public var predictor: (any Predictor)? { bands }

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
