import Testing
import Trace

@testable import WorldCache

@Suite("Fronts, goals, cliffs and plateaus")
struct TuningFrontTests {
  /// `C…p…` with a threshold up to which it holds, its seconds of 4 and its error on each trace.
  private struct Step {
    let schedule: String
    let upper: Double?
    let seconds: Double
    let error: Double
  }

  private static let space = SearchSpace(
    spec: PolicySpec(name: "easycache", settings: [.init("threshold", "*")]), keys: ["threshold"],
    ranges: [0...Double.greatestFiniteMagnitude], isOracle: false)

  /// Searches made-up traces whose behaviours are listed.
  private func outcomes(_ traces: [[Step]], _ space: SearchSpace = space) throws -> [TuningOutcome] {
    try traces.map { steps in
      try TuningOutcome(space) { values in
        let step = steps.first { $0.upper.map { values[0] < $0 } ?? true }!
        return TuningRecord(
          policy: space.spec(at: values).description, values: values, next: [step.upper],
          figures: .made(
            schedule: step.schedule, seconds: step.seconds,
            errors: [.direct: step.error, .worstCall: 2 * step.error]))
      }
    }
  }

  private static let first = [
    Step(schedule: "CCCC", upper: 0.1, seconds: 4, error: 0),
    Step(schedule: "CCpC", upper: 0.4, seconds: 3, error: 0.1),
    Step(schedule: "CppC", upper: nil, seconds: 2, error: 0.6),
  ]
  private static let second = [
    Step(schedule: "CCCC", upper: 0.2, seconds: 4, error: 0),
    Step(schedule: "CpCC", upper: 0.8, seconds: 3, error: 0.2),
    Step(schedule: "CppC", upper: nil, seconds: 2, error: 0.3),
  ]

  private func front(_ goal: TuningGoal) throws -> TuningFront {
    let outcomes = try outcomes([Self.first, Self.second])
    return TuningFront([Self.space], [Behaviour.common(outcomes, in: Self.space)], goal)
  }

