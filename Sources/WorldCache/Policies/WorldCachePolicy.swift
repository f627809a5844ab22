public import Trace

/// Groups tokens by curvature, predicts each group its own way, and computes again when the predicted
/// drift of the chaotic tokens adds up (WorldCache, arXiv 2603.06331).
///
/// Follows FofGofx/WorldCache f12d205 (Voyager and Aether). After every computed call the curvature, the
/// groups and the drift of each later call are fixed:
/// `e(k) = mean κ_i ‖p_i(k) − p_i(k−1)‖` with p the damped prediction, over the chaotic tokens. The paper
/// averages over them; the code over all tokens with zeros for the rest, which scales the signal by the
/// chaotic fraction (`normalisation`). The decision order at call s of N:
///
/// 1. s < warmup: compute; 2. s = N − 1: compute; 3. no curvature yet: compute;
/// 4. E ≥ eta: compute; 5. n-max calls predicted since: compute; 6. predict, then E += e(k).
///
/// E starts at zero after every computed call. Differs: double precision instead of bfloat16; tokens of
/// both guidance branches are pooled, as in the code.
public struct WorldCachePolicy: Policy {
  /// What the drift is averaged over.
  enum Normalisation: String, CaseIterable {
    case code, paper
  }

  static let entry = PolicyEntry(
    name: "worldcache",
    summary: "Curvature-guided token groups, damped prediction, drift-triggered computing (WorldCache).",
    source: "arXiv 2603.06331; FofGofx/WorldCache f12d205. Defaults are its Voyager defaults; Aether's are "
      + "n-max=2,eta=0.2,warmup=10.",
    parameters: [
      Parameter("p-stable", .real(0...1), default: "0.3", "quantile of curvature below which tokens hold"),
      Parameter(
        "p-chaotic", .real(0...1), default: "0.6", "quantile of curvature from which tokens are damped"),
      Parameter("n-max", .integer(1...Int.max), default: "6", "longest streak of predicted calls"),
      Parameter(
        "eta", .real(0...Double.greatestFiniteMagnitude), default: "1",
        "accumulated drift at which a call is computed"),
      Parameter("warmup", .integer(0...1_000_000), default: "5", "calls computed at the start"),
      Parameter(
        "normalisation", .choice(Normalisation.allCases.map(\.rawValue)), default: "code",
        "mean drift over all tokens (code) or over the chaotic ones (paper)"),
    ],
    kind: .ordinary { try WorldCachePolicy($0) })

  public let spec: PolicySpec
  let eta: Double
  let warmUp: Int
  let normalisation: Normalisation
  private let grouped: GroupedPredictor
  private var forecaster: Forecaster
  private var stream: CallStream?
  /// E, accumulated over the predicted calls since the last computed one.
  private var drift = 0.0

  init(_ values: ParameterValues) throws {
    spec = values.spec
    eta = values.real("eta")
    warmUp = values.integer("warmup")
    normalisation = Normalisation(rawValue: values.choice("normalisation"))!
    grouped = try GroupedPredictor(values)
    forecaster = Forecaster(grouped)
  }

  public var site: Site? { .output }
  public var minimumCallCount: Int { max(warmUp, 3) + 2 }
  public var predictor: (any Predictor)? { grouped }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    drift = 0
    forecaster.reset()
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if stream!.index(of: position) < warmUp { return Decision(.compute, .warmUp) }
    if stream!.isLastCall(position) { return Decision(.compute, .lastCall) }
    guard forecaster.isReady else { return Decision(.compute, .history) }
    if drift >= eta { return Decision(.compute, .threshold, signal: drift, threshold: eta) }
    if position - forecaster.anchors[0] > grouped.damped.nMax {
      return Decision(.compute, .cap, signal: drift, threshold: eta)
    }
    return Decision(.predict, .threshold, signal: drift, threshold: eta)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    drift += drift(at: position - forecaster.anchors[0], signals: signals)
    return forecaster.prediction(at: position)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
    drift = 0
  }

  private struct DriftKey: Hashable {
    let anchors: [Int]
    let distance: Int
    let nMax: Int
    let pStable: Double
    let pChaotic: Double
    let normalisation: Normalisation
  }

  /// e(k): mean curvature-weighted change of the damped prediction from k − 1 to k.
  private func drift(at k: Int, signals: some Signals) -> Double {
    let key = DriftKey(
      anchors: forecaster.anchors, distance: k, nMax: grouped.damped.nMax, pStable: grouped.pStable,
      pChaotic: grouped.pChaotic, normalisation: normalisation)
    return signals.remembered(key) { measuredDrift(at: k, signals: signals) }
  }

  private func measuredDrift(at k: Int, signals: some Signals) -> Double {
    let damped = grouped.damped
    let anchors = forecaster.anchors
    let curvatures = Curvature.values(anchors: anchors, signals: signals)
    let groups = grouped.groups(anchors: anchors, signals: signals)!
    let chaotic = groups.members(of: GroupedPredictor.Group.chaotic.rawValue)
    let before =
      k == 1 ? Combination(valueAt: anchors[0]) : damped.combinations(anchors: anchors, distance: k - 1)[0]
    let change = signals.norms(
      of: damped.combinations(anchors: anchors, distance: k)[0] - before, at: chaotic)
    var sum = 0.0
    for (place, token) in chaotic.enumerated() { sum += curvatures[token] * change[place] }
    switch normalisation {
    case .code: return sum / Double(curvatures.count)
    case .paper: return chaotic.isEmpty ? 0 : sum / Double(chaotic.count)
    }
  }
}
