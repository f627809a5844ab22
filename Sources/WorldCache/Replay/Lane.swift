import Trace

/// One policy value at work: the branches that its decisions cover, and what it may see of them.
struct Lane {
  var policy: any Policy
  var signals: GeometrySignals
  /// The branches that its decisions cover.
  let covered: Range<Int>
  /// Position of the newest computed call.
  var newest = 0
  // Computed calls of the segment under way.
  private var computedCount = 0

  /// One lane for each decision that a policy takes at a step.
  static func lanes(
    of policy: any Policy, over geometry: Geometry, memo: ReplayMemo? = nil, deviation: Deviation = .none
  ) -> [Lane] {
    let all = 0..<geometry.branchCount
    func lane(seeing seen: Range<Int>, covering covered: Range<Int>) -> Lane {
      Lane(
        policy: policy,
        signals: GeometrySignals(
          geometry, branches: seen, station: policy.station, memo: memo, deviation: deviation),
        covered: covered)
    }
    switch policy.coupling {
    case .pooled: return [lane(seeing: all, covering: all)]
    case .lead: return [lane(seeing: 0..<1, covering: all)]
    case .separate, .either: return all.map { lane(seeing: $0..<($0 + 1), covering: $0..<($0 + 1)) }
    }
  }

  mutating func begin(_ segment: Range<Int>) {
    computedCount = 0
    policy.begin(CallStream(signals.geometry, segment: segment, branch: signals.branches.lowerBound))
  }

  mutating func decide(at position: Int) -> Decision {
    signals.reached = position
    return policy.decide(at: position, signals: signals)
  }

  mutating func computed(at position: Int) {
    policy.computed(at: position, signals: signals)
    newest = position
    computedCount += 1
  }

  mutating func prediction(at position: Int) -> Prediction {
    policy.prediction(at: position, signals: signals)
  }

  /// What the policy would have emitted at a call that it is about to take as computed.
  ///
  /// Nil where the reason is a rule rather than a judgement, and where there is nothing to predict from or the
  /// predictor is not defined so far on. A copy of the policy is asked, so that nothing changes.
  func attempt(at position: Int, _ decision: Decision) -> Prediction? {
    guard decision.action == .compute, decision.reason.isJudgement, policy.site != nil, computedCount > 0
    else { return nil }
    if let predictor = policy.predictor {
      guard computedCount >= predictor.minimumAnchorCount,
        position - newest <= predictor.longestStreak ?? Int.max
      else { return nil }
    }
    var copy = policy
    return copy.prediction(at: position, signals: signals)
  }
}
