import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("Calibration files and their use")
struct CalibrationFileTests {
  /// Two branches and experts, every method.
  static func trace(_ scene: Int, change: (inout ScalarTrace) -> Void = { _ in }) -> ScalarTrace {
    var generator = Dice(seed: UInt64(scene))
    func paths(_ low: Double, _ high: Double, start: Double) -> [[[Double]]] {
      (0..<2).map { _ in ScalarTrace.path((1..<16).map { _ in generator.real(low...high) }, start: start) }
    }
    let values: [Tap: [[[Double]]]] = [
      .modulated: paths(0.01, 0.2, start: 1), .hidden(0): paths(-0.1, 0.1, start: 1),
      .hidden(2): paths(0.02, 0.1, start: 3), .output: paths(0.01, 0.3, start: 2),
      .guided: [ScalarTrace.path((1..<16).map { _ in generator.real(0.01...0.2) })],
    ]
    var trace = ScalarTrace(
      values, path: "scene \(scene)", experts: (0..<16).map { $0 < 8 ? 0 : 1 }, scene: scene, guidance: 3,
      finalLatent: [2])
    change(&trace)
    return trace
  }

  static func calibration(experts: Bool = true) throws -> Calibration {
    try (experts ? withExperts : withoutExperts).get()
  }

  // Made once: MeanCache's edges take their time.
  private static let withExperts = Result { try make(experts: true) }
  private static let withoutExperts = Result { try make(experts: false) }

  private static func make(experts: Bool) throws -> Calibration {
    let traces = (1...3).map { scene in
      trace(scene) { trace in
        if !experts { for place in trace.calls.indices { trace.calls[place].expert = 0 } }
      }
    }
    var options = Calibrator.Options()
    options.degree = 2
    options.longestEdge = 3
    var calibrator = Calibrator(options)
    for trace in traces { try calibrator.add(GeometryCatalog(trace)) }
    return try calibrator.calibration()
  }

