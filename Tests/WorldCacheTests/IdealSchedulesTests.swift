import Foundation
import Testing
import Trace

@testable import WorldCache

@Suite("Ideal schedules over traces")
struct IdealSchedulesTests {
  private let traces = (0..<3).map {
    [Synthetic(.smooth, seed: UInt64(60 + $0), calls: 12, tokens: 5).geometry]
  }

  private func schedules(
    _ spec: String, _ aim: Aim, _ constraints: ScheduleConstraints, _ counts: ClosedRange<Int>,
    over traces: [[Geometry]]? = nil
  ) throws -> IdealSchedules {
    try IdealSchedules(
      of: PolicyRegistry.plan(spec), over: traces ?? self.traces, aim, constraints, computing: counts)
  }

  @Test("one jump that the traces share, another in two of three: the mean chooses the latter")
  func picture() throws {
    func token(_ jumps: [Int]) -> [[Geometry]] {
      [[Synthetic(tokens: [(0..<8).map { call in Float(1 + jumps.count { $0 <= call }) }]).geometry]]
    }
    let traces = token([2, 5]) + token([2, 6]) + token([2, 6])
    let aim = Aim(.additive)
    let found = try schedules("interval", aim, 3...3, over: traces).entries[0].chunks[0]
    #expect(found.computed == [0, 2, 6])
    // Of the first trace call 5 alone is off, by 1 of 3; its sum of squares is 1/9, the mean a third of that.
    expectClose(found.error, (1.0 / 27).squareRoot(), relative: 1e-9)
    #expect(found.gap == 1)
  }

  @Test("what is printed as a policy, and what is written to a file, replay to the errors that are told")
  func written() throws {
    for spec in ["interval", "taylor:order=1,first-enhance=1", "taylor:order=2", "worldcache:n-max=5"] {
      let found = try schedules(spec, 6...7)
      let entry = found.entries[0].chunks[0]
      let text = try #require(found.file(computing: 6, names: ["a", "b", "c"], command: "wctrace"))
      try Fixture.with("found.json", text) { path in
        for policy in [found.spec(entry).description, "schedule:file=\(path)"] {
          for (trace, geometries) in traces.enumerated() {
            let replay = try Replay(PolicyRegistry.plan(policy), over: geometries)
            #expect(replay.streams[0].computedPositions(lane: 0) == entry.computed)
            expectClose(
              try #require(replay.streakError), try #require(entry.streakErrors[trace]), relative: 1e-12)
            expectClose(
              try #require(replay.directError), try #require(entry.directErrors[trace]), relative: 1e-12)
          }
        }
        #expect(found.file(computing: 5, names: [], command: "") == nil)
      }
      // The error of the mean is the root of the mean of squares.
      let squares = entry.streakErrors.map { $0! * $0! }
      expectClose(entry.error, (squares.reduce(0, +) / 3).squareRoot(), relative: 1e-9)
    }
  }

  @Test("chunks have schedules of their own, also in the file")
  func chunks() throws {
    let rollout = (0..<2).map { Synthetic(.random, seed: UInt64(70 + $0), calls: 8, chunk: $0).geometry }
    let found = try schedules("interval", 4...4, over: [rollout])
    let chunks = found.entries[0].chunks
    #expect(chunks.map(\.chunk) == [0, 1] && chunks[0].computed != chunks[1].computed)
    try Fixture.with("found.json", try #require(found.file(computing: 4, names: [], command: ""))) { path in
      let replay = try Replay(PolicyRegistry.plan("schedule:file=\(path)"), over: rollout)
      #expect(replay.streams.map { $0.computedPositions(lane: 0) } == chunks.map(\.computed))
    }
  }

  @Test("the worst trace is found with a bound")
  func worst() throws {
    let entry = try schedules("taylor:order=1", Aim(.streak, over: .max), 5...5).entries[0].chunks[0]
    expectClose(entry.error, try #require(entry.streakErrors.compactMap(\.self).max()), relative: 1e-9)
    #expect(entry.bound <= entry.error && entry.gap >= 1)
    let mean = try schedules("taylor:order=1", 5...5).entries[0].chunks[0]
    #expect(entry.error <= mean.streakErrors.compactMap(\.self).max()! * (1 + 1e-9))
  }

  @Test("says what cannot be")
  func refusals() throws {
    expectPolicyError("9 computed calls are asked for; a chunk has 8") {
      _ = try schedules("interval", 9...9, over: [[Synthetic(.still, seed: 1, calls: 8).geometry]])
    }
    expectPolicyError(
      "no schedule of 2 computed calls over 12 keeps the constraints with the predictor 'hold'"
    ) { _ = try schedules("interval", Aim(), ScheduleConstraints(longestStreak: 3), 2...2) }
    // Before anything is made for each number.
    expectPolicyError("9000000000000000000 computed calls are asked for; a chunk has 12") {
      _ = try schedules("interval", 1...9_000_000_000_000_000_000)
    }
    expectPolicyError(
      "a schedule that is found is written with its predictor, and 'bands' of 'freqca' cannot be; it takes hold, taylor, "
        + "hermite, damped, worldcache"
    ) { _ = try schedules("freqca", 5...5) }
    let rule = try PolicyRegistry.plan("rule:file=" + Fixture.example("worldcache.yaml"))
    expectPolicyError("\(rule.spec) has no predictor with schedules to search") {
      _ = try schedules(rule.spec.description, 5...5)
    }
    // 4⁴ groups are one more than a byte tells apart.
    let groups = QuantileGroupsPredictor(
      grouping: TokenGrouping(criterion: .speed, quantiles: [0.2, 0.5, 0.8]),
      predictors: Array(repeating: HoldPredictor(), count: 4))
    let four = Synthetic(.smooth, seed: 1, branches: 4, calls: 6).geometry
    expectPolicyError(
      "the ideal schedule is searched for at most 255 groups of tokens over all branches; 'groups' makes 4 in each of 4"
    ) { _ = try IdealSearch([four], groups) }
    let three = Synthetic(.smooth, seed: 1, branches: 3, calls: 6).geometry
    #expect(try IdealSearch([three], groups).schedule(computing: 4) != nil)
    let spec = try PolicyRegistry.plan("always").spec
    expectPolicyError("\(spec) has no predictor with schedules to search") {
      _ = try schedules("always", 2...2)
    }
  }

  private func schedules(
    _ spec: String, _ counts: ClosedRange<Int>, over traces: [[Geometry]]? = nil
  ) throws -> IdealSchedules {
    try schedules(spec, Aim(), ScheduleConstraints(), counts, over: traces)
  }

  private func schedules(
    _ spec: String, _ aim: Aim, _ counts: ClosedRange<Int>, over traces: [[Geometry]]? = nil
  ) throws -> IdealSchedules {
    try schedules(spec, aim, ScheduleConstraints(), counts, over: traces)
  }
}
