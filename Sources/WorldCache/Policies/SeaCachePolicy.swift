import Trace

/// Adds up how much the filtered input of the first block changes from call to call, and computes when the
/// sum reaches a threshold (SeaCache, CVPR 2026).
///
/// As TeaCache without its polynomial, on a signal filtered over the token grid with a gain that follows
/// each call's noise level (`SpectralFilter`); forced calls as in TeaCache's scripts. What is
/// held is the residual of the whole stack.
///
/// Differs: Wan's script leaves the reference unfiltered during warm-up, which biases its first test; here all
/// references are filtered. FLUX filters rows and columns; here any axis with more than one token.
struct SeaCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "seacache", summary: "Adds up the change of a spectrally filtered signal (SeaCache).",
    source: "CVPR 2026; jiwoogit/SeaCache 0a91c2b (FLUX, HunyuanVideo, Wan 2.1).",
    parameters: [
      Parameter("model", .choice(["flux", "hunyuan", "wan"]), default: "flux", "whose defaults"),
      Parameter(
        "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.3",
        by: .init(key: "model", values: ["hunyuan": "0.2", "wan": "0.2"]), "sum at which a call is computed"),
      Parameter(
        "power", .integer(1...8), default: "2",
        by: .init(key: "model", values: ["hunyuan": "3", "wan": "3"]),
        "power of the frequency in the filter"),
    ]
      + ForcedCalls.parameters(
        [.ends, .first, .calls], by: ["forced": .init(key: "model", values: ["wan": "calls"])]) + [
        Parameter(
          "branches", .choice(["pooled", "separate"]), default: "pooled",
          by: .init(key: "model", values: ["wan": "separate"]),
          "one decision for all guidance branches, or one for each")
      ],
    thresholds: [Threshold("threshold", .predictBelow)],
    kind: .ordinary { SeaCachePolicy($0) })

  let spec: PolicySpec
  let coupling: Coupling
  private let threshold: Double
  private let forced: ForcedCalls
  private let change: ChangeRequest
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())
  private var accumulated = 0.0

  init(_ values: ParameterValues) {
    spec = values.spec
    coupling = Coupling(rawValue: values.choice("branches"))!
    threshold = values.real("threshold")
    forced = ForcedCalls(values)
    change = ChangeRequest(
      Quantity(.modulated), .adjacent, filter: SpectralFilter(power: values.integer("power")))
  }

  var site: Site? { .stack }
  var station: Tap { .modulated }
  var predictor: (any Predictor)? { forecaster.predictor }
  func changes(blockCount: Int) -> [ChangeRequest] { [change] }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    accumulated = 0
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if let reason = forced.reason(at: position, in: stream!) {
      accumulated = 0
      return Decision(.compute, reason)
    }
    accumulated += signals.relativeChange(change, at: position, from: position - 1)
    let sum = accumulated
    if sum < threshold { return Decision(.predict, .threshold, signal: sum, threshold: threshold) }
    accumulated = 0
    return Decision(.compute, .threshold, signal: sum, threshold: threshold)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
