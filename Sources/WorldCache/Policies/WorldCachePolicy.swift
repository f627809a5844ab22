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
/// E starts at zero after every computed call. Where tokens are grouped or predicted otherwise
/// (`criterion`, `quantiles`, `groups`), the drift follows the assignment: it is that of the tokens that are
/// damped; where no group is, of those extrapolated linearly; where all hold there is none, and only n-max
/// ends a streak. κ is the curvature whatever the criterion. The published ports (`variant`) share all this and
/// differ in defaults; LingBot-World's evaluates the guidance branches one after the other, each with groups
/// and drift of its own, and computes both when either asks (58706a8). Differs: double precision instead of
/// bfloat16.
public struct WorldCachePolicy: Policy {
  /// What the drift is averaged over.
  enum Normalisation: String, CaseIterable {
    case code, paper
  }

  private static func defaults(aether: String? = nil, lingbot: String? = nil) -> Parameter.OtherDefaults {
    .init(key: "variant", values: ["aether": aether, "lingbot": lingbot].compactMapValues { $0 })
  }

  static let entry = PolicyEntry(
    name: "worldcache",
    summary: "Curvature-guided token groups, damped prediction, drift-triggered computing (WorldCache).",
    source: "arXiv 2603.06331; FofGofx/WorldCache f12d205 (voyager and aether), 58706a8 (lingbot). "
      + "Differs: double precision instead of bfloat16.",
    parameters: [
      Parameter(
        "variant", .choice(["voyager", "aether", "lingbot"]), default: "voyager",
        "the published port whose defaults hold", isQuiet: true)
    ] + GroupedPredictor.parameters() + [
      Parameter(
        "n-max", .integer(1...Int.max), default: "6", by: defaults(aether: "2", lingbot: "2"),
        "longest streak of predicted calls"),
      Parameter(
        "eta", .real(0...Double.greatestFiniteMagnitude), default: "1",
        by: defaults(aether: "0.2", lingbot: "0.2"), "accumulated drift at which a call is computed"),
      Parameter(
        "warmup", .integer(0...1_000_000), default: "5", by: defaults(aether: "10"),
        "calls computed at the start"),
      Parameter(
        "normalisation", .choice(Normalisation.allCases.map(\.rawValue)), default: "code",
        "mean drift over all tokens (code) or over those that drift (paper)"),
      Parameter(
        "coupling", .choice(["pooled", "either", "separate"]), default: "pooled",
        by: defaults(lingbot: "either"),
        "one decision and one grouping for both guidance branches, each branch for itself but computed "
          + "together (either), or quite apart", isQuiet: true),
    ],
    thresholds: [Threshold("eta", .computeAtLeast)],
    kind: .ordinary { try WorldCachePolicy($0) })

  public let spec: PolicySpec
  let eta: Double
  let warmUp: Int
  let normalisation: Normalisation
  private let grouped: GroupedPredictor
  private var stream: CallStream?
  /// The newest computed calls, newest first.
  private var anchors: [Int] = []
  /// Their groups, once something has been predicted from them.
  private var groups: TokenGroups?
  /// E, accumulated over the predicted calls since the last computed one.
  private var drift = 0.0

  init(_ values: ParameterValues) throws {
    spec = values.spec
    eta = values.real("eta")
    warmUp = values.integer("warmup")
    normalisation = Normalisation(rawValue: values.choice("normalisation"))!
    coupling = Coupling(rawValue: values.choice("coupling"))!
    grouped = try GroupedPredictor(values, isByBranch: coupling != .pooled)
  }

