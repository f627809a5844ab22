import Foundation
import TestSupport
import Testing
import Trace

@testable import WorldCache

/// Searches for the direct error against trying every schedule.
///
/// `WCTRACE_IDEAL_TABLES=500` (`make ideal-test`) tries so many instances for each predictor.
@Suite("Schedules of the smallest direct error")
struct DirectSearchTests {
  private static let tableCount = Int(ProcessInfo.processInfo.environment["WCTRACE_IDEAL_TABLES"] ?? "") ?? 6
  private static let twins = IdealSearchTests.twins.filter { $0.predictor.groupNames.isEmpty }

  // Every schedule that keeps the constraints, with its error by the definition.
  private func errors(
    _ force: BruteForce, _ over: Aim.Over, _ constraints: ScheduleConstraints
  ) -> [[Int]: Double] {
    var errors: [[Int]: Double] = [:]
    for (schedule, replays) in force.tried where force.keeps(schedule, constraints) {
      let squares = zip(replays, force.traces).map {
        $0.directSquaredError / $1.geometry.finalSquaredNorms.reduce(0, +)
      }
      errors[schedule] =
        (over == .max ? squares.max()! : squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }
    return errors
  }

  @Test(
    "the best of every schedule is found and told to be the best, with and without time", arguments: twins)
  func tables(twin: IdealSearchTests.Twin) throws {
    var (hurried, best) = (0, 0)
    for seed in 0..<UInt64(Self.tableCount) {
      var dice = Dice(seed: 9_000 + seed)
      func whole(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }
      let calls = seed % 50 == 49 ? 12 : seed % 3 == 2 ? whole(9...10) : whole(3...8)
      let branches = whole(1...4) == 1 ? 2 : 1
      let traces = (0..<whole(1...3)).map { trace in
        let made = Synthetic(
          [.random, .smooth, .tied][whole(0...2)], seed: 70_000 + 10 * seed + UInt64(trace),
          branches: branches, calls: calls, tokens: whole(2...4), channels: 2)
        guard whole(0...3) == 0 else { return made }
        // Another solver: its own weights for the calls.
        return Synthetic(
          made.features, weights: made.weights.map { $0.map { $0 * Double(whole(5...20)) / 10 } },
          finalSquaredNorms: made.geometry.finalSquaredNorms)
      }
      let constraints = ScheduleConstraints(
        warmUp: whole(1...2), longestStreak: whole(0...2) == 0 ? whole(1...4) : nil,
        lastComputed: whole(0...3) == 0)
      let force = BruteForce(traces, twin)
      for over in Aim.Over.allCases {
        let errors = errors(force, over, constraints)
        let search = try DirectSearch(
          traces.map(\.geometry), twin.predictor, over: over, constraints, upTo: calls)
        for count in 1...calls {
          let comment = Comment(
            rawValue:
              "seed \(seed), \(calls) calls, \(count) computed, \(over), \(twin.settings), \(constraints)")
          guard let least = errors.filter({ $0.key.count == count }).map(\.value).min() else {
            #expect(search.result(computing: count) == nil, comment)
            continue
          }
          for mostNodes in [DirectSearch.mostNodes, 30, 0] {
            let found = try #require(search.result(computing: count, mostNodes: mostNodes), comment)
            // Naive errors are sums of differences of floats that nearly cancel where a stream stands still.
            let slack = 1e-8 * least + 1e-8
            #expect(found.bound <= least + slack && found.bound >= 0, comment)
            #expect(found.error >= least - slack && found.error >= found.bound, comment)
            let own = try #require(errors[found.schedule], comment)
            #expect(abs(found.error - own) <= slack, comment)
            if mostNodes == DirectSearch.mostNodes {
              #expect(abs(found.error - least) <= slack && found.bound == found.error, comment)
            } else if mostNodes == 0 {
              hurried += 1
              if found.error <= least + slack { best += 1 }
            }
          }
        }
      }
    }
    // Without branching small instances are nearly always solved, if not told to be.
    #expect(Double(best) >= 0.9 * Double(hurried), "\(best) of \(hurried) are the best there is")
  }

  @Test("the hull's bound is one by itself, and near on streams that are smooth")
  func hull() throws {
    let traces = (0..<3).map { Synthetic(.smooth, seed: 40 + UInt64($0), calls: 11, tokens: 6) }
    let twin = Self.twins[0]
    let force = BruteForce(traces, twin)
    for over in Aim.Over.allCases {
      let errors = errors(force, over, ScheduleConstraints())
      let anchors = try AnchorWeights(callCount: 11, twin.predictor, longestStreak: nil)
      let direct = try DirectErrors(traces.map(\.geometry), anchors, over: over)
      for count in 2...9 {
        let all = errors.filter { $0.key.count == count }
        let least = try #require(all.values.min())
        let hull = DirectHull(
          direct, ScheduleConstraints(), computing: count, startingFrom: Array(0..<count))
        #expect(hull.bound <= least * (1 + 1e-9) && hull.bound > 0.3 * least, "\(count) computed, \(over)")
        // Along each direction no schedule goes less far than its bound, nor farther than its own size.
        for face in hull.faces {
          for (schedule, error) in all {
            var (length, place) = (0.0, anchors.start)
            for (index, position) in schedule.enumerated() {
              if index > 0 { place = anchors.place(place, followedBy: position) }
              let next = index + 1 < count ? schedule[index + 1] : 11
              length += face.direction.row(anchors, place)[next - position - 1]
            }
            #expect(length >= face.bound - 1e-12 && length <= error * (1 + 1e-9) + 1e-12)
          }
        }
      }
    }
  }

  @Test(
    "errors of two streaks cancel: the direct error and the streak-coherent one choose differently, by hand")
  func picture() throws {
    // Sums of p − f: computing 0 and 1 leaves (6 − 7.5) + (6 − 4) + (6 − 4) = 2.5 in one streak; 0 and 2 leave
    // −6 and 3.5 + 3.5, which add up to 1 but have 6² + 7² as squares; 0 and 3 leave −13.5, 0 and 4 −17.5.
    let geometry = Synthetic(
      tokens: [[0, 6, 7.5, 4, 4]], weights: Array(repeating: -0.2, count: 5), finalSquaredNorms: [4]
    ).geometry
    func found(_ objective: Objective) throws -> IdealSchedules.Entry {
      try IdealSchedules(
        of: PolicyRegistry.plan("interval"), over: [[geometry]], Aim(objective), ScheduleConstraints(),
        computing: 2...2
      ).entries[0].chunks[0]
    }
    let (direct, streak) = (try found(.direct), try found(.streak))
    #expect(direct.computed == [0, 2] && streak.computed == [0, 1])
    // 0.2 · 1 and 0.2 · 2.5, in parts of a final latent of length 2.
    expectClose(direct.error, 0.1, relative: 1e-12)
    expectClose(streak.error, 0.25, relative: 1e-12)
    #expect(direct.bound == direct.error && direct.gap == 1)
  }

  @Test("errors that cancel altogether are 0, with the bound 0 and the gap 1")
  func still() throws {
    let cancelling = Synthetic(
      tokens: [[0, 6, 7, 4, 4]], weights: Array(repeating: -0.25, count: 5), finalSquaredNorms: [4]
    ).geometry
    for (geometry, count) in [(cancelling, 2), (Synthetic(.still, seed: 3, calls: 8, tokens: 3).geometry, 3)]
    {
      let found = try IdealSchedules(
        of: PolicyRegistry.plan("interval"), over: [[geometry]], Aim(.direct), ScheduleConstraints(),
        computing: count...count
      ).entries[0].chunks[0]
      #expect(found.error == 0 && found.bound == 0 && found.gap == 1)
    }
  }

  @Test(
    "what is told is the direct error of replays of what is printed and written, never above that of the streak's ideal",
    arguments: [
      ("interval", Aim.Over.mean), ("taylor:order=1,first-enhance=3", .mean), ("taylor:order=2", .max),
      ("hicache:order=2,sigma=0.7", .mean), ("mask:calls=0+1+2,predictor=damped,n-max=4", .max),
    ])
  func written(spec: String, over: Aim.Over) throws {
    let traces = (0..<3).map { trace in
      (0..<2).map { chunk in
        Synthetic(
          .smooth, seed: UInt64(160 + 10 * trace + chunk), branches: 2, calls: 13, tokens: 5, chunk: chunk
        ).geometry
      }
    }
    let plan = try PolicyRegistry.plan(spec)
    let found = try IdealSchedules(
      of: plan, over: traces, Aim(.direct, over: over), ScheduleConstraints(), computing: 6...7)
    let streaks = try IdealSchedules(
      of: plan, over: traces, Aim(), ScheduleConstraints(), computing: 6...7)
    for (entry, streak) in zip(found.entries.flatMap(\.chunks), streaks.entries.flatMap(\.chunks)) {
      func error(_ entry: IdealSchedules.Entry) -> Double {
        let squares = entry.directErrors.map { $0! * $0! }
        return (over == .max ? squares.max()! : squares.reduce(0, +) / 3).squareRoot()
      }
      expectClose(entry.error, error(entry), relative: 1e-9)
      #expect(entry.error <= error(streak) * (1 + 1e-9) && entry.gap == 1)
    }
    let text = try #require(found.file(computing: 6, names: ["a", "b", "c"], command: "wctrace"))
    #expect(text.contains("\"objective\": \"direct\"") && text.contains("\"weights\": \"solver\""))
    try Fixture.with("found.json", text) { path in
      for (trace, geometries) in traces.enumerated() {
        let replay = try Replay(PolicyRegistry.plan("schedule:file=\(path)"), over: geometries)
        for (stream, entry) in zip(replay.streams, found.entries[0].chunks) {
          #expect(stream.computedPositions(lane: 0) == entry.computed)
          let direct = try #require(stream.directSquaredError) / #require(stream.finalSquaredNorm)
          expectClose(direct.squareRoot(), try #require(entry.directErrors[trace]), relative: 1e-12)
        }
      }
    }
  }

  @Test("points nearest to the origin, by hand")
  func nearest() {
    func weights(_ points: [[Double]]) -> [Double] {
      let products = points.flatMap { a in points.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } } }
      return NearestMixture.weights(
        products, from: [1] + [Double](repeating: 0, count: points.count - 1), tolerance: 1e-12)
    }
    // Halfway between; the nearer of two on a ray; a corner that the others do not help.
    for (found, expected) in [
      (weights([[1, 1], [-1, 1]]), [0.5, 0.5]), (weights([[2, 0], [1, 0]]), [0, 1]),
      (weights([[1, 1], [3, 0], [0, 3]]), [1, 0, 0]), (weights([[3, 0], [0, 1], [5, 5]]), [0.1, 0.9, 0]),
    ] {
      for (weight, other) in zip(found, expected) {
        expectClose(weight, other, relative: 1e-5, absolute: 1e-6)
      }
    }
  }

