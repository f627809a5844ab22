import Foundation

/// Schedules whose worst trace is as good as can be found, with a bound that none can be better than.
///
/// The largest of several sums over a path is hard to minimise (a min-max path problem, NP-hard for two
/// traces). For any weights of the traces that add up to 1, the exact best weighted mean is a bound for it;
/// weights are raised where the schedule that comes out is bad, and every schedule that comes up is a
/// candidate, improved by moving one computed call at a time.
struct WorstTraceSearch {
  private let table: StreakTable
  private let aim: Aim
  private let constraints: ScheduleConstraints
  private let roundCount: Int

  struct Result: Sendable {
    var schedule: [Int]
    /// Cost of its worst trace, and the bound.
    var cost: Double
    var bound: Double
  }

  init(_ table: StreakTable, _ aim: Aim, _ constraints: ScheduleConstraints, roundCount: Int = 60) {
    self.table = table
    self.aim = aim
    self.constraints = constraints
    self.roundCount = roundCount
  }

  /// The best schedule found with `count` computed calls; nil when there is none.
  ///
  /// Cost: one exact search for each round, of which bounds and schedules both come.
  func result(computing count: Int) -> Result? {
    let traceCount = table.columnCount
    var weights = StreakTable.evenWeights(traceCount)
    var best: Result?
    for round in 0..<roundCount {
      let search = IdealSearch(table, aim, constraints, weights: weights, upTo: count)
      guard search.costs.indices.contains(count), let schedule = search.schedule(computing: count),
        let costs = table.costs(of: schedule), let worst = costs.max()
      else { return nil }
      var candidate = Result(schedule: schedule, cost: worst, bound: search.costs[count])
      if let best {
        candidate.bound = max(candidate.bound, best.bound)
        if best.cost <= candidate.cost { (candidate.schedule, candidate.cost) = (best.schedule, best.cost) }
      }
      best = candidate
      // Rounding: a bound is a weighted mean of numbers of which the cost is the largest.
      guard worst > 0, candidate.cost > candidate.bound * (1 + 1e-12) else { break }
      // Exponentiated gradient: the derivative of the bound in a trace's weight is the trace's cost.
      let rate = 4 / Double(round + 4).squareRoot()
      weights = zip(weights, costs).map { $0 * exp(rate * ($1 / worst - 1)) }
      let sum = weights.reduce(0, +)
      weights = weights.map { $0 / sum }
    }
    return best.map(improved)
  }

  // Moves single computed calls as long as that helps; the first best move of every round is taken.
  private func improved(_ start: Result) -> Result {
    var result = start
    while true {
      var better: Result?
      for place in result.schedule.indices.dropFirst(max(1, constraints.warmUp)) {
        let isLast = place == result.schedule.count - 1
        guard !(isLast && constraints.lastComputed) else { continue }
        let (low, high) = (
          result.schedule[place - 1] + 1,
          isLast ? table.states.callCount - 1 : result.schedule[place + 1] - 1
        )
        for position in low..<(high + 1) where position != result.schedule[place] {
          var moved = result.schedule
          moved[place] = position
          guard let cost = table.costs(of: moved)?.max(), cost < (better?.cost ?? result.cost) else {
            continue
          }
          better = Result(schedule: moved, cost: cost, bound: result.bound)
        }
      }
      guard let better else { return result }
      result = better
    }
  }
}
