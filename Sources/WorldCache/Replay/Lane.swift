import Trace

/// Signals of a driver: of one chunk, opened call by call.
protocol DriverSignals: Signals {
  /// The chunk's calls and tokens.
  var geometry: Geometry { get }
  /// The branches that the decision is taken from.
  var branches: Range<Int> { get }
  /// The newest position that has been reached.
  var reached: Int { get set }
}

/// One policy value at work: the branches that its decisions cover, and what it may see of them.
///
/// In replay the signals come from distances, live from tensors; all else is the same.
struct Lane<Source: DriverSignals> {
  var policy: any Policy
  var signals: Source
  /// The branches that its decisions cover.
  let covered: Range<Int>
  /// Position of the newest computed call.
  var newest = 0
  // Computed calls of the segment under way.
  private var computedCount = 0

  init(policy: any Policy, signals: Source, covered: Range<Int>) {
    self.policy = policy
    self.signals = signals
    self.covered = covered
  }

  /// One lane for each decision that a policy takes at a step; `signals` makes what it sees of some branches.
  static func lanes(
    of policy: any Policy, branchCount: Int, _ signals: (Range<Int>) -> Source
  ) -> [Lane] {
    let all = 0..<branchCount
    func lane(seeing seen: Range<Int>, covering covered: Range<Int>) -> Lane {
      Lane(policy: policy, signals: signals(seen), covered: covered)
    }
    switch policy.coupling {
    case .pooled: return [lane(seeing: all, covering: all)]
    case .lead: return [lane(seeing: 0..<1, covering: all)]
    case .separate, .either: return all.map { lane(seeing: $0..<($0 + 1), covering: $0..<($0 + 1)) }
    }
  }

  /// What each lane decides at a step, for itself.
  static func decide(_ lanes: inout [Lane], at position: Int) -> [Decision] {
    lanes.indices.map { lanes[$0].decide(at: position) }
  }

  /// What they do together: under ``Coupling/either`` one that computes takes all with it.
  static func coupled(_ decisions: [Decision], _ lanes: [Lane]) -> [Decision] {
    var step = decisions
    if lanes[0].policy.coupling == .either, step.contains(where: { $0.action == .compute }) {
      for lane in step.indices where step[lane].action == .predict {
        step[lane].action = .compute
        step[lane].reason = .branch
      }
    }
    return step
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

extension Lane where Source == GeometrySignals {
  /// The lanes of a replay.
  static func lanes(
    of policy: any Policy, over geometry: Geometry, memo: ReplayMemo? = nil, deviation: Deviation = .none
  ) -> [Lane] {
    lanes(of: policy, branchCount: geometry.branchCount) {
      GeometrySignals(geometry, branches: $0, station: policy.station, memo: memo, deviation: deviation)
    }
  }
}
