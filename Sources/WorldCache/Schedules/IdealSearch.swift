public import Trace

/// Exact best schedules of a predictor over one chunk of one or several traces, for every number of
/// computed calls.
///
/// Dynamic programming whose state is the newest computed calls, as many as the predictor looks back on
/// (at most three: hold, Taylor up to order 2, damped and grouped prediction). A streak's cost depends on
/// its anchors alone, and costs of streaks add up or are compared. The result is a bound for its own
/// predictor, site, aim and constraints only.
public struct IdealSearch: Sendable {
  /// Best cost for each number of computed calls; infinite where there is no schedule, as for 0.
  ///
  /// Sums of errors raised to the aim's power, means over the traces; for minimax and lexicographic the
  /// largest error. The streak-coherent error and weighted ones are in parts of the final latent where all
  /// traces have one.
  public let costs: [Double]
  /// The errors of all predicted calls, largest first, for each number of computed calls; only for
  /// ``Objective/lexicographic``.
  public let rankings: [[Double]]
  let aim: Aim
  private let found: @Sendable (Int) -> [Int]?

  /// Searches every schedule that starts computed and keeps the constraints; the errors of the tokens of `set`
  /// count, one of the geometries' token sets.
  ///
  /// Cost: one evaluation of every streak over every trace, then one pass over all states and continuations
  /// for each number of computed calls. `progress` is told how many of the states are evaluated.
  public init(
    _ traces: [Geometry], _ predictor: any Predictor, _ aim: Aim = Aim(),
    _ constraints: ScheduleConstraints = ScheduleConstraints(), upTo maximumCount: Int? = nil,
    set: Int = 0, progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    if let refusal = IdealSearch.refusal(predictor, traces) ?? IdealSearch.refusal(aim, traces[0].site) {
      throw refusal
    }
    guard aim.objective != .direct else {
      throw PolicyError(
        "errors of different streaks may cancel in the direct error, so that it has no exact search; ask for a search "
          + "with a bound")
    }
    guard aim.over == .mean || !aim.objective.isSum || traces.count == 1 else {
      throw PolicyError(
        "the worst trace of a sum of errors has no exact search; ask for a search with a bound, for the mean, or "
          + "for minimax or lexicographic")
    }
    let table = try StreakTable(
      traces, predictor, aim, longestStreak: constraints.longestStreak, set: set, progress: progress)
    self.init(
      table, aim, constraints, weights: StreakTable.evenWeights(table.columnCount), upTo: maximumCount)
  }

  /// The best schedules for the sum of the traces' costs under weights.
  init(
    _ table: StreakTable, _ aim: Aim, _ constraints: ScheduleConstraints, weights: [Double],
    upTo maximumCount: Int? = nil
  ) {
    self.aim = aim
    let (rows, limit) = (table.rows(weights: weights), maximumCount ?? table.states.callCount)
    func program<Rule: Tally>(_ rule: Rule) -> ScheduleProgram<Rule> {
      ScheduleProgram(rule, table.states, rows: rows, constraints, upTo: limit)
    }
    switch aim.objective {
    case .streak, .additive:
      let program = program(SumTally())
      (costs, rankings) = (program.costs, [])
      found = program.schedule(computing:)
    case .minimax:
      let program = program(LargestTally())
      (costs, rankings) = (program.costs, [])
      found = program.schedule(computing:)
    case .lexicographic:
      let program = program(RankedTally())
      (costs, rankings) = (program.costs.map { $0.first ?? 0 }, program.costs)
      found = program.schedule(computing:)
    case .direct: preconditionFailure("the direct error does not add up over streaks")
    }
  }

  /// The best schedule with exactly `count` computed calls, ascending; nil when there is none.
  public func schedule(computing count: Int) -> [Int]? { found(count) }

  /// The cost as an error: of a sum, its root.
  public func error(computing count: Int) -> Double? {
    guard costs.indices.contains(count), costs[count] < .infinity else { return nil }
    return aim.error(ofCost: costs[count])
  }
}

extension IdealSearch {
  /// Why a predictor's schedules cannot be searched exactly over a chunk of some traces; nil when they can.
  ///
  /// Memory grows as the number of calls to the power of one more than the predictor looks back on:
  /// about 100 MB at the limits.
  static func refusal(
    _ predictor: any Predictor, _ traces: [Geometry], lookingBackOn mostAnchors: Int = 3
  ) -> PolicyError? {
    guard predictor.anchorCount <= mostAnchors else {
      return PolicyError(
        "the ideal schedule is exact for predictors that look back on at most 3 computed calls; "
          + "'\(predictor.name)' as set looks back on \(predictor.anchorCount)")
    }
    let limit = predictor.anchorCount >= 3 ? 100 : 250
    for geometry in traces {
      guard geometry.callCount <= limit else {
        return PolicyError(
          "the ideal schedule of '\(predictor.name)' is searched for up to \(limit) calls in a chunk; "
            + "this one has \(geometry.callCount)")
      }
      guard geometry.split == nil, geometry.segments.count == 1 else {
        return PolicyError(
          "the ideal schedule is searched for values that are not split into bands, of models with one expert"
        )
      }
      guard geometry.branchCount <= 4 else {
        return PolicyError(
          "the ideal schedule is searched for up to 4 guidance branches; this trace has \(geometry.branchCount)"
        )
      }
    }
    if let refusal = refusal(predictor, branchCount: traces[0].branchCount) { return refusal }
    func differ(_ what: String, _ value: (Geometry) -> Int) -> PolicyError? {
      let values = traces.map(value)
      guard let other = values.first(where: { $0 != values[0] }) else { return nil }
      return PolicyError(
        "one schedule for several traces needs as many \(what) in each; there are \(values[0]) and \(other)")
    }
    return differ("calls", \.callCount) ?? differ("guidance branches", \.branchCount)
  }

  // Tokens are sorted by the groups they have in all branches at once, which a byte tells apart.
  private static func refusal(_ predictor: any Predictor, branchCount: Int) -> PolicyError? {
    let anchors = Array((0..<max(1, predictor.anchorCount)).reversed())
    let groupCount = predictor.combinations(anchors: anchors, distance: 1).count
    let count = (0..<branchCount).reduce(1) { count, _ in min(count * groupCount, 256) }
    guard count > 255 else { return nil }
    return PolicyError(
      "the ideal schedule is searched for at most 255 groups of tokens over all branches; '\(predictor.name)' makes "
        + "\(groupCount) in each of \(branchCount)")
  }

  /// Why an aim does not fit a site; nil when it does.
  ///
  /// Where the solver does not integrate what is emitted, calls have no weights to add errors up with; at
  /// the site `gain` they depend on which calls are predicted, so that costs do not add up over streaks.
  static func refusal(_ aim: Aim, _ site: Site) -> PolicyError? {
    guard aim.usesSolverWeights, !site.isIntegrated || site == .gain else { return nil }
    return switch aim.objective {
    case .streak:
      PolicyError(
        "the objective 'streak' is exact at the sites output and guided; at \(site) use objective=additive")
    case .direct:
      PolicyError(
        "the objective 'direct' is searched for at the sites output and guided; at \(site) use objective=additive"
      )
    default:
      PolicyError(
        "the solver's weights are known at the sites output and guided; at \(site) use weights=none")
    }
  }
}
