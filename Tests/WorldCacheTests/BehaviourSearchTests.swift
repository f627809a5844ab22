import Foundation
import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("Every behaviour of a threshold")
struct BehaviourSearchTests {
  private func boxes(_ spec: String, _ geometries: [Geometry]) throws -> [BehaviourSearch.Box] {
    let setting = try TuningSetting(PolicySpec(parsing: spec))
    return try TuningOutcome(setting.space, limit: 20_000) { try setting.record(at: $0, over: geometries) }
      .boxes
  }

  private func geometry(_ spec: String, _ synthetic: Synthetic) throws -> Geometry {
    let setting = try TuningSetting(PolicySpec(parsing: spec))
    return try synthetic.geometry(for: setting.plan(at: setting.space.ranges.map(\.lowerBound)))
  }

  private func shown(_ boxes: [BehaviourSearch.Box]) -> [String] {
    boxes.map { box in
      box.intervals.map { "[\($0.lower.shortest), \($0.upper?.shortest ?? "∞"))" }.joined(separator: " x ")
        + " \(box.record.figures.schedule)"
    }
  }

  @Test("SmoothCache on f = 1, 2, 4, 4: the errors that it holds against alpha are its breakpoints")
  func smoothcache() throws {
    // Errors one apart 1/2, 2/4, 0 and two apart 3/4, 2/4; at most alpha skips. From 0 it skips one at 1/2, two at 3/4.
    let spec = "smoothcache:site=output,lookahead=2"
    let geometry = try geometry(spec, Synthetic(tokens: [[1, 2, 4, 4]]))
    #expect(
      shown(try boxes(spec, [geometry])) == ["[0, 0.5) CCCC", "[0.5, 0.75) CpCC", "[0.75, ∞) CppC"])
  }

  @Test("a rule on the latents 1, 2, 4, 4, 8: below compares strictly, at most does not")
  func rules() throws {
    // |X_s − X_a| / |X_a|: from the call before 1, 1, 0, 1; from call 0 to calls 2 and 4 3 and 7; from 2 to 4 1.
    let pictures = ["CCCCC", "CCCpC", "CpCpp", "CpppC", "Cpppp"]
    let (strict, inclusive) = ([0.0, 1, 3, 7].map(\.nextUp), [0.0, 1, 3, 7])
    for (comparison, edges) in [
      ("predict-while: {below: $bound}", strict), ("predict-while: {at-most: $bound}", inclusive),
      ("compute-when: {at-least: $bound}", strict), ("compute-when: {above: $bound}", inclusive),
    ] {
      let text = """
        rule: 1
        parameters: {bound: 0.5}
        site: output
        signal: {change: latent, from: computed}
        \(comparison)
        predict: hold
        """
      try Fixture.with("rule.yaml", text) { path in
        let setting = try TuningSetting(PolicySpec(parsing: "rule:file=\(path)"))
        let boxes = try TuningOutcome(setting.space, limit: 20) { values in
          let run = try ScriptedRun(
            setting.space.spec(at: values).description, [Quantity(.latent): [1, 2, 4, 4, 8]])
          let next = try setting.thresholds[0].next(
            after: values[0], setting.plan(at: values).values, [[run.decisions]], isEither: false)
          return TuningRecord(
            policy: "", values: values, next: [next], figures: .made(schedule: run.picture))
        }.boxes
        #expect(boxes.map(\.record.figures.schedule) == pictures, "\(comparison)")
        #expect(boxes.dropFirst().map { $0.intervals[0].lower } == edges, "\(comparison)")
        #expect(boxes[0].intervals[0].lower == -.greatestFiniteMagnitude)
      }
    }
  }

  @Test("the smallest signal that made compute counts, in the parameter's own unit")
  func signals() throws {
    let plan = try PolicyRegistry.plan("sencache:scale=3")
    let threshold = Threshold("main", factors: ["scale"], .predictBelow)
    func next(_ current: Double, _ decisions: [Decision], _ threshold: Threshold) -> Double? {
      threshold.next(after: current, plan.values, [[decisions]], isEither: false)
    }
    func compute(_ signal: Double, _ bound: Double) -> Decision {
      Decision(.compute, .threshold, signal: signal, threshold: bound)
    }
    // 0.3 and 0.9 were refused at 0.1 · 3: the first value above is that whose product with 3 exceeds 0.3.
    let first = next(0.1, [compute(0.9, 0.1 * 3), compute(0.31, 0.1 * 3)], threshold)!
    #expect(first * 3 > 0.31 && first.nextDown * 3 <= 0.31)
    // Infinite and undefined signals, other bounds, caps and predicted calls do not count.
    let others = [
      compute(.infinity, 0.1 * 3), compute(.nan, 0.1 * 3), compute(0.2, 0.15),
      Decision(.compute, .cap, signal: 0.01, threshold: 0.1 * 3),
      Decision(.predict, .threshold, signal: 0.01, threshold: 0.1 * 3), Decision(.compute, .warmUp),
    ]
    #expect(next(0.1, others, threshold) == nil)
    #expect(next(0.1, others + [compute(0.9, 0.1 * 3)], threshold)! * 3 > 0.9)
    // Breaks count where they are nearer.
    let broken = Threshold("main", factors: ["scale"], breaks: [0.05, 0.2], .predictBelow)
    #expect(next(0.1, [compute(0.9, 0.1 * 3)], broken) == 0.2)
    #expect(next(0.2, [], broken) == nil)
    // At most includes equality.
    let inclusive = Threshold("start", .predictAtMost)
    #expect(next(0.1, [compute(0.5, 0.1)], inclusive) == 0.5)
    #expect(next(0.1, [compute(0.5, 0.1)], Threshold("start", .predictBelow)) == 0.5.nextUp)
  }

  @Test("a step that either branch has computed goes with the larger of its signals")
  func either() throws {
    let plan = try PolicyRegistry.plan("worldcache")
    let threshold = Threshold("eta", .computeAtLeast)
    let lanes = [
      [Decision(.compute, .threshold, signal: 0.2, threshold: 0.1)],
      [Decision(.compute, .threshold, signal: 0.7, threshold: 0.1)],
    ]
    #expect(threshold.next(after: 0.1, plan.values, [lanes], isEither: true) == 0.7.nextUp)
    #expect(threshold.next(after: 0.1, plan.values, [lanes], isEither: false) == 0.2.nextUp)
  }

  @Test("a search that does not come to an end says so")
  func endless() {
    expectPolicyError("the search has come to 3 replays and is not done; fix one of the thresholds") {
      _ = try TuningOutcome(TuningSetting(PolicySpec(parsing: "easycache")).space, limit: 3) { values in
        var figures = TuningFigures.made(schedule: "C")
        figures.computedCount = 1
        return TuningRecord(policy: "", values: values, next: [values[0] + 1], figures: figures)
      }
    }
  }

  @Test("which thresholds are open, and which cannot be")
  func settings() throws {
    func spec(_ text: String) throws -> String {
      try TuningSetting(PolicySpec(parsing: text)).space.spec.description
    }
    #expect(try spec("easycache") == "easycache:model=wan,threshold=*,warmup=10")
    #expect(try spec("easycache:threshold=0.2") == "easycache:model=wan,threshold=0.2,warmup=10")
    #expect(try spec("dbcache").contains("threshold=*") && spec("dbcache").contains("budget=0"))
    let both = try TuningSetting(PolicySpec(parsing: "sencache:start=*,main=*"))
    #expect(both.space.keys == ["start", "main"])
    #expect(try spec("taylor:interval=3").contains("interval=3"))
    let many = try TuningSetting.settings(
      ["worldcache:n-max=2|3", "easycache", "worldcache:n-max=3"], limit: 9)
    #expect(many.count == 3)
    expectPolicyError(
      "order=* of policy 'taylor' cannot be searched: the policy has no threshold; write values, such as order=2..6"
    ) { _ = try spec("taylor:order=*") }
    expectPolicyError("warmup=* of policy 'worldcache' cannot be searched: its thresholds are eta") {
      _ = try spec("worldcache:warmup=*")
    }
    let rule = "rule:file=\(Fixture.example("easycache.yaml"))"
    #expect(try TuningSetting(PolicySpec(parsing: rule)).space.keys == ["threshold"])
    // Where a file compares with nothing there is nothing to open.
    #expect(
      try TuningSetting(PolicySpec(parsing: "rule:file=\(Fixture.example("interval.yaml"))")).space.keys == []
    )
  }

  @Test("written values lie inside, and are short where there is room")
  func published() {
    func value(_ lower: Double, _ upper: Double?) -> Double {
      ThresholdInterval(lower: lower, upper: upper).published
    }
    #expect(value(0.2, 0.4) == 0.3)
    #expect(value(0, 1) == 0.5)
    #expect(value(0.1, 0.2) == 0.15)
    #expect(value(0.1234, 0.1236) == 0.1235)
    #expect(value(3, nil) == 6)
    #expect(value(0, nil) == 1)
    #expect(value(0, .leastNonzeroMagnitude) == 0)
    #expect(value(-.greatestFiniteMagnitude, -3) == -6)
    // No number of single precision lies between; the margin says how near the edges are.
    let narrow = ThresholdInterval(lower: 0.3, upper: 0.3.nextUp.nextUp)
    #expect(narrow.published == 0.3.nextUp)
    #expect(narrow.margin! < 1e-15)
    #expect(abs(ThresholdInterval(lower: 0.2, upper: 0.4).margin! - 1.0 / 3) < 1e-12)
    var generator = Dice(seed: 5)
    for _ in 0..<1000 {
      let lower = generator.real(0...1)
      let interval = ThresholdInterval(lower: lower, upper: lower + generator.real(1e-6...1))
      #expect(interval.contains(interval.published) && interval.published > lower, "seed 5: \(interval)")
      #expect(interval.contains(Double(Float(interval.published))), "seed 5: \(interval)")
    }
  }

  /// Every policy with a threshold, in the variants that compare, couple or start differently.
  static let specs =
    [
      "worldcache:warmup=3", "worldcache:variant=lingbot,warmup=3,n-max=4",
      "worldcache:warmup=3,coupling=separate,n-max=9,normalisation=paper", "teacache",
      "teacache:model=wan2.1-t2v-1.3b",
      "teacache:model=custom,coefficients=-2+0.3+0.1", "teacache:model=qwen-image,absolute=yes", "magcache",
      "magcache:family=diffusers", "magcache:family=wan", "magcache:family=omnigen2",
      "magcache:family=framepack",
      "easycache:warmup=2", "first-block", "first-block:variant=diffusers,branches=separate,order=1",
      "dbcache:fn=1,warmup=2,max-continuous=3", "dbcache:fn=2,warmup=2,threshold=0.6,budget=*",
      "dbcache:fn=1,warmup=2,threshold=*,budget=*", "dicache", "dicache:variant=hunyuan",
      "dicache:variant=flux-minus", "dicache:variant=wan", "seacache", "seacache:model=wan",
      "sencache:scale=3",
      "sencache:scale=*", "sencache:start=*,main=*,scale=2", "sencache:start=0,main=*,jt=0.001", "bwcache",
      "bwcache:reuse=0.3", "smoothcache:site=output,lookahead=4", "smoothcache:site=stack",
    ]
    + ["easycache", "first-block", "teacache", "worldcache"].map {
      "rule:file=\(Fixture.example($0 + ".yaml"))"
    }

  @Test("every threshold of the registry is among those that are compared with a grid")
  func covered() throws {
    let searched = Set(
      try Self.specs.flatMap { text in
        let setting = try TuningSetting(PolicySpec(parsing: text))
        return setting.space.keys.map { "\(setting.entry.name) \($0)" }
      })
    for entry in PolicyRegistry.entries {
      for threshold in entry.thresholds {
        #expect(searched.contains("\(entry.name) \(threshold.key)"))
      }
    }
  }

  /// Values at which a grid replays: over the breakpoints and beyond, evenly and by ratio, and at random.
  private static func grid(_ edges: [Double], count: Int, _ generator: inout Dice) -> [Double] {
    let finite = edges.filter { abs($0) < 1e300 }
    let top = (finite.map(abs).max() ?? 0) * 1.5 + 0.5
    let bottom = finite.filter { $0 > 1e-300 }.min() ?? 1e-3
    let isSigned = finite.contains { $0 < 0 } || edges.contains { $0 < -1e300 }
    return (0..<count).map { place in
      let part = Double(place) / Double(count)
      switch place % 3 {
      case 0: return (isSigned ? -top * (1 - part) : 0) + part * top
      case 1: return bottom * 0.5 * exp(part * log(4 * top / bottom))
      default: return generator.real((isSigned ? -top : 0)...top)
      }
    }
  }

  @Test("no schedule of a grid is missed, and each value of it does as its interval says", arguments: specs)
  func grid(spec: String) throws {
    // make grid-test has 10,000 points.
    let count = Int(ProcessInfo.processInfo.environment["WCTRACE_GRID"] ?? "") ?? 40
    var generator = Dice(seed: 77)
    var found = 0
    for (seed, family) in [(UInt64(3), Synthetic.Family.smooth), (4, .random), (5, .straight)] {
      let synthetic = Synthetic(family, seed: seed, branches: 2, calls: 11, tokens: 3)
      let setting = try TuningSetting(PolicySpec(parsing: spec))
      let geometry = try geometry(spec, synthetic)
      let memories = [ReplayMemo()]
      var search = BehaviourSearch(setting.space.ranges, limit: 20_000) {
        try setting.record(at: $0, over: [geometry], memories: memories)
      }
      let boxes = try search.boxes()
      found += boxes.count
      let edges = setting.space.keys.indices.map { level in boxes.map { $0.intervals[level].lower } }
      let grids = edges.map { Self.grid($0, count: count, &generator) }
      let known = Set(boxes.map(\.record.figures.schedule))
      for place in 0..<count {
        // Several thresholds: pairs at random.
        let values = grids.enumerated().map { level, grid in
          level == 0 ? grid[place] : grid[Int(generator.next() % UInt64(count))]
        }
        let schedule = try setting.record(at: values, over: [geometry], memories: memories).figures.schedule
        let comment = Comment(
          rawValue: "\(family), seed \(seed), grid seed 77, \(setting.space.spec(at: values))")
        #expect(known.contains(schedule), comment)
        let holding = boxes.filter { box in zip(box.intervals, values).allSatisfy { $0.contains($1) } }
        #expect(holding.count == 1, comment)
        #expect(holding.first?.record.figures.schedule == schedule, comment)
      }
      // Every box is where it says, at both ends.
      for box in boxes.prefix(count) {
        let ends = box.intervals.map { [$0.lower, $0.upper?.nextDown ?? max(abs($0.lower) * 2, 1)] }
        for values in [ends.map { $0[0] }, ends.map { $0[1] }] {
          let schedule = try setting.record(at: values, over: [geometry], memories: memories).figures.schedule
          #expect(
            schedule == box.record.figures.schedule,
            "\(family), seed \(seed), \(setting.space.spec(at: values))")
        }
      }
    }
    // Otherwise the grid would show nothing.
    #expect(found > 5, "\(found) behaviours")
  }
}

extension TuningFigures {
  /// Figures of a made-up replay of four calls.
  static func made(
    schedule: String, seconds: Double = 1, errors: [TuningMetric: Double] = [:], emission: String = "output",
    modalities: [Modality] = []
  ) -> TuningFigures {
    TuningFigures(
      schedule: schedule, computedCount: schedule.count { $0 == "C" }, callCount: schedule.count,
      seconds: seconds, uncachedSeconds: 4, emission: emission, errors: errors, modalities: modalities)
  }
}