  @Test("a new behaviour begins wherever one begins on any trace")
  func union() throws {
    let behaviours = Behaviour.common(try outcomes([Self.first, Self.second]), in: Self.space)
    #expect(behaviours.map { $0.intervals[0].lower } == [0, 0.1, 0.2, 0.4, 0.8])
    #expect(behaviours.map { $0.intervals[0].upper } == [0.1, 0.2, 0.4, 0.8, nil])
    #expect(
      behaviours.map { $0.records.map(\.figures.schedule) } == [
        ["CCCC", "CCCC"], ["CCpC", "CCCC"], ["CCpC", "CpCC"], ["CppC", "CpCC"], ["CppC", "CppC"],
      ])
  }

  @Test("mean, p95 and worst over traces, and the spread")
  func summary() throws {
    let last = try front(TuningGoal()).candidates.last!.summary
    #expect(last.error!.worst == 0.6 && last.error!.smallest == 0.3)
    expectClose(last.error!.mean, 0.45, relative: 1e-12)
    // Rank 0.95 of 0…1.
    expectClose(last.error!.p95, 0.585, relative: 1e-12)
    #expect(last.computedCount == 2 && last.callCount == 4)
    #expect(last.speedup(.calls) == 2 && last.speedup(.seconds) == 2)
  }

  @Test("the front leaves out what is beaten; a goal picks its end")
  func goals() throws {
    // Worst errors of the five: 0, 0.1, 0.2, 0.6, 0.6; mean seconds 4, 3.5, 3, 2.5, 2: the fourth is beaten by the last.
    let front = try front(TuningGoal())
    #expect(front.fronts.count == 1)
    #expect(front.fronts[0].members.map(\.place) == [4, 2, 1, 0])
    #expect(front.choices.isEmpty)
    func choice(_ goal: TuningGoal) throws -> Int? { try self.front(goal).choices.first?.place }
    #expect(try choice(TuningGoal(speedup: 1.3)) == 2)
    #expect(try choice(TuningGoal(speedup: 2)) == 4)
    #expect(try choice(TuningGoal(speedup: 2.1)) == nil)
    #expect(try choice(TuningGoal(largestError: 0.2)) == 2)
    #expect(try choice(TuningGoal(largestError: 0.19)) == 1)
    #expect(try choice(TuningGoal(statistic: .mean, largestError: 0.451)) == 4)
    #expect(try choice(TuningGoal(speedup: 1.3, largestError: 0.5)) == 2)
    #expect(try choice(TuningGoal(speedup: 1.5, largestError: 0.5)) == nil)
    #expect(try choice(TuningGoal(metric: .worstCall, largestError: 0.4)) == 2)
    // 0.15 is the middle of 0.1 and 0.2.
    #expect(
      try self.front(TuningGoal(largestError: 0.19)).choices[0].spec.description == "easycache:threshold=0.15"
    )
  }

  @Test("bounds have a front of their own and are never chosen; what lacks the metric is named")
  func oracles() throws {
    let oracle = SearchSpace(spec: PolicySpec(name: "ideal"), keys: [], ranges: [], isOracle: true)
    let hidden = SearchSpace(spec: PolicySpec(name: "spectrum"), keys: [], ranges: [], isOracle: false)
    func behaviour(_ figures: TuningFigures) -> [Behaviour] {
      [Behaviour(intervals: [], records: [TuningRecord(policy: "", values: [], next: [], figures: figures)])]
    }
    let outcomes = try outcomes([Self.first])
    let behaviours = [
      Behaviour.common(outcomes, in: Self.space),
      behaviour(.made(schedule: "CppC", seconds: 2, errors: [.direct: 0.01, .worstCall: 1])),
      behaviour(.made(schedule: "CppC", seconds: 2, errors: [.worstCall: 0.1], emission: "hidden.6")),
    ]
    let direct = TuningFront([Self.space, oracle, hidden], behaviours, TuningGoal(speedup: 2))
    #expect(direct.fronts.map(\.isOracle) == [false, true])
    #expect(direct.choices.map(\.spec.name) == ["easycache"])
    #expect(direct.undefined == ["spectrum"])
    // Errors relative to different tensors stand in fronts of their own.
    let call = TuningFront(
      [Self.space, oracle, hidden], behaviours, TuningGoal(metric: .worstCall, speedup: 2))
    #expect(call.fronts.map(\.unit) == ["output", "output", "hidden.6"])
    #expect(call.choices.map(\.spec.name) == ["easycache", "spectrum"])
    #expect(call.undefined == [])
  }

  @Test("by modality every one must keep to the goal")
  func modalities() throws {
    func figures(_ rgb: Double, _ depth: Double?) -> TuningFigures {
      .made(
        schedule: "CppC", seconds: 2, errors: [.direct: 0.1],
        modalities: [
          .init(name: "rgb", errors: [.direct: rgb]),
          .init(name: "disparity", errors: depth.map { [.direct: $0] } ?? [:]),
        ])
    }
    let summary = TuningSummary([figures(0.1, 0.3), figures(0.2, 0.1)], .direct, byModality: true)
    #expect(summary.error?.worst == 0.3 && summary.error?.smallest == 0.2)
    #expect(summary.modalities.map(\.name) == ["rgb", "disparity"])
    #expect(summary.modalities.map { $0.error?.worst } == [0.2, 0.3])
    #expect(TuningSummary([figures(0.1, nil)], .direct, byModality: true).error == nil)
  }

  @Test("cliffs are large jumps between neighbours, plateaus wide intervals")
  func edges() throws {
    let front = try front(TuningGoal())
    let cliffs = TuningEdge.cliffs(front, settings: [0], factor: 1.5)
    // 0.1 to 0.2 and 0.2 to 0.6; from 0 there is no ratio, and 0.6 to 0.6 is none.
    #expect(cliffs.map(\.value) == [0.4, 0.2])
    expectClose(cliffs[0].jump!, 3, relative: 1e-12)
    #expect(TuningEdge.cliffs(front, settings: [0], factor: 2.5).map(\.value) == [0.4])
    #expect(TuningEdge.cliffs(front, settings: [], factor: 1.5).isEmpty)
    // 0.1…0.2, 0.2…0.4 and 0.4…0.8 are each twice as wide; the first from 0 has no ratio, the last no end.
    let plateaus = TuningEdge.plateaus(front, settings: [0], factor: 1.5)
    #expect(plateaus.map(\.place) == [1, 2, 3])
    #expect(TuningEdge.plateaus(front, settings: [0], factor: 2.1).isEmpty)
  }

  @Test("what a search finds does not depend on how many are made at a time, and each replay is made once")
  func jobs() throws {
    let traces = (UInt64(1)...3).map { Synthetic(.smooth, seed: $0, calls: 14, tokens: 4).geometry }
    func run(_ workers: Int) throws -> [[TuningRecord]] {
      let settings = try TuningSetting.settings(
        ["worldcache:warmup=3,n-max=2|3", "taylor:interval=2..4"], limit: 9)
      let search = TuningSearch(
        settings: settings,
        traces: traces.enumerated().map { place, geometry in ("trace \(place)", { { _ in [geometry] } }) },
        slicing: false, workerCount: workers)
      let jobs = TuningSearch.Job.all(traceCount: 3, settingCount: settings.count)
      return try search.run(jobs).outcomes.map { try #require($0).boxes.map(\.record) }
    }
    let one = try run(1)
    #expect(one.count == 15 && one[0].count > 3)
    #expect(try run(4) == one)
  }
}
