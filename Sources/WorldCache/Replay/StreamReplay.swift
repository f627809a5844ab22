public import Trace

/// One policy over one chunk of a trace, teacher-forced: every computed call has its recorded value.
///
/// Errors are open loop: they say how far predictions lie from the recorded, uncached trajectory, not
/// how later calls would answer to a changed latent. docs/metrics.md gives every formula.
public struct StreamReplay: Sendable {
  public let chunk: Int
  /// Solver step and noise level of every position.
  public let steps: [Int]
  public let sigmas: [Double]
  /// `[lane][position]`: one lane when a decision covers all guidance branches of a step, otherwise one for
  /// each branch.
  public let lanes: [[Decision]]
  /// Whether the decision would be another one within the error bounds of the signals, `[lane][position]`; nil
  /// for policies that something outside decides for, and without ``Figures/nearTies``.
  public let nearTies: [[Bool]]?
  /// Relative L2 error of each call, `[branch][position]`; zero where computed.
  public let callErrors: [[Double]]
  /// Largest relative error of a single token at each position, over branches; zero where computed. Empty
  /// without ``Figures/tokens``.
  public let worstTokenErrors: [Double]
  /// Per token, the sum over predicted calls of its squared relative error; empty without ``Figures/tokens``.
  public let tokenSquaredErrors: [Double]
  /// Squared direct error and squared streak-coherent error of the final latent, summed over tokens; nil at
  /// sites whose emission the solver does not integrate, and without ``Figures/finalLatent``.
  public let directSquaredError: Double?
  public let streakSquaredError: Double?
  /// Squared norm of the final latent, summed over tokens; nil when the trace does not hold it.
  public let finalSquaredNorm: Double?
  /// Squared relative call errors by distance from the last computed call: entry k − 1 holds distance k.
  public let growth: [(squares: Double, count: Int)]
  /// Predicted wall seconds, from the recorded medians of every stretch; and of the same calls all computed.
  public let seconds: Double
  public let uncachedSeconds: Double
  /// What the cache holds of one branch at most.
  public let cache: CacheSize
  /// The finer figures, where they were asked for.
  public let details: StreamDetails?
  /// What kept the policy from deciding all calls; nil when nothing did.
  public let failure: PolicyError?

  /// Decisions that were taken to compute, and all decisions.
  public var computedCount: Int { lanes.reduce(0) { $0 + $1.count { $0.action == .compute } } }
  public var decisionCount: Int { lanes.reduce(0) { $0 + $1.count } }

  /// Positions that a lane computed.
  public func computedPositions(lane: Int) -> [Int] {
    lanes[lane].indices.filter { lanes[lane][$0].action == .compute }
  }

  /// The guidance branches that a lane's decisions cover.
  public func branches(of lane: Int) -> Range<Int> {
    lanes.count == 1 ? 0..<callErrors.count : lane..<(lane + 1)
  }

  /// The decisions of a lane as a picture, a C for each computed call and a p for each predicted one.
  public func picture(lane: Int) -> String {
    String(lanes[lane].map { $0.action == .compute ? "C" : "p" })
  }

  /// Replays a policy from position 0 on and works out the `figures` asked for.
  public init(_ policy: any Policy, over geometry: Geometry, figures: Figures = .table) {
    self.init(policy, over: geometry, figures: figures, memo: ReplayMemo())
  }

