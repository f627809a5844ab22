import Foundation
import Testing
import Trace

@testable import WorldCache

/// Every schedule of a few traces tried, on raw features: what exact searches must equal.
struct BruteForce {
  let traces: [Synthetic]
  let twin: IdealSearchTests.Twin
  /// Schedules for which the predictor is defined throughout, with the naive replay of every trace.
  let tried: [(schedule: [Int], replays: [NaiveReplay])]

  static let aims: [Aim] = [
    Aim(), Aim(.streak, power: 1), Aim(.streak, power: 3), Aim(.additive), Aim(.additive, power: 1),
    Aim(.additive, power: 1, isWeighted: true), Aim(.additive, power: 4, isWeighted: true), Aim(.minimax),
    Aim(.minimax, over: .max), Aim(.minimax, isWeighted: true, over: .max), Aim(.lexicographic),
    Aim(.lexicographic, over: .max), Aim(.lexicographic, isWeighted: true),
  ]

  init(_ traces: [Synthetic], _ twin: IdealSearchTests.Twin) {
    self.traces = traces
    self.twin = twin
    let count = traces[0].features[0].count
    tried = (0..<(1 << (count - 1))).compactMap { bits in
      let schedule = [0] + (1..<count).filter { bits >> ($0 - 1) & 1 == 1 }
      let replays = traces.map { NaiveReplay($0, twin.naive, .schedule(schedule)) }
      return replays[0].isDefined ? (schedule, replays) : nil
    }
  }

  var callCount: Int { traces[0].features[0].count }

  func keeps(_ schedule: [Int], _ constraints: ScheduleConstraints) -> Bool {
    let gaps = zip(schedule, schedule.dropFirst() + [callCount]).map { $1 - $0 - 1 }
    return (0..<min(constraints.warmUp, callCount)).allSatisfy(schedule.contains)
      && gaps.max()! <= constraints.longestStreak ?? callCount
      && (!constraints.lastComputed || schedule.last == callCount - 1)
  }

  /// Costs of one schedule trace by trace, from the definitions.
  func sums(_ replays: [NaiveReplay], _ aim: Aim) -> [Double] {
    replays.enumerated().map { trace, replay in
      aim.objective == .streak
        ? replay.streakSquares.reduce(0) { $0 + pow($1 / final(trace), aim.power / 2) }
        : errors(replay, trace, aim).joined().reduce(0) { $0 + pow($1, aim.power) }
    }
  }

  /// The errors of predicted calls over all traces, largest first; for sums, the sum alone.
  func cost(_ replays: [NaiveReplay], _ schedule: [Int], _ aim: Aim) -> [Double] {
    if aim.objective.isSum {
      let sums = sums(replays, aim)
      return [aim.over == .max ? sums.max()! : sums.reduce(0, +) / Double(sums.count)]
    }
    let errors = replays.enumerated().map { self.errors($1, $0, aim) }
    let calls = (0..<callCount).filter { !schedule.contains($0) }.map { call in
      let largest = errors.map { $0.map { $0[call] }.max()! }
      return aim.over == .max ? largest.max()! : largest.reduce(0, +) / Double(largest.count)
    }
    return aim.objective == .minimax ? [calls.max() ?? 0] : calls.sorted(by: >)
  }

  private func final(_ trace: Int) -> Double { traces[trace].geometry.finalSquaredNorms.reduce(0, +) }

  // `[branch][call]`.
  private func errors(_ replay: NaiveReplay, _ trace: Int, _ aim: Aim) -> [[Double]] {
    guard aim.isWeighted else { return replay.callErrors }
    return replay.callSquares.enumerated().map { branch, squares in
      zip(squares, traces[trace].weights[branch]).map { ($0 * $1 * $1 / final(trace)).squareRoot() }
    }
  }

  /// Compares every aim's exact search with the best of all schedules.
  func check(
    _ comment: String, _ constraints: ScheduleConstraints = ScheduleConstraints(), aims: [Aim] = aims
  ) throws {
    let kept = tried.filter { keeps($0.schedule, constraints) }
    for aim in aims {
      let search = try IdealSearch(traces.map(\.geometry), twin.predictor, aim, constraints)
      var best = [[Double]?](repeating: nil, count: callCount + 1)
      for (schedule, replays) in kept {
        let cost = cost(replays, schedule, aim)
        if best[schedule.count].map({ cost.lexicographicallyPrecedes($0) }) ?? true {
          best[schedule.count] = cost
        }
      }
      #expect(search.costs.count == best.count, "\(comment)")
      for (computed, cost) in best.enumerated() {
        let comment = Comment(rawValue: "\(computed) calls, \(twin.settings), \(aim), \(comment)")
        let schedule = search.schedule(computing: computed)
        guard let cost else {
          #expect(schedule == nil && search.costs[computed] == .infinity, comment)
          continue
        }
        close(search.costs[computed], cost.first ?? 0, comment)
        if aim.objective == .lexicographic {
          #expect(search.rankings[computed].count == cost.count, comment)
          for (found, expected) in zip(search.rankings[computed], cost) { close(found, expected, comment) }
        }
        // The schedule itself keeps the constraints and has the cost that it is said to have.
        let entry = try #require(kept.first { $0.schedule == schedule }, comment)
        #expect(entry.schedule.count == computed, comment)
        for (found, expected) in zip(self.cost(entry.replays, entry.schedule, aim), cost) {
          close(found, expected, comment)
        }
      }
    }
  }

  private func close(_ value: Double, _ expected: Double, _ comment: Comment) {
    expectClose(value, expected, relative: IdealSearchTests.slack, absolute: 1e-7, comment)
  }
}