  public let coupling: Coupling
  public var site: Site? { .output }
  public var minimumCallCount: Int { max(warmUp, 3) + 2 }
  public var predictor: (any Predictor)? { grouped }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    drift = 0
    anchors = []
    groups = nil
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if stream!.index(of: position) < warmUp { return Decision(.compute, .warmUp) }
    if stream!.isLastCall(position) { return Decision(.compute, .lastCall) }
    guard anchors.count == grouped.anchorCount else { return Decision(.compute, .history) }
    if drift >= eta { return Decision(.compute, .threshold, signal: drift, threshold: eta) }
    if position - anchors[0] > grouped.damped.nMax {
      return Decision(.compute, .cap, signal: drift, threshold: eta)
    }
    return Decision(.predict, .threshold, signal: drift, threshold: eta)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    let groups = groups ?? grouped.groups(anchors: anchors, signals: signals)!
    self.groups = groups
    let distance = position - anchors[0]
    drift += drift(at: distance, groups, signals: signals)
    let key = PredictionKey(
      anchors: anchors, distance: distance, motions: grouped.motions, nMax: grouped.damped.nMax)
    let combinations = signals.remembered(key) { grouped.combinations(anchors: anchors, distance: distance) }
    return Prediction(combinations, groups: groups)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    anchors = [position] + anchors.prefix(grouped.anchorCount - 1)
    groups = nil
    drift = 0
  }

  private struct PredictionKey: Hashable {
    let anchors: [Int]
    let distance: Int
    let motions: [GroupedPredictor.Motion]
    let nMax: Int
  }

  private struct DriftKey: Hashable {
    let change: ChangeKey
    let groups: TokenGroups
    let normalisation: Normalisation
  }

  // What the drift of any token depends on; nMax only where it is damped.
  private struct ChangeKey: Hashable {
    let anchors: [Int]
    let criterion: GroupedPredictor.Criterion
    let motion: GroupedPredictor.Motion
    let distance: Int
    let nMax: Int?
  }

  /// e(k): mean curvature-weighted change of the prediction from k − 1 to k.
  private func drift(at k: Int, _ groups: TokenGroups, signals: some Signals) -> Double {
    guard let motion = grouped.driftMotion else { return 0 }
    let key = DriftKey(
      change: ChangeKey(
        anchors: anchors, criterion: grouped.criterion, motion: motion, distance: k,
        nMax: motion == .damped ? grouped.damped.nMax : nil),
      groups: groups, normalisation: normalisation)
    return signals.remembered(key) { measuredDrift(key, signals: signals) }
  }

  private func measuredDrift(_ key: DriftKey, signals: some Signals) -> Double {
    let (motion, k) = (key.change.motion, key.change.distance)
    let curvatures = Curvature.values(anchors: anchors, signals: signals)
    let change =
      grouped.combination(motion, anchors: anchors, distance: k)
      - grouped.combination(motion, anchors: anchors, distance: k - 1)
    func weighted(_ tokens: [Int]) -> [Double] {
      var norms = signals.norms(of: change, at: tokens)
      for (place, token) in tokens.enumerated() { norms[place] *= curvatures[token] }
      return norms
    }
    let drifting = grouped.motions.indices.filter { grouped.motions[$0] == motion }
    var (sum, count) = (0.0, 0)
    if let ranking = key.groups.ranked?.ranking {
      // Groupings by other quantiles share the sums over ranks.
      let sums = signals.remembered(key.change) { RankSums(count: ranking.count) }
      for ranks in drifting.compactMap({ key.groups.ranks(of: $0) }) {
        count += ranks.count
        sum += sums.sum(over: ranks) { parts in
          var tokens: [Int] = []
          tokens.reserveCapacity(parts.reduce(0) { $0 + $1.count })
          for part in parts { tokens.append(contentsOf: ranking.order[part]) }
          let values = weighted(tokens)
          var end = 0
          return parts.map { part in
            end += part.count
            var sum = 0.0
            for place in (end - part.count)..<end { sum += values[place] }
            return sum
          }
        }
      }
    } else {
      let members = key.groups.members(of: drifting)
      (sum, count) = (weighted(members).reduce(0, +), members.count)
    }
    switch normalisation {
    case .code: return sum / Double(curvatures.count)
    case .paper: return count == 0 ? 0 : sum / Double(count)
    }
  }
}
