import Foundation
import Trace

/// Good schedules of predictors that look back on four or five computed calls, with a bound that none can be below.
///
/// A streak's cost depends on as many computed calls as the predictor looks back on, which are too many states for
/// dynamic programming. With the best that any older calls could make of it, it depends on the newest three: over those
/// costs the exact optimum is a bound for every schedule. Its schedule is where the search begins; computed calls are
/// then moved one at a time as long as the true cost falls.
struct LongMemorySearch: Sendable {
  /// The bound for each number of computed calls; infinite where there is no schedule.
  let bounds: [Double]
  private let found: @Sendable (Int) -> [Int]?
  private let squares: [StreakSquares]
  private let costs: StreakCosts
  private let predictor: any Predictor
  private let constraints: ScheduleConstraints
  private let callCount: Int

  private static let depth = 3
  /// Choices of anchors that are evaluated at most: about a minute.
  static let mostStates = 3_000_000

  /// Evaluates every choice of anchors on all cores; for the mean over traces of costs that add up.
  init(
    _ traces: [Geometry], _ predictor: any Predictor, _ aim: Aim, _ constraints: ScheduleConstraints,
    upTo maximumCount: Int, progress: @Sendable (_ done: Int, _ total: Int) -> Void
  ) throws {
    self.predictor = predictor
    self.constraints = constraints
    callCount = traces[0].callCount
    let squares = traces.map { StreakSquares($0, predictor) }
    let costs = StreakCosts(
      predictor, aim, StreakTable.scales(traces, aim, 0), longestStreak: constraints.longestStreak)
    (self.squares, self.costs) = (squares, costs)
    let states = AnchorStates(callCount: callCount, depth: LongMemorySearch.depth)
    let older = predictor.anchorCount - LongMemorySearch.depth
    let rows = try OrderedJobs.run(states.codes.count, inBatchesOf: 16, progress: progress) { place in
      let anchors = states.anchors(states.codes[place])
      return LongMemorySearch.choices(anchors, older: older).reduce([Double]()) { least, anchors in
        let row = LongMemorySearch.mean(costs.row(after: anchors, squares), squares.count)
        // A row is short where there is too little to predict from.
        guard least.count == row.count else { return least.count > row.count ? least : row }
        return zip(least, row).map { min($0, $1) }
      }
    }
    for trace in traces { try trace.distances.requireIntact() }
    let program = ScheduleProgram(SumTally(), states, rows: rows, constraints, upTo: maximumCount)
    bounds = program.costs
    found = program.schedule(computing:)
  }

  /// Why a predictor or an aim is beyond this search; nil when it is not.
  static func refusal(_ predictor: any Predictor, _ aim: Aim, _ traces: [Geometry]) -> PolicyError? {
    guard aim.objective.isSum, aim.over == .mean || traces.count == 1 else {
      return PolicyError(
        "'\(predictor.name)' as set looks back on \(predictor.anchorCount) computed calls: its schedules are searched for "
          + "objective streak or additive and the mean over traces")
    }
    let count = stateCount(traces[0].callCount, depth: predictor.anchorCount)
    guard count <= mostStates else {
      return PolicyError(
        "'\(predictor.name)' as set looks back on \(predictor.anchorCount) computed calls, of which "
          + "\(traces[0].callCount) calls make more choices than are searched (\(mostStates))")
    }
    return nil
  }

  // Sets of so many calls or fewer.
  private static func stateCount(_ callCount: Int, depth: Int) -> Int {
    var (sum, choices) = (0, 1)
    for size in 1...depth where size <= callCount {
      choices = choices.multipliedReportingOverflow(by: callCount - size + 1).partialValue / size
      sum += choices
      if sum > mostStates { return sum }
    }
    return sum
  }

  /// The newest anchors with every choice of older ones; call 0 is always computed.
  static func choices(_ anchors: [Int], older: Int) -> [[Int]] {
    guard older > 0, let oldest = anchors.last, oldest > 0 else { return [anchors] }
    return (0..<oldest).flatMap { choices(anchors + [$0], older: older - 1) }
  }

  // Columns of a row, the mean over the traces of each length.
  private static func mean(_ row: [Double], _ columnCount: Int) -> [Double] {
    stride(from: 0, to: row.count, by: columnCount).map { first in
      row[first..<(first + columnCount)].reduce(0, +) / Double(columnCount)
    }
  }

  /// What a schedule costs; nil where the predictor is not defined throughout.
  func cost(of schedule: [Int]) -> Double? {
    var sum = 0.0
    for (place, position) in schedule.enumerated() {
      let next = place + 1 < schedule.count ? schedule[place + 1] : callCount
      let skipped = next - position - 1
      guard skipped > 0 else { continue }
      let anchors = Array(schedule[...place].reversed().prefix(predictor.anchorCount))
      let row = LongMemorySearch.mean(costs.row(after: anchors, squares, upTo: skipped), squares.count)
      guard skipped < row.count else { return nil }
      sum += row[skipped]
    }
    return sum
  }

  /// The best schedule found with `count` computed calls, its cost and the bound; nil when there is none.
  func result(computing count: Int) -> (schedule: [Int], cost: Double, bound: Double)? {
    guard bounds.indices.contains(count), let start = found(count) else { return nil }
    return ScheduleMoves.improve(start, callCount: callCount, constraints, cost: cost(of:)).map {
      // Rounding: a bound is a sum of numbers no larger than those of the cost.
      ($0.schedule, $0.cost, min(bounds[count], $0.cost))
    }
  }
}