  @Test("what is written is read back, every number of it")
  func roundTrip() throws {
    let calibration = try Self.calibration()
    #expect(calibration.methods == Calibration.Method.allCases)
    #expect(calibration.teacache!.fits.count == 6 && calibration.magcache!.ratios.count == 3)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      let read = try CalibrationFile.read(path)
      #expect(read == calibration)
    }
  }

  @Test(
    "anything else than such a file is refused with its line",
    arguments: [
      ("\"version\": 1", "\"version\": 2", "line 3: version is 2; this wctrace reads version 1"),
      (
        "\"format\": \"wctrace calibration\"", "\"format\": \"x\"",
        "line 2: format is 'x'; a calibration says 'wctrace calibration'"
      ),
      ("\"chunks\": 3", "\"chunk\": 3", "there is no key 'chunk' (did you mean 'chunks'?)"),
      ("\"chunks\": 3,", "", "needs chunks: a whole number"),
      ("\"solver\": \"euler\"", "\"solver\": [1]", "valid_for.solver is a list; it takes a text"),
      (
        "\"experts\": [0, ", "\"experts\": [",
        "valid_for.experts has 15 numbers beside 16 sigmas; it takes as many"
      ),
      ("\"signal\": \"modulated\"", "\"signal\": \"modulate\"", "teacache.signal is 'modulate'"),
      ("\"expert\": 1,", "\"expert\": 2,", "no polynomial for all branches (branch null) of expert 1"),
      ("\"form\": \"open-loop\"", "\"form\": \"live\"", "it takes one of open-loop"),
      ("\"undefined\": 0", "\"undefined\": NaN", "this is not JSON: 'NaN' is no value"),
      ("\"mean\": [1, ", "\"mean\": [", "magcache.ratios[0].mean has 15 numbers; it takes 16"),
    ])
  func strict(old: String, new: String, message: String) throws {
    let text = CalibrationFile.json(try Self.calibration()).text
    #expect(text.contains(old), "\(old)")
    let broken = text.replacing(old, with: new, maxReplacements: old.contains("expert\"") ? 3 : 1)
    try Fixture.with("calibration.json", broken) { path in
      let error = #expect(throws: PolicyError.self) { try CalibrationFile.read(path) }
      #expect(error!.description.contains(message), "\(error!)")
      #expect(error!.description.hasPrefix(path))
    }
  }

  @Test(
    "numbers are those of JSON",
    arguments: [
      ("0", true), ("-0.5", true), ("10", true), ("1e-05", true), ("1E+5", true), ("2.50e3", true),
      ("01", false), ("+1", false), (".5", false), ("1.", false), ("1e", false), ("-", false), ("1_0", false),
      ("0x1", false), ("Infinity", false),
    ])
  func numbers(text: String, isNumber: Bool) throws {
    if isNumber {
      _ = try JSONText.parse("[\(text)]", of: "text")
    } else {
      #expect(throws: PolicyError.self) { try JSONText.parse("[\(text)]", of: "text") }
    }
  }

  static func geometry(_ plan: PolicyPlan, change: (inout ScalarTrace) -> Void = { _ in }) throws
    -> Geometry
  {
    try GeometryBuilder.geometries(of: trace(1, change: change), plan.request(blockCount: 2)!)[0]
  }

  static func unite(_ trace: inout ScalarTrace) {
    for place in trace.calls.indices { trace.calls[place].expert = 0 }
  }

  @Test("policies decide as with the same numbers written out")
  func used() throws {
    let calibration = try Self.calibration(experts: false)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      func picture(_ spec: String) throws -> [String] {
        let plan = try PolicyRegistry.plan(spec)
        let geometry = try Self.geometry(plan, change: Self.unite)
        let replay = StreamReplay(try plan.policy(for: geometry), over: geometry)
        return replay.lanes.indices.map { replay.picture(lane: $0) }
      }
      func list(_ numbers: [Double]) -> String { numbers.map(\.shortest).joined(separator: "+") }
      let pooled = list(calibration.teacache!.fits[0].polynomial.coefficients)
      for threshold in ["0.3", "0.5", "1"] {
        #expect(
          try picture("teacache:calibration=\(path),threshold=\(threshold)")
            == picture("teacache:model=custom,coefficients=\(pooled),threshold=\(threshold)"))
      }
      // Branch by branch each has its own polynomial.
      let separate = try picture("teacache:calibration=\(path),threshold=0.5,branches=separate")
      for branch in 0..<2 {
        let own = list(calibration.teacache!.fit(branch: branch, expert: 0)!.polynomial.coefficients)
        #expect(
          try separate[branch]
            == picture("teacache:model=custom,coefficients=\(own),threshold=0.5,branches=separate")[branch])
      }
      let ratios = list(calibration.magcache!.ratios[0].mean)
      #expect(
        try picture("magcache:calibration=\(path),threshold=0.2")
          == picture("magcache:family=diffusers,table=custom,ratios=\(ratios),threshold=0.2"))
      let schedule = calibration.smoothcache!.schedule(alpha: 0.2)
      let smooth = try picture("smoothcache:calibration=\(path),alpha=0.2")
      #expect(smooth[0].enumerated().filter { $0.element == "C" }.map(\.offset) == schedule)
      #expect(Set(smooth[0]) == ["C", "p"])
    }
  }

  @Test(
    "a calibrated policy's threshold is searched over its whole range",
    arguments: [("teacache", "threshold"), ("magcache", "threshold"), ("smoothcache", "alpha")])
  func tuned(name: String, key: String) throws {
    let calibration = try Self.calibration(experts: false)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      let setting = try TuningSetting(PolicySpec(parsing: "\(name):calibration=\(path)"))
      #expect(setting.space.keys == [key] && !setting.space.isOracle)
      let search = TuningSearch(
        settings: [setting], traces: [("scene 1", { { try [Self.geometry($0, change: Self.unite)] } })],
        slicing: false, workerCount: 1)
      let outcome = try #require(try search.run([.init(trace: 0, setting: 0)]).outcomes[0])
      // From all that the threshold decides to nothing of it.
      let counts = outcome.boxes.map(\.record.figures.computedCount)
      #expect(outcome.scheduleCount > 2 && counts.first! > counts.last!, "\(counts)")
      for box in outcome.boxes {
        let plan = try PolicyRegistry.plan(setting.space.spec(at: box.intervals.map(\.published)))
        let replay = try Replay(plan, over: [Self.geometry(plan, change: Self.unite)])
        #expect(TuningFigures(replay).schedule == box.record.figures.schedule)
      }
      // A calibrated timetable looks at nothing of the traces, so that it can be carried.
      _ = try TransferFamily("\(name):calibration=\(path)", limit: 10)
    }
  }

  @Test("at other noise levels ratios are those over the other distances, also for as many calls")
  func otherLevels() throws {
    let calibration = try Self.calibration(experts: false)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      func change(_ trace: inout ScalarTrace) {
        Self.unite(&trace)
        for place in trace.calls.indices { trace.calls[place].sigma *= trace.calls[place].sigma }
      }
      let plan = try PolicyRegistry.plan("magcache:calibration=\(path),elsewhere=allow,threshold=0.2")
      let geometry = try Self.geometry(plan, change: change)
      let ratios = MagCacheCalibration.resampled(
        calibration.magcache!.ratios[0].mean, from: calibration.domain.sigmas,
        to: geometry.calls[0].map(\.sigma))
      let written = try PolicyRegistry.plan(
        "magcache:family=diffusers,table=custom,threshold=0.2,ratios="
          + ratios.map(\.shortest).joined(separator: "+"))
      let signals = try [plan, written].map { plan in
        StreamReplay(try plan.policy(for: geometry), over: geometry).decisions.map(\.signal)
      }
      #expect(signals[0] == signals[1])
    }
  }

  @Test("a specification reads back to itself, and names what it does not have")
  func spelling() throws {
    let calibration = try Self.calibration()
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      for name in ["teacache", "magcache", "smoothcache", "lemica", "meancache"] {
        let plan = try PolicyRegistry.plan("\(name):calibration=\(path),elsewhere=allow")
        #expect(try PolicyRegistry.plan(plan.spec.description).spec == plan.spec)
        #expect(plan.spec.description.contains("elsewhere=allow"))
        #expect(
          try !PolicyRegistry.plan("\(name):calibration=\(path)").spec.description.contains("elsewhere"))
        // What the specification needs without a calibration.
        let bare = name == "lemica" ? "lemica:calls=8" : name
        let none = bare + (bare.contains(":") ? "," : ":") + "calibration=none"
        #expect(try PolicyRegistry.plan(none).spec == PolicyRegistry.plan(bare).spec)
      }
      expectPolicyError(
        "policy 'teacache' has no parameter 'coefficients'; it has calibration, elsewhere, threshold, forced, "
          + "first-calls, last-calls, first-share, branches, polynomials, absolute"
      ) { _ = try PolicyRegistry.plan("teacache:calibration=\(path),coefficients=1+0") }
      var less = calibration
      (less.teacache, less.meancache) = (nil, nil)
      try Fixture.with("less.json", CalibrationFile.json(less).text) { path in
        expectPolicyError("\(path) is no calibration of teacache; it has magcache, smoothcache, lemica") {
          _ = try PolicyRegistry.plan("teacache:calibration=\(path)")
        }
      }
      expectPolicyError("\(path)x: there is no such file") {
        _ = try PolicyRegistry.plan("magcache:calibration=\(path)x")
      }
    }
  }

  @Test("elsewhere a calibration is refused; where that is allowed, it is said")
  func elsewhere() throws {
    let calibration = try Self.calibration()
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      let plan = try PolicyRegistry.plan("magcache:calibration=\(path)")
      let allowed = try PolicyRegistry.plan("magcache:calibration=\(path),elsewhere=allow")
      let changes: [(String, (inout ScalarTrace) -> Void)] = [
        ("model other instead of scalar", { $0.header.model = "other" }),
        ("solver heun instead of euler", { $0.header.solver = "heun" }),
        (
          "other noise levels (call 1: 0.5 instead of 0.9375)",
          { for place in $0.calls.indices where $0.calls[place].step == 1 { $0.calls[place].sigma = 0.5 } }
        ),
        ("14 calls instead of 16", { $0.calls.removeLast(4) }),
        ("experts that begin at other calls", { Self.unite(&$0) }),
      ]
      for (what, change) in changes {
        let geometry = try Self.geometry(plan, change: change)
        expectPolicyError(
          "the calibration \(path) is not valid here: this recording has \(what); calibrate anew, or set "
            + "elsewhere=allow to use it all the same"
        ) { _ = try plan.policy(for: geometry) }
        let policy = try allowed.policy(for: geometry)
        #expect(
          policy.findings(on: geometry).map(\.meaning)
            == ["the calibration \(path) was made elsewhere: this recording has \(what)"])
        #expect(try Replay(allowed, over: [geometry]).remarks == policy.findings(on: geometry).map(\.meaning))
      }
      // At home there is nothing to say; another guidance scale is told and not refused.
      let home = try Self.geometry(plan)
      #expect(try Replay(plan, over: [home]).remarks.isEmpty)
      let scaled = try Self.geometry(plan) { for place in $0.calls.indices { $0.calls[place].guidance = 5 } }
      #expect(
        try Replay(plan, over: [scaled]).remarks
          == ["the calibration \(path) was made elsewhere: this recording has guidance scale 5 instead of 3"])
      // What belongs to a call each cannot be stretched.
      for (name, what) in [
        ("smoothcache", "rows"), ("lemica", "edge costs"), ("meancache", "edge costs"),
      ] {
        let strict = try PolicyRegistry.plan("\(name):calibration=\(path)")
        let other = try Self.geometry(strict) { $0.header.model = "other" }
        expectPolicyError(
          "the calibration \(path) is not valid here: this recording has model other instead of scalar; calibrate "
            + "anew, or set elsewhere=allow to use it all the same"
        ) { _ = try strict.policy(for: other) }
        let plan = try PolicyRegistry.plan("\(name):calibration=\(path),elsewhere=allow")
        #expect(
          try Replay(plan, over: [other]).remarks
            == [
              "the calibration \(path) was made elsewhere: this recording has model other instead of scalar"
            ])
        expectPolicyError("the \(what) of \(path) are by call, for 16 of them; this recording has 14") {
          _ = try plan.policy(for: Self.geometry(plan) { $0.calls.removeLast(4) })
        }
      }
    }
  }

  @Test("edge costs stand where their method measures them, and cost nothing from a call to itself")
  func edges() throws {
    let sound = try Self.calibration(experts: false)
    let changes: [(String, (inout Calibration) -> Void)] = [
      ("lemica.site takes output or guided", { $0.lemica!.site = .gain }),
      ("meancache.site takes guided", { $0.meancache!.site = .output }),
      ("takes numbers of at least 0, the first of them 0", { $0.lemica!.costs[0][0] = 7 }),
    ]
    for (message, change) in changes {
      var calibration = sound
      change(&calibration)
      try Fixture.with("edges.json", CalibrationFile.json(calibration).text) { path in
        let error = #expect(throws: PolicyError.self) { try CalibrationFile.read(path) }
        #expect(error?.description.contains(message) == true, "\(message): \(error?.description ?? "")")
      }
    }
  }

  @Test("a geometry that does not name its model is compared as far as it goes")
  func unknown() throws {
    let calibration = try Self.calibration(experts: false)
    let bare = Synthetic(.smooth, seed: 1, calls: 16).geometry
    #expect(bare.header == nil)
    #expect(
      calibration.domain.differences(from: bare).map(\.kind) == [.branches, .levels, .unknown],
      "branches, noise levels, and who knows")
    #expect(throws: PolicyError.self) { try ValidityDomain(bare) }
  }
}
