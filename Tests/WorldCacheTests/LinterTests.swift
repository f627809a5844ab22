import TestSupport
import Testing
import Trace

@testable import WorldCache

/// Every rule has a fixture that triggers it and one, mostly the same with one number changed, that does not.
@Suite("Lint")
struct LinterTests {
  /// Signal, residual and output grow by the given shares; the residual by half of them.
  private func trace(
    _ shares: [Double], scene: Int = 1, model: String = "scalar",
    change: (inout ScalarTrace) -> Void = { _ in }
  ) -> ScalarTrace {
    let residual = ScalarTrace.path(shares.map { $0 / 2 })
    var trace = ScalarTrace(
      [
        .modulated: [ScalarTrace.path(shares)], .hidden(0): [residual.map { _ in [1] }],
        .hidden(2): [residual.map { [1 + $0[0]] }],
        .output: [ScalarTrace.path(shares.map { $0 / 3 }, start: 2)],
      ], path: "scene \(scene)", scene: scene, model: model, finalLatent: [1])
    change(&trace)
    return trace
  }

  private static let calm = [0.1, 0.2, 0.1, 0.15, 0.1, 0.2, 0.1, 0.15, 0.2, 0.1, 0.1]

  private func findings(
    _ spec: String, _ trace: ScalarTrace, _ precision: StoredPrecision? = nil
  ) throws -> [Finding] {
    let plan = try PolicyRegistry.plan(spec)
    let geometries = try GeometryBuilder.geometries(
      of: trace, Linter.request(plan, blockCount: 2, precision))
    return try Linter.findings(plan, over: geometries, trace: trace.path, precision: precision)
  }

  private func rules(_ spec: String, _ trace: ScalarTrace, _ precision: StoredPrecision? = nil) throws
    -> [String]
  {
    try findings(spec, trace, precision).map(\.rule)
  }

  private static func identity(_ threshold: Double, _ rest: String = "") -> String {
    "teacache:model=custom,coefficients=1+0,threshold=\(threshold)\(rest)"
  }

  @Test("a threshold among the signals has no findings")
  func clean() throws {
    #expect(try findings(Self.identity(0.25), trace(Self.calm)).isEmpty)
    #expect(try findings("interval:every=3,site=output", trace(Self.calm)).isEmpty)
    #expect(try findings("always", trace(Self.calm)).isEmpty)
  }

  @Test("never fires: a threshold below every signal, or a warm-up over all calls")
  func neverFires() throws {
    let found = try findings(Self.identity(0.05), trace(Self.calm))
    #expect(found.map(\.rule) == ["never-fires"])
    #expect(found[0].meaning.contains("signals run from 0.100 to 0.200 against a threshold of 0.05000"))
    #expect(found[0].trace == "scene 1" && found[0].policy.hasPrefix("teacache:model=custom"))
    let warm = try findings(Self.identity(0.25, ",forced=calls,first-calls=12"), trace(Self.calm))
    #expect(warm.map(\.rule) == ["never-fires"])
    #expect(warm[0].meaning.contains("all 12 decisions follow from fixed rules (warm-up 12)"))
    // Where the signals reach to, some are predicted.
    #expect(try !rules(Self.identity(0.11), trace(Self.calm)).contains("never-fires"))
  }

  @Test("always fires: a threshold above everything that adds up")
  func alwaysFires() throws {
    let found = try findings(Self.identity(99), trace(Self.calm))
    #expect(found.map(\.rule) == ["always-fires"])
    #expect(found[0].meaning.hasPrefix("every call that the signal may decide is predicted (10 of 12)"))
    // All that adds up is 1.4 before the last, forced call: at 1.39 it decides once.
    #expect(try rules(Self.identity(1.39), trace(Self.calm)).isEmpty)
    #expect(try rules(Self.identity(1.41), trace(Self.calm)) == ["always-fires"])
  }

  @Test("only the cap decides")
  func capDecides() throws {
    let ratios = "family=diffusers,table=custom,ratios=1+1.1+1+1+1+1+1+1+1+1+1+1,retention=0"
    let found = try findings("magcache:\(ratios),threshold=9,cap=2", trace(Self.calm))
    #expect(found.map(\.rule) == ["cap-decides"])
    #expect(found[0].meaning.contains("only the cap ever computes (3 times)"))
    // With 0.15 the sum of |1 − 1.1| reaches the threshold at the second call.
    #expect(try rules("magcache:\(ratios),threshold=0.15,cap=2", trace(Self.calm)).isEmpty)
  }

