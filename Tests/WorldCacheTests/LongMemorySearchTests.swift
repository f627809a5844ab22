import Foundation
import Testing
import Trace

@testable import WorldCache

@Suite("Schedules of predictors with longer memory")
struct LongMemorySearchTests {
  @Test("choices of older calls, by hand")
  func choices() {
    #expect(LongMemorySearch.choices([5, 3, 2], older: 1) == [[5, 3, 2, 0], [5, 3, 2, 1]])
    #expect(LongMemorySearch.choices([5, 3, 2], older: 2) == [[5, 3, 2, 0], [5, 3, 2, 1, 0]])
    #expect(LongMemorySearch.choices([5, 3, 0], older: 2) == [[5, 3, 0]], "call 0 is the first there is")
    #expect(LongMemorySearch.choices([4, 0], older: 1) == [[4, 0]])
  }

  @Test(
    "bounds hold for every schedule, and what is found is the best or near it",
    arguments: [
      ("taylor", "taylor,order=3", 1), ("hermite", "hermite,order=3,sigma=0.7", 2),
      ("taylor", "taylor,order=4", 1), ("hermite", "hermite,order=4", 1),
    ])
  func bruteForce(name: String, predictor: String, traceCount: Int) throws {
    var (found, best) = (0, 0)
    for (round, family) in [Synthetic.Family.smooth, .random, .straight].enumerated() {
      let traces = (0..<traceCount).map {
        Synthetic(family, seed: UInt64(50 + 7 * round + $0), branches: 1 + round % 2, calls: 9, tokens: 3)
      }
      let plan = try PolicyRegistry.plan("mask:calls=0,predictor=\(predictor)")
      for (aim, constraints) in [
        (Aim(.streak), ScheduleConstraints()), (Aim(.streak, power: 1), ScheduleConstraints(warmUp: 2)),
        (Aim(.streak), ScheduleConstraints(longestStreak: 3, lastComputed: true)),
      ] {
        let errors = try everySchedule(traces, predictor, aim, constraints)
        let schedules = try IdealSchedules(
          of: plan, over: traces.map { [$0.geometry] }, aim, constraints, computing: 4...8)
        #expect(schedules.predictor.name == name)
        for (count, chunks) in schedules.entries {
          let entry = chunks[0]
          let comment = Comment(rawValue: "\(predictor), \(family), power \(aim.power), \(count) computed")
          let least = try #require(errors.filter { $0.key.count == count }.map(\.value).min(), comment)
          #expect(entry.bound <= least * (1 + 1e-6) + 1e-6, comment)
          #expect(entry.error >= least * (1 - 1e-6) - 1e-6, comment)
          #expect(entry.gap >= 1, comment)
          // What the search minimised is what replays have.
          let own = try #require(errors[entry.computed], comment)
          expectClose(entry.error, own, relative: 1e-5, absolute: 1e-6, comment)
          found += 1
          if entry.error <= least * (1 + 1e-6) + 1e-6 { best += 1 }
        }
      }
    }
    #expect(found == 45 && best * 10 >= found * 8, "\(best) of \(found) are the best there are")
  }

  // The error of every schedule that keeps the constraints, from replays.
  private func everySchedule(
    _ traces: [Synthetic], _ predictor: String, _ aim: Aim, _ constraints: ScheduleConstraints
  ) throws -> [[Int]: Double] {
    var errors: [[Int]: Double] = [:]
    for bits in 0..<(1 << 8) {
      let schedule = [0] + (1..<9).filter { bits >> ($0 - 1) & 1 == 1 }
      guard constraints.allow(schedule, callCount: 9) else { continue }
      let calls = schedule.map(String.init).joined(separator: "+")
      let plan = try PolicyRegistry.plan("mask:calls=\(calls),predictor=\(predictor)")
      let costs = try traces.map { trace in
        guard aim.power == 2 else { return try streaks(trace, schedule, plan, aim) }
        let replay = StreamReplay(try plan.policy(for: trace.geometry), over: trace.geometry)
        return try #require(replay.streakSquaredError) / (try #require(replay.finalSquaredNorm))
      }
      errors[schedule] = aim.error(ofCost: costs.reduce(0, +) / Double(costs.count))
    }
    return errors
  }

  // Powers of streaks, from the features.
  private func streaks(_ trace: Synthetic, _ schedule: [Int], _ plan: PolicyPlan, _ aim: Aim) throws -> Double
  {
    let predictor = try #require(try plan.predictor())
    let final = trace.geometry.finalSquaredNorms.reduce(0, +)
    return schedule.enumerated().reduce(0) { sum, part in
      let (place, anchor) = part
      let next = place + 1 < schedule.count ? schedule[place + 1] : 9
      let anchors = Array(schedule[...place].reversed().prefix(predictor.anchorCount))
      var streak = trace.features[0][0].map { $0.map { _ in 0.0 } }
      for call in (anchor + 1)..<max(next, anchor + 1) {
        let terms = predictor.combinations(anchors: anchors, distance: call - anchor)[0].terms
        for branch in trace.features.indices {
          for (token, channels) in trace.features[branch][call].enumerated() {
            for (channel, truth) in channels.enumerated() {
              let value = terms.reduce(-Double(truth)) {
                $0 + $1.weight * Double(trace.features[branch][$1.position][token][channel])
              }
              streak[token][channel] += trace.weights[branch][call] * value
            }
          }
        }
      }
      let square = streak.joined().reduce(0) { $0 + $1 * $1 }
      return sum + pow(square / final, aim.power / 2)
    }
  }

  @Test("a stream that never changes has the bound and the error 0, and the gap 1")
  func still() throws {
    let geometry = Synthetic(.still, seed: 3, calls: 8, tokens: 3).geometry
    let found = try IdealSchedules(
      of: PolicyRegistry.plan("taylor:order=3"), over: [[geometry]], Aim(), ScheduleConstraints(),
      computing: 3...4)
    for (_, chunks) in found.entries { #expect(chunks[0].error == 0 && chunks[0].gap == 1) }
  }

  @Test("what is beyond the search is told")
  func refusals() throws {
    let geometry = Synthetic(.smooth, seed: 3, calls: 8, tokens: 3).geometry
    let message =
      "'taylor' as set looks back on 4 computed calls: its schedules are searched for objective streak or additive and "
      + "the mean over traces"
    expectPolicyError(message) {
      _ = try IdealSchedules(
        of: PolicyRegistry.plan("taylor:order=3"), over: [[geometry]], Aim(.minimax), ScheduleConstraints(),
        computing: 4...4)
    }
    expectPolicyError(message) {
      _ = try IdealSchedules(
        of: PolicyRegistry.plan("taylor:order=3"), over: [[geometry], [geometry]], Aim(.streak, over: .max),
        ScheduleConstraints(), computing: 4...4)
    }
    let long = Synthetic(.still, seed: 3, calls: 80, tokens: 1).geometry
    expectPolicyError(
      "'taylor' as set looks back on 5 computed calls, of which 80 calls make more choices than are searched (3000000)"
    ) {
      _ = try IdealSchedules(
        of: PolicyRegistry.plan("taylor:order=4"), over: [[long]], Aim(), ScheduleConstraints(),
        computing: 4...4)
    }
  }
}
