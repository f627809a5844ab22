public import Trace

/// One policy over one chunk of a trace, teacher-forced: every computed call has its recorded value.
///
/// Errors are open loop: they say how far predictions lie from the recorded, uncached trajectory, not
/// how later calls would answer to a changed latent. docs/metrics.md gives every formula.
public struct StreamReplay: Sendable {
  public let chunk: Int
  /// One per position.
  public let decisions: [Decision]
  /// Relative L2 error of each call, `[branch][position]`; zero where computed.
  public let callErrors: [[Double]]
  /// Largest relative error of a single token at each position, over branches; zero where computed.
  public let worstTokenErrors: [Double]
  /// Per token, the sum over predicted calls of its squared relative error.
  public let tokenSquaredErrors: [Double]
  /// Squared direct error and squared streak-coherent error of the final latent, summed over tokens.
  public let directSquaredError: Double
  public let streakSquaredError: Double
  /// Squared norm of the final latent, summed over tokens; nil when the trace does not hold it.
  public let finalSquaredNorm: Double?
  /// Squared relative call errors by distance from the last computed call: entry k − 1 holds distance k.
  public let growth: [(squares: Double, count: Int)]

  public var computedPositions: [Int] {
    decisions.indices.filter { decisions[$0].action == .compute }
  }

  /// The decisions as a picture, a C for each computed call and a p for each predicted one.
  public var picture: String { String(decisions.map { $0.action == .compute ? "C" : "p" }) }

  /// Replays a policy from position 0 on.
  public init(_ policy: any Policy, over geometry: Geometry) {
    var policy = policy
    var signals = GeometrySignals(geometry)
    var sums = ErrorSums(geometry)
    var decisions: [Decision] = []
    var newest = 0
    policy.begin(callCount: geometry.callCount)
    for position in 0..<geometry.callCount {
      let decision = policy.decide(at: position)
      decisions.append(decision)
      switch decision.action {
      case .compute:
        signals.isComputed[position] = true
        policy.computed(at: position, signals: signals)
        sums.closeStreak()
        newest = position
      case .predict:
        sums.add(policy.prediction(at: position), at: position, distance: position - newest)
      }
    }
    sums.closeStreak()
    self.init(decisions: decisions, sums: sums, geometry: geometry)
  }

  private init(decisions: [Decision], sums: ErrorSums, geometry: Geometry) {
    chunk = geometry.chunk
    self.decisions = decisions
    callErrors = sums.callErrors
    worstTokenErrors = sums.worstTokenErrors
    tokenSquaredErrors = sums.tokenSquaredErrors
    directSquaredError = sums.directSquaredError
    streakSquaredError = sums.streakSquaredError
    finalSquaredNorm = geometry.finalSquaredNorms.isEmpty ? nil : geometry.finalSquaredNorms.reduce(0, +)
    growth = sums.growth
  }
}
