import Foundation
import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("Files for runtimes")
struct RuntimeTests {
  func text(_ spec: String, _ target: String, calls: Int? = 28) throws -> String {
    try Runtime.named(target).file(for: RuntimeRequest(PolicyRegistry.plan(spec), callCount: calls)).text
  }

  /// Writes the file, reads it back, and answers the policy that was read.
  private func back(_ spec: String, _ target: String, calls: Int?) throws -> PolicySpec {
    let runtime = try Runtime.named(target)
    let text = try text(spec, target, calls: calls)
    return try Fixture.with("settings.\(runtime.endings[0])", text) { path in
      let (found, spec) = try Runtime.policy(in: path)
      #expect(found.name == target)
      // A plain schedule is read when it is replayed: while its file is there.
      return target == "json" || target == "csv" ? try mask(spec) : spec
    }
  }

  // The same timetable without the file.
  private func mask(_ spec: PolicySpec) throws -> PolicySpec {
    let path = try #require(spec.settings.first { $0.key == "file" }?.value)
    guard case .some(let calls) = try ScheduleFile.read(path).calls.first?.first?.mask(callCount: 28) else {
      throw PolicyError("\(path): no timetable of 28 calls")
    }
    let bits = String(calls.map { $0 ? "1" : "0" })
    return try PolicyRegistry.plan("mask:calls=\(bits),site=stack").spec
  }

  // MARK: What the files say

