public import Trace

/// WorldCache's prediction: tokens are put into three groups and each group has its own predictor.
///
/// Low tokens (criterion below the quantile `pStable`), high ones (at or above `pChaotic`) and those
/// between are predicted as `motions` says. The authors' case is the default: curvature over all pooled
/// tokens; low ("stable") tokens hold, middle ones are extrapolated linearly, high ("chaotic") ones are damped.
public struct GroupedPredictor: Predictor, Hashable {
  /// Index of a group in ``groups(anchors:signals:)`` and ``combinations(anchors:distance:)``.
  public enum Group: UInt8, Sendable, CaseIterable {
    case stable = 0
    case linear = 1
    case chaotic = 2
  }

  /// What tokens are ordered by, at the newest computed call.
  public enum Criterion: String, Sendable, CaseIterable {
    /// `‖a‖ / (‖v_0‖² + ε)` (``Curvature``): high for slow tokens, low for fast straight ones.
    case curvature
    /// `‖v_0‖`.
    case speed
    /// `‖a‖`.
    case acceleration
  }

  /// Which tokens share a pair of quantiles.
  public enum Scope: String, Sendable, CaseIterable {
    case pooled, modality, branch
    case modalityAndBranch = "modality+branch"

    var isByModality: Bool { self == .modality || self == .modalityAndBranch }
    var isByBranch: Bool { self == .branch || self == .modalityAndBranch }
    /// The same with every branch for itself.
    var byBranch: Scope { isByModality ? .modalityAndBranch : .branch }
  }

  /// How a group is predicted.
  public enum Motion: String, Sendable, CaseIterable {
    /// The newest value.
    case hold
    /// `f_0 + k v_0`.
    case linear
    /// ``DampedPredictor``.
    case damped
  }

  public let pStable: Double
  public let pChaotic: Double
  public let damped: DampedPredictor
  public let criterion: Criterion
  public let scope: Scope
  /// Of the low, the middle and the high group.
  public let motions: [Motion]

  public init(
    pStable: Double, pChaotic: Double, nMax: Int, criterion: Criterion = .curvature, scope: Scope = .pooled,
    motions: [Motion] = [.hold, .linear, .damped]
  ) {
    precondition(motions.count == Group.allCases.count)
    self.pStable = pStable
    self.pChaotic = pChaotic
    damped = DampedPredictor(nMax: nMax)
    self.criterion = criterion
    self.scope = scope
    self.motions = motions
  }

  public var name: String { "worldcache" }
  public var anchorCount: Int { 3 }
  public var minimumAnchorCount: Int { 3 }
  public var longestStreak: Int? { damped.nMax }
  public var groupNames: [String] { Group.allCases.map { "\($0)" } }

  public func groups(anchors: [Int], signals: some Signals) -> TokenGroups? {
    let key = GroupsKey(
      anchors: anchors, criterion: criterion, scope: scope, pStable: pStable, pChaotic: pChaotic)
    return signals.remembered(key) {
      guard scope != .pooled else {
        let ranking = ranking(anchors: anchors, signals: signals)
        let cuts = [pStable, pChaotic].map { p in
          ranking.count(below: Quantile.linear(p, ofSorted: ranking.sorted))
        }
        return TokenGroups(ranking, cuts: cuts)
      }
      let values = values(anchors: anchors, signals: signals)
      let sets = sets(of: values.count, signals: signals)
      var groups = [UInt8](repeating: 0, count: values.count)
      for set in Set(sets).sorted() {
        let members = sets.indices.filter { sets[$0] == set }
        for (member, group) in zip(members, self.groups(of: members.map { values[$0] })) {
          groups[member] = group
        }
      }
      return TokenGroups(groups)
    }
  }

  private struct GroupsKey: Hashable {
    let anchors: [Int]
    let criterion: Criterion
    let scope: Scope
    let pStable: Double
    let pChaotic: Double
  }

  private struct RankingKey: Hashable {
    let anchors: [Int]
    let criterion: Criterion
  }

  /// All pooled tokens by what they are ordered by; every pair of quantiles cuts it elsewhere.
  private func ranking(anchors: [Int], signals: some Signals) -> RankedTokens {
    signals.remembered(RankingKey(anchors: anchors, criterion: criterion)) {
      RankedTokens(values(anchors: anchors, signals: signals))
    }
  }

  /// What every pooled token is ordered by.
  private func values(anchors: [Int], signals: some Signals) -> [Double] {
    switch criterion {
    case .curvature: Curvature.values(anchors: anchors, signals: signals)
    case .speed: signals.norms(of: Velocities(anchors: anchors).newest)
    case .acceleration: signals.norms(of: Velocities(anchors: anchors).acceleration)
    }
  }