  init(_ policy: any Policy, over geometry: Geometry, figures: Figures, memo: ReplayMemo) {
    var lanes = Lane.lanes(of: policy, over: geometry, memo: memo)
    var sums = ErrorSums(geometry, laneCount: lanes.count, figures: figures, memo: memo)
    var trail = figures.contains(.details) ? Trail(covered: lanes.map(\.covered)) : nil
    var decisions = [[Decision]](repeating: [], count: lanes.count)
    var shadows = figures.contains(.nearTies) ? Shadows(of: policy, over: geometry, memo: memo) : nil
    var nearTies = shadows.map { _ in [[Bool]](repeating: [], count: lanes.count) }
    var failure: PolicyError?
    for position in 0..<geometry.callCount {
      if let segment = geometry.segments.first(where: { $0.lowerBound == position }) {
        for lane in lanes.indices { lanes[lane].begin(segment) }
        shadows?.begin(segment)
      }
      let decided = Lane.decide(&lanes, at: position)
      if let ties = shadows?.areNearTies(decided, at: position, lanes) {
        for (lane, tie) in ties.enumerated() { nearTies![lane].append(tie) }
      }
      let step = Lane.coupled(decided, lanes)
      // All branches advance together: what one lane computes, another may use at the same step.
      for (lane, decision) in step.enumerated() where decision.action == .compute {
        for branch in lanes[lane].covered {
          for other in lanes.indices { lanes[other].signals.isComputed[branch][position] = true }
          shadows?.know(branch, isComputedAt: position)
        }
      }
      var growing = 1.0
      for (lane, decision) in step.enumerated() {
        decisions[lane].append(decision)
        if decision.action == .predict {
          growing += lanes[lane].covered.reduce(0) { $0 + geometry.calls[$1][position].weight }
        }
      }
      if geometry.site == .gain { sums.grow(by: growing) }
      for (lane, decision) in step.enumerated() {
        shadows?.follow(decision.action, at: position, lane: lane)
        switch decision.action {
        case .compute:
          trail?.append(nil, attempt: lanes[lane].attempt(at: position, decision), lane: lane)
          lanes[lane].computed(at: position)
          sums.closeStreak(lane: lane)
        case .predict:
          let prediction = lanes[lane].prediction(at: position)
          trail?.append(prediction, attempt: nil, lane: lane)
          sums.add(
            prediction, at: position, distance: position - lanes[lane].newest, lane: lane,
            branches: lanes[lane].covered)
        }
      }
      failure = failure ?? lanes.lazy.compactMap(\.policy.failure).first
    }
    for lane in lanes.indices { sums.closeStreak(lane: lane) }
    let isIntegrated = geometry.site.isIntegrated && figures.contains(.finalLatent)
    self.failure = failure
    chunk = geometry.chunk
    steps = geometry.calls[0].map(\.step)
    sigmas = geometry.calls[0].map(\.sigma)
    self.lanes = decisions
    self.nearTies = nearTies
    callErrors = sums.callErrors
    worstTokenErrors = sums.worstTokenErrors
    tokenSquaredErrors = sums.tokenSquaredErrors
    let direct = sums.directSquaredErrors
    directSquaredError = isIntegrated ? direct.map(FixedOrder.sum) ?? sums.directSquaredError : nil
    streakSquaredError = isIntegrated ? sums.streakSquaredError : nil
    finalSquaredNorm = geometry.finalSquaredNorms.isEmpty ? nil : geometry.finalSquaredNorms.reduce(0, +)
    growth = sums.growth
    cache = CacheSize(of: policy, over: geometry)
    details = trail.map {
      StreamDetails(
        $0, over: geometry, directSquaredErrors: isIntegrated ? direct : nil,
        streakSquaredErrors: isIntegrated ? sums.streakSquaredErrors : nil)
    }
    let (computed, predicted) = (geometry.computedSeconds, geometry.predictedSeconds(station: policy.station))
    // The guided prediction stands for all branches of its step.
    let branches = geometry.site == .guided ? Double(geometry.recordedBranchCount) : 1
    var (seconds, uncached) = (0.0, 0.0)
    for (lane, row) in decisions.enumerated() {
      let count = Double(row.count { $0.action == .compute })
      let calls = Double(lanes[lane].covered.count) * branches
      seconds += calls * (count * computed + (Double(row.count) - count) * predicted)
      uncached += calls * Double(row.count) * computed
    }
    self.seconds = seconds
    uncachedSeconds = uncached
  }
}