  @Test("cache-dit: every setting under its own name")
  func cacheDit() throws {
    #expect(
      try text(
        "dbcache:fn=1,threshold=0.12,budget=0.5,mask=ultra,predictor=taylor,branches=lead", "cache-dit",
        calls: 9)
          == """
          # dbcache:fn=1,bn=0,threshold=0.12,warmup=8,warmup-interval=1,max-cached=-1,max-continuous=-1,counter=streak,\
          budget=0.5,mask=ultra,mask-policy=dynamic,branches=lead,predictor=taylor,order=1,lag=1
          cache_config:
            cache_type: DBCache
            Fn_compute_blocks: 1
            Bn_compute_blocks: 0
            residual_diff_threshold: 0.12
            max_warmup_steps: 8
            warmup_interval: 1
            max_cached_steps: -1
            max_continuous_cached_steps: -1
            max_accumulated_residual_diff_threshold: 0.5
            num_inference_steps: 9
            steps_computation_mask: [1, 1, 1, 0, 0, 1, 0, 0, 1]
            steps_computation_policy: dynamic
            enable_separate_cfg: true
            cfg_diff_compute_separate: false
            enable_taylorseer: true
            taylorseer_order: 1

          """)
    // A timetable that holds the same stretch is a static mask; K = 3 counted down over 8 calls: 7, 6, 3, 0 → 0, 1, 4, 7.
    let masked = try text("interval:every=3,site=rest.4.2", "cache-dit", calls: 8)
    #expect(masked.contains("  steps_computation_mask: [1, 1, 0, 0, 1, 0, 0, 1]\n"))
    #expect(masked.contains("  Fn_compute_blocks: 4\n  Bn_compute_blocks: 2\n"))
    #expect(masked.contains("  steps_computation_policy: static\n"))
  }

  @Test("diffusers: a class with its arguments")
  func diffusers() throws {
    #expect(
      try text("taylor:variant=diffusers,site=output,interval=4,after=20", "diffusers") == """
        {
          "class": "TaylorSeerCacheConfig",
          "kwargs": {
            "cache_interval": 4,
            "disable_cache_before_step": 3,
            "max_order": 1,
            "disable_cache_after_step": 20,
            "use_lite_mode": true
          },
          "policy": "taylor:variant=diffusers,interval=4,order=1,before=3,after=20,site=output"
        }

        """)
    let ratios = try text("magcache:family=diffusers,table=custom,ratios=1+0.5", "diffusers", calls: 20)
    #expect(ratios.contains("\"num_inference_steps\": 20") && ratios.contains("\"mag_ratios\": [1, 0.5]"))
  }

  @Test("WorldCache: four variables and the port that has them")
  func worldCache() throws {
    #expect(
      try text("worldcache:p-stable=0.2,eta=0.6", "worldcache") == """
        # port: voyager
        export WORLDCACHE_MODE=worldcache
        export WORLDCACHE_PERCENTILE_STABLE=0.2
        export WORLDCACHE_PERCENTILE_CHAOTIC=0.6
        export WORLDCACHE_N_MAX=6
        export WORLDCACHE_ERROR_THRESHOLD=0.6

        """)
  }

  @Test("SmoothCache, JSON and CSV: every call is there")
  func schedules() throws {
    #expect(
      try text("interval:every=2,site=stack", "smoothcache", calls: 5) == """
        {
          "attn1": [1, 0, 1, 0, 1]
        }

        """)
    #expect(
      try text("mask:calls=1101", "json", calls: 4) == """
        {
          "settings": {
            "predictor": "hold",
            "site": "output"
          },
          "computed": [0, 1, 3]
        }

        """)
    #expect(
      try text("mask:calls=0+2", "csv", calls: 3) == """
        chunk,branch,position,computed
        0,0,0,1
        0,0,1,0
        0,0,2,1

        """)
  }

  private func file(_ spec: String, _ target: String) throws -> RuntimeFile {
    try Runtime.named(target).file(for: RuntimeRequest(PolicyRegistry.plan(spec), callCount: 28))
  }

  @Test("a plain schedule holds how calls are predicted, or it is said that it does not")
  func predictions() throws {
    let catalog = try ReferenceCases.catalog("guided-28")
    for written in ["taylor:interval=4,order=1,site=stack", "interval:every=3", "hicache:order=1"] {
      let json = try file(written, "json")
      #expect(json.remarks.isEmpty)
      try Fixture.with("s.json", json.text) { path in
        let replays = try [written, Runtime.policy(in: path).spec.description].map { spec in
          let plan = try PolicyRegistry.plan(spec)
          return try Replay(plan, over: plan.geometries(in: catalog)).streams[0]
        }
        #expect(replays[0].callErrors == replays[1].callErrors, "\(written)")
      }
    }
    #expect(
      try file("interval:every=3,site=stack", "csv").remarks == [
        "csv says which calls are computed; replay it with schedule:file=…,predictor=hold,site=stack"
      ])
    for target in ["json", "csv"] {
      let freqca = try file("freqca", target)
      #expect(freqca.remarks.count == 1 && !freqca.text.contains("settings"))
      #expect(freqca.remarks[0].contains("not how freqca predicts the others at"), "\(freqca.remarks)")
      #expect(try file("always", target).remarks.isEmpty)
    }
  }

  @Test("a policy that counts through a table has a timetable without a trace")
  func table() throws {
    let catalog = try ReferenceCases.catalog("guided-28")
    for spec in ["magcache:family=diffusers,threshold=0.12", "magcache:family=flux"] {
      let plan = try PolicyRegistry.plan(spec)
      let replay = try Replay(plan, over: plan.geometries(in: catalog))
      let computed = Timetable(replay).computed
      #expect(Set(computed[0][0]).count == 2)
      #expect(try Timetable(plan, callCount: 28).computed == computed)
    }
  }

  // MARK: Names

  private struct Schema: Decodable {
    struct Package: Decodable {
      var version: String
      var fields: [String: [String]]
      var options: [String]?
    }
    var packages: [String: Package]

    init(from decoder: any Decoder) throws { packages = try [String: Package](from: decoder) }
  }

  private struct Script: Decodable { var names: [String] }

  private func read<Value: Decodable>(_ name: String, _: Value.Type = Value.self) throws -> Value {
    try JSONDecoder().decode(
      Value.self, from: Data(contentsOf: ReferenceCases.folder.appending(path: name)))
  }

  @Test("every name that is written is one of the target's own")
  func names() throws {
    let schema: Schema = try read("schema.json")
    let diffusers = try #require(schema.packages["diffusers"])
    for counterpart in DiffusersRuntime.all {
      let known = try #require(diffusers.fields[counterpart.type])
      let written = counterpart.fields.map(\.name) + counterpart.names
      #expect(Set(written).isSubset(of: known), "\(counterpart.type): \(written)")
      let file = try text(
        "\(counterpart.policy):\(counterpart.fixed.map { "\($0.key)=\($0.value)" }.joined(separator: ","))"
          .trimmingSuffix(":"), "diffusers")
      let keys = try Fixture.with("c.json", file) { path in
        try Document.read(path).members(["class", "kwargs", "policy"])["kwargs"]!.entries().map(\.key)
      }
      #expect(!keys.isEmpty && Set(keys).isSubset(of: known))
    }
    let dit = try #require(schema.packages["cache-dit"])
    let known = Set(try #require(dit.fields["DBCacheConfig"]) + (dit.options ?? []))
    for predictor in ["hold", "taylor", "foca", "dmd"] {
      let file = try text(
        "dbcache:budget=1,mask=fast,branches=lead,predictor=\(predictor)", "cache-dit", calls: 28)
      let keys = try Fixture.with("c.yaml", file) { path in
        try Document.read(path).members(["cache_config"])["cache_config"]!.entries().map(\.key)
      }
      #expect(keys.count >= 12 && Set(keys).isSubset(of: known), "\(keys)")
    }
    let scripts: [String: Script] = try read("scripts.json")
    #expect(
      Set(TeaCacheRuntime.plain + TeaCacheRuntime.wan).isSubset(of: try #require(scripts["TeaCache"]).names))
    #expect(Set(MagCacheRuntime.names).isSubset(of: try #require(scripts["MagCache"]).names))
    #expect(
      Set(WorldCacheRuntime.variables.map(\.name)).isSubset(of: try #require(scripts["WorldCache"]).names))
  }

  // MARK: There and back

  /// Settings drawn at random that a target can express.
  private struct Draw {
    var generator: Dice

    mutating func number(_ range: ClosedRange<Double>) -> String {
      ((generator.real(range) * 1000).rounded() / 1000).shortest
    }
    mutating func integer(_ range: ClosedRange<Int>) -> String {
      String(Int.random(in: range, using: &generator))
    }
    mutating func one(_ choices: String...) -> String { choices.randomElement(using: &generator)! }

    mutating func spec(_ target: String) -> String {
      switch target {
      case "cache-dit":
        let mask = one("none", "none", "slow", "medium", "fast", "ultra", "own")
        let bits = "1" + (1..<28).map { _ in one("0", "1") }.joined()
        return "dbcache:fn=\(one("1", "4", "8")),bn=\(one("0", "2")),threshold=\(number(0...0.4)),"
          + "warmup=\(integer(0...9)),warmup-interval=\(integer(1...3)),max-cached=\(integer(-1...12)),"
          + "max-continuous=\(integer(-1...4)),budget=\(one("0", number(0.1...2))),mask=\(mask)"
          + (mask == "own" ? ",calls=\(bits)" : "")
          + (mask == "none" ? "" : ",mask-policy=\(one("static", "dynamic"))")
          + ",branches=\(one("pooled", "separate", "lead"))"
          + one(
            "", ",predictor=taylor,order=\(integer(1...3))", ",predictor=foca", ",predictor=dmd,history=5")
      case "diffusers":
        return one(
          "first-block:variant=diffusers,threshold=\(number(0...0.4)),branches=\(one("pooled", "separate"))",
          "magcache:family=diffusers,table=\(one("flux", "flux-kontext")),threshold=\(number(0...0.5)),"
            + "cap=\(integer(0...6)),retention=\(number(0...0.5))",
          "taylor:variant=diffusers,interval=\(integer(1...8)),before=\(integer(0...6)),after=\(integer(0...27)),"
            + "order=\(integer(0...4)),site=\(one("output", "stack"))",
          "fastercache:every=\(integer(1...7)),below=\(number(0...1000)),low-gain=\(number(0.9...1.3)),"
            + "high-gain=\(number(0.9...1.3))",
          "pab:every=\(integer(1...7)),above=\(number(0...500)),below=\(number(500...1000)),"
            + "site=\(one("stack", "output"))",
          "seacache:model=diffusers,threshold=\(number(0...1)),cap=\(integer(0...4)),order=\(integer(0...1)),"
            + "power=\(integer(1...4)),forced=\(one("ends", "first"))")
      case "worldcache":
        return "worldcache:variant=\(one("voyager", "aether")),p-stable=\(number(0...0.5)),"
          + "p-chaotic=\(number(0.5...1)),n-max=\(integer(1...8)),eta=\(number(0...2))"
      case "teacache":
        return one(
          "teacache:model=\(one("flux", "hunyuan", "ltx", "mochi", "cosmos,branches=pooled", "latte")),"
            + "threshold=\(number(0...1))",
          "teacache:model=wan2.1-t2v-1.3b\(one("", "-ret")),threshold=\(number(0...0.3))",
          "teacache:model=custom,coefficients=\(number(-1...1))+\(number(0...2))+\(number(0...0.1)),"
            + "threshold=\(number(0...1)),signal=\(one("modulated", "timestep"))")
      case "magcache":
        let family = one("flux", "hunyuan", "wan", "qwen")
        return
          "magcache:family=\(family),threshold=\(number(0...0.5)),cap=\(integer(0...6)),retention=\(number(0...0.5))"
          + one("", family == "wan" ? ",table=wan2.1-t2v-14b" : ",table=custom,ratios=1+0.9+1.1+0.95")
          + (family == "hunyuan" ? "" : "")
      default:
        let every = integer(1...9)
        return one("interval:every=\(every),site=stack", "scm:mask=\(one("slow", "fast")),site=stack")
      }
    }
  }

  @Test("what is read back replays as what was written", arguments: Runtime.all.map(\.name))
  func roundTrip(_ target: String) throws {
    let catalog = try ReferenceCases.catalog("guided-28")
    let seed: UInt64 = 40
    var draw = Draw(generator: .init(seed: seed))
    var specs: Set<String> = []
    for _ in 0..<40 {
      let written = draw.spec(target)
      guard specs.insert(written).inserted else { continue }
      let comment = Comment(rawValue: "\(target), seed \(seed): \(written)")
      let read = try back(written, target, calls: 28)
      let replays = try [PolicySpec(parsing: written), read].map { spec in
        let plan = try PolicyRegistry.plan(spec)
        return try Replay(plan, over: plan.geometries(in: catalog)).streams[0]
      }
      #expect(replays[0].lanes.map { $0.map(\.action) } == replays[1].lanes.map { $0.map(\.action) }, comment)
      #expect(replays[0].callErrors == replays[1].callErrors, comment)
    }
    #expect(specs.count > 8)
  }

  @Test("a trace's own decisions are written where a policy looks at features")
  func recorded() throws {
    let catalog = try ReferenceCases.catalog("guided-28")
    let plan = try PolicyRegistry.plan("first-block:threshold=0.1,branches=separate")
    let replay = try Replay(plan, over: plan.geometries(in: catalog))
    let file = try Runtime.named("json").file(
      for: RuntimeRequest(
        plan, callCount: nil, recorded: RuntimeRecording(plan, over: plan.geometries(in: catalog))))
    try Fixture.with("s.json", file.text) { path in
      let spec = try Runtime.policy(in: path).spec.with([.init("site", "rest.1")])
      let again = try PolicyRegistry.plan(spec)
      let read = try Replay(again, over: again.geometries(in: catalog))
      let pictures = (0..<2).map { replay.streams[0].picture(lane: $0) }
      #expect((0..<2).map { read.streams[0].picture(lane: $0) } == pictures && pictures[0] != pictures[1])
      #expect(read.streams[0].callErrors == replay.streams[0].callErrors)
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
  }
}
