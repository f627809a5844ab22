import Trace

/// Adds up how much the filtered input of the first block changes from call to call, and computes when the
/// sum reaches a threshold (SeaCache, CVPR 2026).
///
/// As TeaCache without its polynomial, on a signal filtered over the token grid with a gain that follows
/// each call's noise level (`SpectralFilter`); forced calls as in TeaCache's scripts. What is
/// held is the residual of the whole stack. The hook of diffusers looks at the latent instead, computes after
/// `cap` predicted calls and carries the last two residuals on along a line.
///
/// Differs: Wan's script leaves the reference unfiltered during warm-up, which biases its first test; here all
/// references are filtered. FLUX filters rows and columns; here any axis with more than one token.
/// diffusers filters latent pixels, several of which may make a token.
struct SeaCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "seacache", summary: "Adds up the change of a spectrally filtered signal (SeaCache).",
    source: "CVPR 2026; jiwoogit/SeaCache 0a91c2b (FLUX, HunyuanVideo, Wan 2.1); diffusers 0.42.1 "
      + "hooks/sea_cache.py (model=diffusers: the latent's change, a cap, and extrapolated residuals).",
    parameters: [
      Parameter(
        "model", .choice(["flux", "hunyuan", "wan", "diffusers"]), default: "flux", "whose defaults"),
      Parameter(
        "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.3",
        by: .init(key: "model", values: ["hunyuan": "0.2", "wan": "0.2", "diffusers": "0.25"]),
        "sum at which a call is computed"),
      Parameter(
        "signal", .choice([Tap.modulated.name, Tap.latent.name]), default: Tap.modulated.name,
        by: .init(key: "model", values: ["diffusers": Tap.latent.name]), "what is filtered"),
      Parameter(
        "power", .integer(1...8), default: "2",
        by: .init(key: "model", values: ["hunyuan": "3", "wan": "3", "diffusers": "3"]),
        "power of the frequency in the filter"),
      Parameter(
        "cap", .integer(0...1_000_000), default: "0", by: .init(key: "model", values: ["diffusers": "2"]),
        "longest streak of predicted calls; 0 for any"),
      Parameter(
        "order", .integer(0...1), default: "0", by: .init(key: "model", values: ["diffusers": "1"]),
        "0 holds the residual, 1 extrapolates the last two"),
    ]
      + ForcedCalls.parameters(
        [.ends, .first, .calls], by: ["forced": .init(key: "model", values: ["wan": "calls"])]) + [
        Parameter(
          "branches", .choice(["pooled", "separate"]), default: "pooled",
          by: .init(key: "model", values: ["wan": "separate", "diffusers": "separate"]),
          "one decision for all guidance branches, or one for each")
      ],
    thresholds: [Threshold("threshold", .predictBelow)],
    kind: .ordinary { SeaCachePolicy($0) })

  let spec: PolicySpec
  let coupling: Coupling
  private let threshold: Double
  private let forced: ForcedCalls
  private let change: ChangeRequest
  private let cap: Int
  private var stream: CallStream?
  private var forecaster: Forecaster
  private var accumulated = 0.0
  /// Predicted calls since the newest computed one.
  private var streak = 0

  init(_ values: ParameterValues) {
    spec = values.spec
    coupling = Coupling(rawValue: values.choice("branches"))!
    threshold = values.real("threshold")
    forced = ForcedCalls(values)
    let signal: Tap = values.choice("signal") == Tap.latent.name ? .latent : .modulated
    change = ChangeRequest(
      Quantity(signal), .adjacent, filter: SpectralFilter(power: values.integer("power")))
    cap = values.integer("cap")
    forecaster = Forecaster(
      values.integer("order") == 0 ? HoldPredictor() : TaylorPredictor(order: 1))
  }

  var site: Site? { .stack }
  var station: Tap { change.quantity.tap }
  var predictor: (any Predictor)? { forecaster.predictor }
  func changes(blockCount: Int) -> [ChangeRequest] { [change] }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    accumulated = 0
    streak = 0
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if let reason = forced.reason(at: position, in: stream!) {
      accumulated = 0
      return Decision(.compute, reason)
    }
    if cap > 0, streak >= cap {
      accumulated = 0
      return Decision(.compute, .cap)
    }
    accumulated += signals.relativeChange(change, at: position, from: position - 1)
    let sum = accumulated
    if sum < threshold { return Decision(.predict, .threshold, signal: sum, threshold: threshold) }
    accumulated = 0
    return Decision(.compute, .threshold, signal: sum, threshold: threshold)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    streak += 1
    return forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    streak = 0
    forecaster.computed(at: position, signals: signals)
  }
}
