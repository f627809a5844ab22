import Trace

/// Estimates the change of the output from that of the latent, and computes when the estimates add up to a
/// threshold (EasyCache, arXiv 2507.02860).
///
/// `k = mean |V_a − V_a'| / mean |X_a − X_a'|` over the last two computed calls a and a'; at each call
/// `acc += k · mean |X_s − X_(s−1)| / mean |V_a|`; predict while acc < threshold, otherwise compute and
/// start from 0. The first calls and the last are computed, which also clears acc; without k a call is
/// computed and acc left alone. What is held is U = V − X. The decision is taken on the first guidance
/// branch and serves all (H-EmbodVis/EasyCache 5127804, Wan 2.1 and HunyuanVideo).
struct EasyCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "easycache", summary: "Estimates the output's change from the latent's (EasyCache).",
    source: "arXiv 2507.02860; H-EmbodVis/EasyCache 5127804.",
    parameters: [
      Parameter("model", .choice(["wan", "hunyuan"]), default: "wan", "whose defaults"),
      Parameter(
        "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.05",
        by: .init(key: "model", values: ["hunyuan": "0.025"]), "sum at which a call is computed"),
      Parameter(
        "warmup", .integer(0...1_000_000), default: "10",
        by: .init(key: "model", values: ["hunyuan": "5"]), "steps computed at the start"),
    ],
    thresholds: [Threshold("threshold", .predictBelow)],
    kind: .ordinary { EasyCachePolicy($0) })

  private static let latent = ChangeRequest(Quantity(.latent), .all)
  private static let output = ChangeRequest(Quantity(.output), .all)

  let spec: PolicySpec
  private let threshold: Double
  private let warmUp: Int
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())
  /// k: how much the output changes with the latent.
  private var rate: Double?
  private var accumulated = 0.0

  init(_ values: ParameterValues) {
    spec = values.spec
    threshold = values.real("threshold")
    warmUp = values.integer("warmup")
  }

  var site: Site? { .gain }
  var coupling: Coupling { .lead }
  var predictor: (any Predictor)? { forecaster.predictor }
  func changes(blockCount: Int) -> [ChangeRequest] { [EasyCachePolicy.latent, EasyCachePolicy.output] }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    rate = nil
    accumulated = 0
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let isLast = stream!.isLastCall(position)
    if stream!.index(of: position) < warmUp || isLast {
      accumulated = 0
      return Decision(.compute, isLast ? .lastCall : .warmUp)
    }
    guard let rate, let anchor = forecaster.anchors.first else { return Decision(.compute, .history) }
    let change = signals.meanAbsoluteChange(EasyCachePolicy.latent, position - 1, position)
    accumulated += rate * (change / signals.meanAbsolute(EasyCachePolicy.output, at: anchor))
    let sum = accumulated
    if sum < threshold { return Decision(.predict, .threshold, signal: sum, threshold: threshold) }
    accumulated = 0
    return Decision(.compute, .threshold, signal: sum, threshold: threshold)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    if let before = forecaster.anchors.first {
      rate =
        signals.meanAbsoluteChange(EasyCachePolicy.output, before, position)
        / signals.meanAbsoluteChange(EasyCachePolicy.latent, before, position)
    }
    forecaster.computed(at: position, signals: signals)
  }
}
