import Foundation
public import Trace

/// The best there is when every token has a schedule of its own and only the computed token-calls of all together
/// are given: what token-wise caching could do with one predictor.
///
/// Squared errors add up over tokens, so that each token's best error at every number of computed calls is found by
/// itself (``IdealSearch``'s dynamic programming), and the budget goes where calls gain most (``BudgetAllocation``).
/// One chunk of one trace; a bound for its own predictor, site, objective and constraints on it.
public struct TokenSchedules: Sendable {
  /// The outcome at one budget.
  public struct Entry: Sendable {
    /// Computed token-calls that may be spent: this many for each token on average.
    public let callsPerToken: Int
    /// Computed calls of every token.
    public let counts: [Int]
    /// By token, its computed calls, ascending from 0.
    public let schedules: [[Int]]
    /// What was minimised, as an error; and what no allocation of the budget is below.
    public let error: Double
    public let bound: Double
    /// The same error where all tokens share the best schedule, and where each has its own with as many calls; nil
    /// where constraints leave none.
    public let sharedError: Double?
    public let evenError: Double?

    /// How far the error may be above the best there is: 1 where the allocation is exact.
    public var gap: Double { error == bound ? 1 : error / bound }
    /// Token-calls that are spent.
    public var spent: Int { counts.reduce(0, +) }
  }

  public let chunk: Int
  public let callCount: Int
  public let tokenCount: Int
  public let entries: [Entry]
  /// Names of the modalities with the places of their tokens.
  let modalities: [(name: String, members: [Int])]

  /// Searches; throws a ``PolicyError`` where errors do not add up over tokens or the search is not exact.
  ///
  /// Cost: for each token as much as an ideal schedule of a whole trace. `progress` is told how many tokens are done.
  public init(
    of plan: PolicyPlan, over geometry: Geometry, _ aim: Aim, _ constraints: ScheduleConstraints,
    computing counts: ClosedRange<Int>, progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    guard let predictor = try plan.predictor() else {
      throw PolicyError("\(plan.spec) has no predictor with schedules to search")
    }
    if let refusal = TokenSchedules.refusal(predictor, aim)
      ?? IdealSearch.refusal(predictor, [geometry]) ?? IdealSearch.refusal(aim, geometry.site)
    {
      throw refusal
    }
    guard counts.upperBound <= geometry.callCount else {
      throw PolicyError(
        "\(counts.upperBound) computed calls are asked for; a chunk has \(geometry.callCount)")
    }
    let states = AnchorStates(callCount: geometry.callCount, depth: predictor.anchorCount)
    let scales = StreakTable.scales([geometry], aim, 0)
    let streaks = StreakCosts(predictor, aim, scales, longestStreak: constraints.longestStreak)
    let found = try OrderedJobs.run(geometry.tokenCount, inBatchesOf: 16, progress: progress) { token in
      let squares = [StreakSquares(geometry, predictor, token: token)]
      let rows = states.codes.map { streaks.row(after: states.anchors($0), squares) }
      let program = ScheduleProgram(SumTally(), states, rows: rows, constraints, upTo: geometry.callCount)
      return (
        costs: program.costs,
        schedules: program.costs.indices.map { (program.schedule(computing: $0) ?? []).map(UInt8.init) }
      )
    }
    try geometry.distances.requireIntact()
    let shared = try IdealSearch([geometry], predictor, aim, constraints, upTo: counts.upperBound)
    let curves = found.map(\.costs)
    entries = try counts.map { count in
      guard let allocation = BudgetAllocation(curves, budget: count * curves.count) else {
        throw PolicyError(
          "\(count) computed calls for each token are too few: with the predictor '\(predictor.name)' and these "
            + "constraints some token needs more")
      }
      let even = curves.reduce(0) { $0 + $1[count] }
      return Entry(
        callsPerToken: count, counts: allocation.counts,
        schedules: zip(found, allocation.counts).map { $0.schedules[$1].map(Int.init) },
        error: aim.error(ofCost: allocation.cost), bound: aim.error(ofCost: allocation.bound),
        sharedError: shared.error(computing: count),
        evenError: even < .infinity ? aim.error(ofCost: even) : nil)
    }
    chunk = geometry.chunk
    callCount = geometry.callCount
    tokenCount = geometry.tokenCount
    modalities = geometry.sets.filter { $0.kind == .modality }.map { ($0.name, $0.members) }
  }

  private static func refusal(_ predictor: any Predictor, _ aim: Aim) -> PolicyError? {
    guard aim.objective.isSum, aim.power == 2 else {
      return PolicyError(
        "errors add up over tokens as squares: schedules by token take objective streak or additive with power 2"
      )
    }
    guard predictor.groupNames.isEmpty else {
      return PolicyError(
        "'\(predictor.name)' sorts each token by its rank among all of them, which schedules by token leave "
          + "undefined; they are searched for predictors that treat tokens alike")
    }
    return nil
  }
}
