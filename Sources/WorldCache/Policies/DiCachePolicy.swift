import Trace

/// Runs the first blocks as a probe, computes when the probe's change adds up, and scales the last change
/// of the residual by that of the probe (DiCache, arXiv 2508.17356).
///
/// `dy` is the relative change of the probed blocks' output since the previous call, `dx` that of
/// their input; `acc += dy`, or `|dy − dx|` in `flux-minus`; predict while acc is below the threshold
/// (Hunyuan: at it too), otherwise compute and start from 0. With R the residual of the stack and Q that of the
/// probe at the last two computed calls −1 and −2, a predicted call s has
/// `R_−2 + γ (R_−1 − R_−2)`, `γ = mean |Q_s − Q_−2| / mean |Q_−1 − Q_−2|` within 1 and 1.5
/// (Wan: 2); with one computed call it holds.
///
/// Differs: where no probe changed at all (0 / 0) the originals emit NaN; here γ = 1. FLUX's script keeps all
/// residuals; two are counted.
struct DiCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "dicache", summary: "Probes the first blocks and scales the residual's last change (DiCache).",
    source:
      "arXiv 2508.17356; Bujiazi/DiCache dd7f0de (FLUX with both error choices, HunyuanVideo, Wan 2.1).",
    parameters: [
      Parameter(
        "variant", .choice(["flux", "flux-minus", "hunyuan", "wan"]), default: "flux",
        "whose error, boundary, forced calls and limits"),
      Parameter(
        "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.4",
        by: .init(key: "variant", values: ["flux-minus": "0.08", "hunyuan": "0.1", "wan": "0.08"]),
        "sum at which a call is computed"),
      Parameter(
        "retention", .real(0...1), default: "0.2",
        by: .init(key: "variant", values: ["flux-minus": "0"]), "share of the calls computed at the start"),
      Parameter("depth", .integer(1...1_000_000), default: "1", "blocks that are probed"),
    ],
    thresholds: [
      Threshold("threshold") { $0.choice("variant") == "hunyuan" ? .predictAtMost : .predictBelow }
    ],
    kind: .ordinary { DiCachePolicy($0) })

  private enum Variant: String {
    case flux
    case fluxMinus = "flux-minus"
    case hunyuan, wan

    var isFlux: Bool { self == .flux || self == .fluxMinus }
  }

  let spec: PolicySpec
  private let variant: Variant
  private let threshold: Double
  private let retention: Double
  private let depth: Int
  private var stream: CallStream?
  /// The last two computed calls, newest first.
  private var anchors: [Int] = []
  private var accumulated = 0.0

  init(_ values: ParameterValues) {
    spec = values.spec
    variant = Variant(rawValue: values.choice("variant"))!
    threshold = values.real("threshold")
    retention = values.real("retention")
    depth = values.integer("depth")
  }

  var site: Site? { .stack }
  var station: Tap { .block(depth) }
  var coupling: Coupling { variant == .wan ? .separate : .pooled }
  var predictor: (any Predictor)? { nil }
  /// Two residuals of the stack and two of the probe.
  var cachedTensorCount: Int { 4 }

  private var probe: ChangeRequest { ChangeRequest(Quantity(.block(depth)), .adjacent) }
  private var probeResidual: ChangeRequest { ChangeRequest(Quantity(.block(depth), minus: .hidden(0)), .all) }
  private static let input = ChangeRequest(Quantity(.hidden(0)), .adjacent)

  func changes(blockCount: Int) -> [ChangeRequest] {
    [probe, probeResidual] + (variant == .fluxMinus ? [DiCachePolicy.input] : [])
  }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    anchors = []
    accumulated = 0
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if let reason = forced(position) {
      accumulated = 0
      return Decision(.compute, reason)
    }
    let change = signals.relativeChange(probe, at: position, from: position - 1)
    accumulated +=
      variant == .fluxMinus
      ? abs(change - signals.relativeChange(DiCachePolicy.input, at: position, from: position - 1)) : change
    let sum = accumulated
    if variant == .hunyuan ? sum <= threshold : sum < threshold {
      return Decision(.predict, .threshold, signal: sum, threshold: threshold)
    }
    accumulated = 0
    return Decision(.compute, .threshold, signal: sum, threshold: threshold)
  }

  private func forced(_ position: Int) -> Decision.Reason? {
    let stream = stream!
    let index = stream.index(of: position)
    if index == 0 { return .warmUp }
    let count = Double(stream.count)
    switch variant {
    case .flux, .fluxMinus:
      if index <= Int(retention * count) { return .warmUp }
      return stream.isLastCall(position) ? .lastCall : nil
    case .hunyuan: return index < Int(retention * count) ? .warmUp : nil
    case .wan:
      let call = index * stream.branchCount + stream.branch
      return call < Int(count * Double(stream.branchCount) * retention) ? .warmUp : nil
    }
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    let newest = Combination(valueAt: anchors[0])
    guard anchors.count == 2 else { return Prediction(newest) }
    let before = Combination(valueAt: anchors[1])
    return Prediction(before + (newest - before) * scale(at: position, signals: signals))
  }

  /// γ, which never damps.
  private func scale(at position: Int, signals: some Signals) -> Double {
    let ratio =
      signals.meanAbsoluteChange(probeResidual, anchors[1], position)
      / signals.meanAbsoluteChange(probeResidual, anchors[1], anchors[0])
    return ratio.isNaN ? 1 : min(max(ratio, 1), variant == .wan ? 2 : 1.5)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    anchors = [position] + anchors.prefix(1)
  }
}