  @Test("says what it does not search")
  func refusals() throws {
    let geometry = Synthetic(.smooth, seed: 3, calls: 8, tokens: 3).geometry
    func search(_ spec: String, over geometry: Geometry) throws {
      _ = try IdealSchedules(
        of: PolicyRegistry.plan(spec), over: [[geometry]], Aim(.direct), ScheduleConstraints(),
        computing: 4...4)
    }
    expectPolicyError(
      "'worldcache' sorts tokens into groups by what was computed before: the direct error is searched for predictors that "
        + "treat tokens alike, such as hold, taylor, hermite and damped"
    ) { try search("worldcache", over: geometry) }
    expectPolicyError(
      "the ideal schedule is exact for predictors that look back on at most 3 computed calls; 'taylor' as set looks back "
        + "on 4"
    ) { try search("taylor:order=3", over: geometry) }
    expectPolicyError(
      "errors of different streaks may cancel in the direct error, so that it has no exact search; ask for a search with "
        + "a bound"
    ) { _ = try IdealSearch([geometry], HoldPredictor(), Aim(.direct)) }
    let hidden = Synthetic(
      Synthetic.features(.smooth, seed: 3, branches: 1, calls: 8, tokens: 2, channels: 2), site: .hidden)
    expectPolicyError(
      "the objective 'direct' is searched for at the sites output and guided; at hidden use objective=additive"
    ) { try search("interval", over: hidden.geometry) }
    expectPolicyError(
      "no schedule of 4 computed calls over 8 keeps the constraints with the predictor 'damped'"
    ) {
      _ = try IdealSchedules(
        of: PolicyRegistry.plan("mask:calls=0+1+2,predictor=damped,n-max=3"), over: [[geometry]],
        Aim(.direct),
        ScheduleConstraints(longestStreak: 1), computing: 4...4)
    }
  }
}
