import Foundation
import Trace

/// Schedules with the smallest direct error of the final latent, with a bound that none can be below.
///
/// Errors of different streaks may cancel, so that no dynamic programming finds the best. A ``DirectHull`` bounds it and
/// comes up with schedules, which are improved by moving one computed call at a time; ``DirectBranching`` then rules out
/// what could be better, up to larger and larger thresholds. Where it gets as far as the error found, that is the least
/// there is, and the bound equals it.
struct DirectSearch: Sendable {
  struct Result: Sendable {
    var schedule: [Int]
    var error: Double
    var bound: Double
  }

  private let errors: DirectErrors
  private let constraints: ScheduleConstraints
  // The ideals of the streak-coherent error, where the search begins.
  private let ideals: IdealSearch

  /// Beginnings of schedules that are looked at for each number of computed calls.
  static let mostNodes = 50_000_000
  /// Schedules of the hull that are improved.
  private static let candidateCount = 12
  /// Thresholds grow by this factor, and by more while that is cheap.
  private static let step = 1.02

  /// Evaluates all choices of anchors on all cores.
  init(
    _ traces: [Geometry], _ predictor: any Predictor, over: Aim.Over, _ constraints: ScheduleConstraints,
    upTo maximumCount: Int, progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    self.constraints = constraints
    let anchors = try AnchorWeights(
      callCount: traces[0].callCount, predictor, longestStreak: constraints.longestStreak, progress: progress)
    errors = try DirectErrors(traces, anchors, over: over)
    ideals = try IdealSearch(
      traces, predictor, Aim(), constraints, upTo: maximumCount, progress: progress)
  }

  /// Why the direct error is not searched for with a predictor over some traces; nil when it is.
  static func refusal(_ predictor: any Predictor, _ traces: [Geometry]) -> PolicyError? {
    guard predictor.groupNames.isEmpty else {
      return PolicyError(
        "'\(predictor.name)' sorts tokens into groups by what was computed before: the direct error is searched for "
          + "predictors that treat tokens alike, such as hold, taylor, hermite and damped")
    }
    return IdealSearch.refusal(predictor, traces)
  }

  /// The best schedule found with `count` computed calls; nil when there is none.
  ///
  /// `progress` is told which part of the most work there may be is done.
  func result(
    computing count: Int, mostNodes: Int = mostNodes, progress: (_ part: Double) -> Void = { _ in }
  ) -> Result? {
    guard let start = ideals.schedule(computing: count), let first = errors.error(of: start) else {
      return nil
    }
    let hull = DirectHull(errors, constraints, computing: count, startingFrom: start) { round in
      progress(0.2 * Double(round) / Double(DirectHull.roundCount))
    }
    let others = hull.schedules.dropFirst().compactMap { schedule in
      errors.error(of: schedule).map { (schedule: schedule, error: $0) }
    }.sorted { $0.error < $1.error }
    var result = Result(schedule: start, error: first, bound: max(0, hull.bound))
    for candidate in [start] + others.prefix(DirectSearch.candidateCount).map(\.schedule) {
      let improved = ScheduleMoves.improve(
        candidate, callCount: errors.callCount, constraints, cost: errors.error(of:))
      if let improved, improved.cost < result.error {
        (result.schedule, result.error) = (improved.schedule, improved.cost)
      }
    }
    guard result.error > result.bound * (1 + DirectBranching.tolerance) else { return closed(result) }
    return branched(result, hull.faces, count, mostNodes) { progress(0.2 + 0.8 * $0) }
  }

  // Rules out errors up to larger and larger thresholds.
  private func branched(
    _ start: Result, _ faces: [DirectHull.Face], _ count: Int, _ mostNodes: Int,
    progress: (_ part: Double) -> Void
  ) -> Result {
    var (result, step) = (start, DirectSearch.step)
    guard !faces.isEmpty else { return result }
    var branching = DirectBranching(errors, constraints, computing: count, faces)
    func search(below threshold: Double, upTo nodeCount: Int) -> Bool {
      let isDone = branching.search(below: threshold, mostNodes: nodeCount - branching.nodeCount) {
        progress(Double($0) / Double(mostNodes))
      }
      if let best = branching.best, best.error < result.error { (result.schedule, result.error) = best }
      return isDone
    }
    // Often enough where the hull is near; elsewhere it finds better schedules.
    if search(below: result.error, upTo: mostNodes / 8) { return closed(result) }
    while branching.nodeCount < mostNodes {
      // Without a bound to begin with there is no factor: a small part of the error serves.
      let threshold = min(result.error, max(result.bound, result.error / 1024) * step)
      let before = branching.nodeCount
      guard search(below: threshold, upTo: mostNodes) else { break }
      if result.error <= threshold { return closed(result) }
      result.bound = threshold
      if 20 * (branching.nodeCount - before) < mostNodes - branching.nodeCount { step *= step }
    }
    result.bound = min(result.bound, result.error)
    return result
  }

  private func closed(_ result: Result) -> Result {
    Result(schedule: result.schedule, error: result.error, bound: result.error)
  }
}
