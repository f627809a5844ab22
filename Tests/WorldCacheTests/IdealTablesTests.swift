import Foundation
import TestSupport
import Testing
import Trace

@testable import WorldCache

/// Exact searches against trying every schedule, on many made-up traces.
///
/// `WCTRACE_IDEAL_TABLES=500` (`make ideal-test`) tries so many for each predictor, all objectives on each.
@Suite("Ideal schedules on random tables")
struct IdealTablesTests {
  private static let tableCount = Int(ProcessInfo.processInfo.environment["WCTRACE_IDEAL_TABLES"] ?? "") ?? 6

  @Test("equal trying every schedule", arguments: IdealSearchTests.twins)
  func tables(twin: IdealSearchTests.Twin) throws {
    for seed in 0..<UInt64(Self.tableCount) {
      var dice = Dice(seed: 7_000 + seed)
      func whole(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }
      // A few long ones: 11 calls are 1024 schedules, 12 are 2048.
      let calls = seed % 100 == 99 ? whole(11...12) : whole(3...7)
      let branches = whole(1...4) == 1 ? 2 : 1
      let traces = (0..<whole(1...3)).map { trace in
        Synthetic(
          [.random, .smooth, .tied][whole(0...2)], seed: 90_000 + 10 * seed + UInt64(trace),
          branches: branches, calls: calls, tokens: whole(2...4), channels: 2)
      }
      let constraints = ScheduleConstraints(
        warmUp: whole(1...2), longestStreak: whole(0...2) == 0 ? whole(1...4) : nil,
        lastComputed: whole(0...3) == 0)
      try BruteForce(traces, twin).check("seed \(seed)", constraints)
    }
  }

  @Test(
    "the worst trace of a sum lies between the bound and what was found", arguments: IdealSearchTests.twins)
  func worstTrace(twin: IdealSearchTests.Twin) throws {
    var (found, exact) = (0, 0)
    for seed in 0..<UInt64(max(2, Self.tableCount / 10)) {
      let traces = (0..<3).map {
        Synthetic(.random, seed: 800 + 10 * seed + UInt64($0), calls: 7, tokens: 3, channels: 2)
      }
      let force = BruteForce(traces, twin)
      for aim in [Aim(.streak, over: .max), Aim(.additive, power: 1, over: .max)] {
        let table = try StreakTable(
          traces.map(\.geometry), twin.predictor, aim, longestStreak: nil, progress: { _, _ in })
        let search = WorstTraceSearch(table, aim, ScheduleConstraints())
        for count in 1...7 {
          let costs = force.tried.filter { $0.schedule.count == count }
            .map { force.cost($0.replays, $0.schedule, aim)[0] }
          let result = search.result(computing: count)
          guard let best = costs.min() else {
            #expect(result == nil)
            continue
          }
          let comment = Comment(rawValue: "seed \(seed), \(aim), \(count) calls, \(twin.settings)")
          let answer = try #require(result, comment)
          #expect(answer.bound <= best * (1 + 1e-9) + 1e-12, comment)
          #expect(answer.cost >= best * (1 - 1e-9) - 1e-12, comment)
          let entry = try #require(force.tried.first { $0.schedule == answer.schedule }, comment)
          expectClose(
            answer.cost, force.cost(entry.replays, entry.schedule, aim)[0], relative: 1e-9, absolute: 1e-12,
            comment)
          found += 1
          if answer.cost <= best * (1 + 1e-9) + 1e-12 { exact += 1 }
        }
      }
    }
    // Small instances are nearly always solved; a search that never improved on the mean would not be.
    #expect(Double(exact) >= 0.9 * Double(found), "\(exact) of \(found) are the best there is")
  }

  @Test(
    "refuses an exact search for the worst trace of a sum, traces that differ, and weights at other sites")
  func refusals() throws {
    let traces = [7, 7, 8].map { Synthetic(.smooth, seed: UInt64($0), calls: $0, tokens: 2).geometry }
    expectPolicyError(
      "the worst trace of a sum of errors has no exact search; ask for a search with a bound, for the mean, or "
        + "for minimax or lexicographic"
    ) { _ = try IdealSearch(Array(traces[..<2]), HoldPredictor(), Aim(.additive, over: .max)) }
    expectPolicyError("one schedule for several traces needs as many calls in each; there are 7 and 8") {
      _ = try IdealSearch(traces, HoldPredictor())
    }
    let hidden = Synthetic(
      Synthetic.features(.smooth, seed: 3, branches: 1, calls: 5, tokens: 2, channels: 2), site: .hidden)
    expectPolicyError(
      "the solver's weights are known at the sites output and guided; at hidden use weights=none"
    ) {
      _ = try IdealSearch([hidden.geometry], HoldPredictor(), Aim(.minimax, isWeighted: true))
    }
  }
}