  @Test("0/0: a signal of zeros, and a difference of a tensor with itself")
  func zeroSignal() throws {
    let zero = trace(Self.calm) { $0.values[.modulated]![0] = $0.values[.modulated]![0].map { _ in [0] } }
    let found = try findings(Self.identity(0.25), zero)
    #expect(Set(found.map(\.rule)) == ["zero-signal", "never-fires"])
    #expect(found.contains { $0.place.hasPrefix("calls 1, 2, 3") && $0.meaning.contains("0/0 there") })
    #expect(found.contains { $0.place.hasPrefix("modulated, calls 0, 1") })
    // One zero among others is infinite at the next call only.
    let once = trace(Self.calm) { $0.values[.modulated]![0][4] = [0] }
    #expect(try Set(rules(Self.identity(0.25), once)) == ["zero-signal"])
    // First Block Cache: block.1 is the same tensor as hidden.0.
    let alias = trace(Self.calm) { $0.values[.block(1)] = $0.values[.hidden(0)] }
    #expect(
      try findings("first-block", alias).contains {
        $0.rule == "zero-signal" && $0.place.hasPrefix("block.1-hidden.0")
      })
    let sound = trace(Self.calm) { $0.values[.block(1)] = [ScalarTrace.path(Self.calm, start: 3)] }
    #expect(try !rules("first-block:threshold=0.2", sound).contains("zero-signal"))
  }

  @Test("a stream that never changes: the signal, what is cached, or one modality of it")
  func staticStream() throws {
    let still = trace(Self.calm) { $0.values[.modulated]![0] = $0.values[.modulated]![0].map { _ in [3] } }
    let found = try findings(Self.identity(0.25), still)
    #expect(Set(found.map(\.rule)) == ["static-stream", "always-fires"])
    #expect(found.first { $0.rule == "static-stream" }?.place == "modulated")
    let cached = trace(Self.calm) { $0.values[.hidden(2)]![0] = $0.values[.hidden(2)]![0].map { _ in [3] } }
    #expect(try findings(Self.identity(0.25), cached).map(\.place) == ["site stack"])
    // Two modalities, of which one stands still.
    var two = trace(Self.calm)
    two.modalities = ["video", "audio"]
    two.finalLatent = [1, 1]
    two.values[.output]![0] = two.values[.output]![0].map { [$0[0], 1] }
    let half = try findings("interval:every=3,site=output", two)
    #expect(half.map(\.rule) == ["static-stream"] && half[0].place == "site output, audio")
    two.values[.output]![0] = two.values[.output]![0].enumerated().map {
      [$0.element[0], 1 + Double($0.offset)]
    }
    #expect(try findings("interval:every=3,site=output", two).isEmpty)
  }

  @Test("a signal that is rounding: small changes stored in bfloat16, or within bounds")
  func quantised() throws {
    let small = trace(Self.calm.map { $0 / 100 })
    let spec = Self.identity(0.0025)
    let found = try findings(spec, small, StoredPrecision(dtype: .bfloat16))
    #expect(found.map(\.rule) == ["quantised-signal"])
    #expect(found[0].meaning.contains("(bfloat16)"))
    #expect(try findings(spec, small, StoredPrecision(dtype: .float32)).isEmpty)
    #expect(try findings(spec, small).isEmpty, "nothing is known of the storage")
    let bounds: [Tap: [Double]] = [.modulated: Array(repeating: 0.01, count: 12)]
    #expect(try rules(spec, small, StoredPrecision(dtype: .float32, bounds: bounds)) == ["quantised-signal"])
    #expect(
      try rules(Self.identity(0.25), trace(Self.calm), StoredPrecision(dtype: .float32, bounds: bounds))
        .isEmpty)
  }

  @Test("a difference of two taps is rounded as the taps are, not as itself")
  func quantisedDifference() throws {
    // The residual of block 1 grows from 1 by a tenth or more: far more than 2⁻⁸ of itself. Over a stream of 100 the two taps
    // are stored to 100 · 2⁻⁸ = 0.39 each.
    func residual(over size: Double) -> ScalarTrace {
      trace(Self.calm) {
        let path = ScalarTrace.path(Self.calm)
        $0.values[.hidden(0)] = [path.map { _ in [size] }]
        $0.values[.block(1)] = [path.map { [size + $0[0]] }]
      }
    }
    let spec = "first-block:threshold=0.2"
    let precision = StoredPrecision(dtype: .bfloat16)
    #expect(try !rules(spec, residual(over: 1), precision).contains("quantised-signal"))
    let found = try findings(spec, residual(over: 100), precision).filter { $0.rule == "quantised-signal" }
    #expect(found.count == 1 && found[0].place.hasPrefix("block.1-hidden.0"))
    // Bounds of the tap that is taken away count too.
    let bounds: [Tap: [Double]] = [.hidden(0): Array(repeating: 0.5, count: 12)]
    let bounded = StoredPrecision(dtype: .float32, bounds: bounds)
    #expect(try rules(spec, residual(over: 1), bounded).contains("quantised-signal"))
  }

  @Test("a polynomial that is negative where the signals are")
  func negativeWindow() throws {
    // x − 0.12 is negative at the signals 0.1.
    let found = try findings("teacache:model=custom,coefficients=1+-0.12,threshold=0.05", trace(Self.calm))
    #expect(found.map(\.rule) == ["negative-window"])
    #expect(found[0].place == "calls 1, 3, 5, 7, 10, 11")
    #expect(
      try rules("teacache:model=custom,coefficients=1+-0.12,threshold=0.05,absolute=yes", trace(Self.calm))
        .isEmpty)
    #expect(try rules("teacache:model=custom,coefficients=1+-0.05,threshold=0.15", trace(Self.calm)).isEmpty)
  }

  @Test("numbers published for another model")
  func borrowed() throws {
    let spec = "teacache:threshold=0.6"
    #expect(try rules(spec, trace(Self.calm)) == ["borrowed-numbers"])
    #expect(try rules(spec, trace(Self.calm, model: "black-forest-labs/FLUX.1-dev")).isEmpty)
    #expect(BorrowedNumbers.holds("Wan-AI/Wan2.1-T2V-1.3B", "wan2.1-t2v-1.3b-ret"))
    #expect(!BorrowedNumbers.holds("Wan-AI/Wan2.1-T2V-14B", "wan2.1-t2v-1.3b"))
    // A table for 28 calls on 12 of another model.
    #expect(
      try rules("magcache:family=diffusers,threshold=0.24", trace(Self.calm)).prefix(2) == [
        "borrowed-numbers", "wrong-step-count",
      ])
  }

  @Test("a table of two guidance branches under rules that decide for both at once")
  func branchesDecideTogether() throws {
    let plain = trace(Self.calm)
    let guided = ScalarTrace(
      plain.values.mapValues { [$0[0], $0[0]] }, path: "guided", scene: 1, model: "scalar", finalLatent: [1])
    func found(_ spec: String, _ trace: ScalarTrace) throws -> [Finding] {
      try findings(spec, trace).filter { $0.rule == "calibrated-elsewhere" }
    }
    let told = try found("magcache:family=diffusers,table=wan2.1-t2v-1.3b,threshold=0.24", guided)
    #expect(told.count == 1)
    #expect(told.first?.meaning.hasSuffix("those of the first are used") == true)
    #expect(try found("magcache:family=wan,table=wan2.1-t2v-1.3b,threshold=0.24", guided).isEmpty)
    #expect(try found("magcache:family=diffusers,table=flux,threshold=0.24", guided).isEmpty)
    // There is no second branch to be wrong about.
    #expect(
      try found("magcache:family=diffusers,table=wan2.1-t2v-1.3b,threshold=0.24", plain).isEmpty)
  }

  @Test("a table for another number of calls; a timetable that is stretched")
  func wrongStepCount() throws {
    let short = "magcache:family=diffusers,table=custom,ratios=1+1.1+0.9+1.1,retention=0,threshold=0.15"
    let found = try findings(short, trace(Self.calm))
    #expect(found.map(\.rule) == ["wrong-step-count"])
    #expect(found[0].meaning.hasPrefix("the table has 4 ratios and the chunk 12 calls"))
    let right =
      "magcache:family=diffusers,table=custom,ratios=1+1.1+0.9+1.1+1+1+1+1+1.1+1+1+1,retention=0,threshold=0.15"
    #expect(try rules(right, trace(Self.calm)).isEmpty)
    let guided = trace(Self.calm) { $0.values[.guided] = $0.values[.output] }
    #expect(try rules("meancache", guided).contains("wrong-step-count"))
    #expect(try rules("meancache:list=own,computed=0+1+4+8,orders=1+2+2", guided).isEmpty)
  }

  @Test("a calibration outside its range, for another number of calls, and at home")
  func calibrated() throws {
    var generator = Dice(seed: 8)
    let traces = (1...3).map { scene in trace((0..<11).map { _ in generator.real(0.05...0.3) }, scene: scene)
    }
    let calibration = try Calibrator.calibration(traces, .teacache) { $0.degree = 1 }
    try Fixture.with("model.json", CalibrationFile.json(calibration).text) { path in
      let spec = "teacache:calibration=\(path),threshold=0.1"
      #expect(try rules(spec, traces[0]).isEmpty)
      let outside = try findings(spec, trace([0.1, 0.2, 0.8, 0.1, 0.2, 0.1, 0.01, 0.2, 0.1, 0.2, 0.1]))
      #expect(outside.map(\.rule) == ["out-of-range"])
      #expect(outside[0].place == "calls 3, 7")
      let short = try findings(spec, trace([0.1, 0.2, 0.1, 0.2, 0.1, 0.2]))
      #expect(short.map(\.rule) == ["wrong-step-count"])
      #expect(short[0].meaning.hasSuffix("this recording has 7 calls instead of 12"))
      let other = try rules(spec, trace(Self.calm, model: "other"))
      #expect(other == ["calibrated-elsewhere"])
    }
  }

  @Test("a policy that refuses a trace is a finding, with its own words")
  func doesNotRun() throws {
    let found = try findings("mask:calls=0+99,site=output", trace(Self.calm))
    #expect(found.map(\.rule) == ["does-not-run"])
    #expect(found[0].meaning.contains("computes call 99"))
    #expect(try findings("mask:calls=0+9,site=output", trace(Self.calm)).isEmpty)
    // Oracles refuse when they are made.
    for (spec, words) in [
      ("ideal:calls=3+4", "has numbers for 2 chunks; the trace has 1"),
      ("ideal:calls=13", "asks for 13 computed calls; the chunk has 12"),
      ("smoothcache:rows=/no/such.json,site=output", "'/no/such.json' cannot be read"),
    ] {
      let found = try findings(spec, trace(Self.calm) { $0.values[.latent] = $0.values[.modulated] })
      #expect(found.map(\.rule) == ["does-not-run"] && found[0].meaning.contains(words), "\(found)")
    }
    // block.1 was not recorded.
    let plan = try PolicyRegistry.plan("first-block")
    let lacking = try Linter.findings(plan, in: GeometryCatalog(trace(Self.calm)))
    #expect(lacking.map(\.rule) == ["does-not-run"] && lacking[0].policy.hasPrefix("first-block"))
    #expect(lacking[0].meaning.contains("block.1"), "\(lacking[0])")
  }

  @Test("the same recording twice, and the same rollout recorded again")
  func duplicates() {
    func entry(_ path: String, _ digest: String, scene: Int, noise: Int = 0) -> (
      path: String, digest: String?, header: TraceHeader?
    ) {
      (path, digest, ScalarTrace([.output: [[[1]]]], scene: scene, noise: noise).header)
    }
    let found = Linter.duplicates([
      entry("a", "1", scene: 1), entry("b", "2", scene: 2), entry("c", "1", scene: 1),
      entry("d", "3", scene: 2), entry("e", "4", scene: 2, noise: 1), ("f", nil, nil),
    ])
    #expect(found.map(\.rule) == ["duplicated-trace", "duplicated-scene"])
    #expect(found.map(\.trace) == ["c", "d"])
    #expect(found[1].meaning.hasPrefix("this is the same rollout as b"))
  }

  @Test("every finding says what it means and what to do")
  func words() throws {
    for finding in try findings(Self.identity(0.05), trace(Self.calm))
      + findings("teacache", trace(Self.calm))
    {
      #expect(!finding.rule.isEmpty && !finding.policy.isEmpty && !finding.trace.isEmpty)
      #expect(!finding.meaning.isEmpty && !finding.remedy.isEmpty)
      #expect(finding.paragraph.contains(finding.remedy) && finding.paragraph.contains(finding.trace))
    }
  }
}