  /// The set of every pooled token that shares quantiles.
  private func sets(of count: Int, signals: some Signals) -> [Int] {
    let modalities = signals.tokenModalities
    let stride = scope.isByModality ? (modalities.max() ?? 0) + 1 : 1
    return (0..<count).map { token in
      (scope.isByBranch ? token / modalities.count * stride : 0)
        + (scope.isByModality ? modalities[token % modalities.count] : 0)
    }
  }

  /// Group of each of several tokens that share quantiles.
  public func groups(of values: [Double]) -> [UInt8] {
    let (low, high) = boundaries(of: values)
    return values.map { value in
      let other = value < low ? Group.stable.rawValue : Group.linear.rawValue
      return value >= high ? Group.chaotic.rawValue : other
    }
  }

  /// The values that separate low from middle and middle from high tokens.
  public func boundaries(of values: [Double]) -> (stable: Double, chaotic: Double) {
    let quantiles = Quantile.linear([pStable, pChaotic], of: values)
    return (quantiles[0], quantiles[1])
  }

  public func combinations(anchors: [Int], distance: Int) -> [Combination] {
    motions.map { combination($0, anchors: anchors, distance: distance) }
  }

  /// The prediction of one kind `distance` calls after the newest computed one; for 0, the newest value.
  func combination(_ motion: Motion, anchors: [Int], distance: Int) -> Combination {
    let newest = Combination(valueAt: anchors[0])
    guard distance > 0 else { return newest }
    switch motion {
    case .hold: return newest
    case .linear: return newest + Velocities(anchors: anchors).newest * Double(distance)
    case .damped: return damped.combinations(anchors: anchors, distance: distance)[0]
    }
  }

  /// The kind of prediction whose change WorldCache adds up: damped, where no group is damped linear, and
  /// nil where all hold.
  var driftMotion: Motion? { [.damped, .linear].first(where: motions.contains) }
}

extension GroupedPredictor {
  /// The parameters that make one, for policies under `condition`.
  static func parameters(when condition: Parameter.Condition? = nil) -> [Parameter] {
    [
      Parameter(
        "p-stable", .real(0...1), default: "0.3", "quantile of the criterion below which tokens are low",
        when: condition),
      Parameter(
        "p-chaotic", .real(0...1), default: "0.6", "quantile of the criterion from which tokens are high",
        when: condition),
      Parameter(
        "criterion", .choice(Criterion.allCases.map(\.rawValue)), default: "curvature",
        "what tokens are grouped by", when: condition, isQuiet: true),
      Parameter(
        "quantiles", .choice(Scope.allCases.map(\.rawValue)), default: "pooled",
        "which tokens share quantiles: all, or those of a modality, a guidance branch or both",
        when: condition, isQuiet: true),
      Parameter(
        "groups", .words(Motion.allCases.map(\.rawValue), count: Group.allCases.count),
        default: "hold+linear+damped", "how low, middle and high tokens are predicted", when: condition,
        isQuiet: true),
    ]
  }

  /// Reads ``parameters(when:)`` and `n-max`; throws when the quantiles are out of order.
  init(_ values: ParameterValues, isByBranch: Bool = false) throws {
    let (pStable, pChaotic) = (values.real("p-stable"), values.real("p-chaotic"))
    guard pStable <= pChaotic else {
      throw PolicyError(
        "p-stable=\(pStable.shortest) of policy '\(values.spec.name)' is above p-chaotic=\(pChaotic.shortest); "
          + "it must be at most p-chaotic")
    }
    let scope = Scope(rawValue: values.choice("quantiles"))!
    self.init(
      pStable: pStable, pChaotic: pChaotic, nMax: values.integer("n-max"),
      criterion: Criterion(rawValue: values.choice("criterion"))!, scope: isByBranch ? scope.byBranch : scope,
      motions: values.words("groups").map { Motion(rawValue: $0)! })
  }

  /// The settings that make this one, in canonical spelling.
  var settings: [PolicySpec.Setting] {
    let quiet = [
      ("criterion", criterion.rawValue), ("quantiles", scope.rawValue),
      ("groups", motions.map(\.rawValue).joined(separator: "+")),
    ]
    let defaults = GroupedPredictor.parameters()
    return [
      .init("n-max", "\(damped.nMax)"), .init("p-stable", pStable.shortest),
      .init("p-chaotic", pChaotic.shortest),
    ]
      + quiet.filter { key, value in
        !defaults.contains { $0.key == key && $0.defaultValue == value }
      }.map { PolicySpec.Setting($0, $1) }
  }
}
