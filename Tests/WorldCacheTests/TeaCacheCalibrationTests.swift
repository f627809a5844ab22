import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("Calibrating TeaCache")
struct TeaCacheCalibrationTests {
  // P(x) = 2 x² + 0.5 x + 0.01.
  private static func planted(_ x: Double) -> Double { 2 * x * x + 0.5 * x + 0.01 }

  private static func rollout(
    scene: Int, noise: Int = 0, calls: Int = 24, range: ClosedRange<Double> = 0.01...0.3,
    law: (Double) -> Double = planted
  ) -> ScalarTrace {
    var generator = Dice(seed: UInt64(scene * 100 + noise + 1))
    let xs = (1..<calls).map { _ in generator.real(range) }
    return ScalarTrace(
      [.modulated: [ScalarTrace.path(xs)], .output: [ScalarTrace.path(xs.map(law), start: 3)]],
      path: "scene \(scene), \(noise)", scene: scene, noise: noise)
  }

  @Test("planted coefficients are recovered from features")
  func recovered() throws {
    let calibration = try Calibrator.calibration((1...4).map { Self.rollout(scene: $0) }, .teacache) {
      $0.degree = 2
    }
    let fit = try #require(calibration.teacache?.fits.first)
    #expect(calibration.teacache?.fits.count == 1)
    // Features are floats: changes are good to about 1e-7 / 0.01.
    for (found, planted) in zip(fit.polynomial.coefficients, [2, 0.5, 0.01]) {
      expectClose(found, planted, relative: 2e-4)
    }
    #expect(fit.quality.pairCount == 4 * 23 && fit.quality.groupCount == 4 && fit.quality.foldCount == 4)
    #expect(fit.quality.r2 > 0.999999 && fit.quality.crossValidatedR2! > 0.99999)
    #expect(fit.quality.identityR2 < 0.99)
    #expect(calibration.findings.isEmpty, "\(calibration.findings)")
    #expect(calibration.domain.callCount == 24 && calibration.recordings.count == 4)
  }

  @Test("a degree-4 fit of planted FLUX coefficients answers as they do over the range")
  func flux() throws {
    let flux = TeaCachePreset.published.first { $0.name == "flux" }!.preset.coefficients
    func law(_ x: Double) -> Double { flux.reduce(0) { $0 * x + $1 } }
    let calibration = try Calibrator.calibration(
      (1...6).map { Self.rollout(scene: $0, range: 0.02...0.25, law: law) }, .teacache)
    let polynomial = try #require(calibration.teacache).fits[0].polynomial
    for x in stride(from: 0.03, through: 0.24, by: 0.01) {
      expectClose(polynomial.value(at: x), law(x), relative: 1e-4, "x = \(x)")
    }
  }

  @Test("each branch and each expert has a polynomial of its own; changes across experts do not count")
  func branchesAndExperts() throws {
    var generator = Dice(seed: 5)
    // Branch b, expert e: y = (1 + b + 10 e) x / 10; the jump to the second expert would spoil both.
    func traces(_ scene: Int) -> ScalarTrace {
      var (signals, outputs) = ([[[Double]]](), [[[Double]]]())
      for branch in 0..<2 {
        let xs = (1..<20).map { $0 == 10 ? 0.4 : generator.real(0.01...0.1) }
        let ys = xs.enumerated().map { place, x in
          place == 9 ? 5 : Double(1 + branch + (place > 9 ? 10 : 0)) * x / 10
        }
        signals.append(ScalarTrace.path(xs))
        outputs.append(ScalarTrace.path(ys))
      }
      return ScalarTrace(
        [.modulated: signals, .output: outputs], experts: (0..<20).map { $0 < 10 ? 0 : 1 }, scene: scene,
        guidance: 3)
    }
    let calibration = try Calibrator.calibration([traces(1)], .teacache) { $0.degree = 1 }
    let teacache = try #require(calibration.teacache)
    #expect(teacache.fits.map(\.branch) == [nil, nil, 0, 0, 1, 1])
    #expect(teacache.fits.map(\.expert) == [0, 1, 0, 1, 0, 1])
    for (branch, expert, slope) in [(0, 0, 0.1), (0, 1, 1.1), (1, 0, 0.2), (1, 1, 1.2)] {
      let fit = try #require(teacache.fit(branch: branch, expert: expert))
      expectClose(fit.polynomial.coefficients[0], slope, relative: 1e-4)
      expectClose(fit.polynomial.coefficients[1], 0, relative: 0, absolute: 1e-5)
      #expect(fit.quality.pairCount == 9)
    }
  }

  @Test("the polynomial for a target: hidden, or what the blocks add")
  func targets() throws {
    // hidden.0 = 1; hidden.2 = 1 + R, with R growing by 2 x: hidden grows by 2 x R / (1 + R).
    let xs = [0.1, 0.2, 0.05, 0.3, 0.15]
    let residual = ScalarTrace.path(xs.map { 2 * $0 })
    let trace = ScalarTrace([
      .modulated: [ScalarTrace.path(xs)], .hidden(0): [residual.map { _ in [1] }],
      .hidden(2): [residual.map { [1 + $0[0]] }], .output: [residual.map { _ in [7] }],
    ])
    func fit(_ target: TeaCacheCalibration.Target) throws -> TeaCacheCalibration.Fit {
      try Calibrator.calibration([trace], .teacache) {
        $0.degree = 1
        $0.target = target
      }.teacache!.fits[0]
    }
    expectClose(try fit(.residual).polynomial.coefficients[0], 2, relative: 1e-5)
    #expect(abs(try fit(.hidden).polynomial.coefficients[0] - 2) > 0.1)
    #expect(try fit(.output).polynomial.coefficients.allSatisfy { abs($0) < 1e-9 })
  }

  @Test("thresholds of three digits, also where there is nothing to round")
  func rounding() {
    #expect(TeaCacheCalibration.rounded(0.12341) == 0.124 && TeaCacheCalibration.rounded(98765) == 98800)
    #expect(TeaCacheCalibration.rounded(0) == 0)
    #expect(TeaCacheCalibration.rounded(.leastNonzeroMagnitude) == .leastNonzeroMagnitude)
  }

  @Test("left-out scenes are judged by the others' polynomial, by hand")
  func crossValidation() {
    // Two scenes, y = x and y = x + 1, at x = 0, 1, 2. Together P = x + ½: Σ(y − P)² = 6 · ¼, mean 1.5,
    // Σ(y − mean)² = 5.5. Left out, each is off by 1: R² = 1 − 6 / 5.5.
    let samples = [0.0, 1].map { shift in
      TeaCacheCalibration.Sample(
        group: "\(shift)", pairs: [0.0, 1, 2].map { (x: $0, y: $0 + shift) }, undefinedCount: 0)
    }
    let fit = PolynomialFit(samples.flatMap(\.pairs), degree: 1)!
    let quality = FitQuality(samples, fit)
    expectClose(quality.r2, 1 - 1.5 / 5.5, relative: 1e-12)
    expectClose(quality.crossValidatedR2!, 1 - 6 / 5.5, relative: 1e-12)
    #expect(quality.coverage == 1 && quality.foldCount == 2)
    // y = c x: of the other scene, c = Σxy/Σx² is 8/5 and 1: errors (−.6 x), then (x + 1 − x).
    expectClose(quality.identityR2, 1 - (0.36 * 5 + 3) / 5.5, relative: 1e-12)
    // A scene is never split between the two sides: with one scene there is nothing to judge by.
    let one = FitQuality(
      samples.map { TeaCacheCalibration.Sample(group: "a", pairs: $0.pairs, undefinedCount: 0) }, fit)
    #expect(one.crossValidatedR2 == nil && one.groupCount == 1 && one.coverage == nil)
  }

  @Test("two noise seeds of a scene are one group; more than ten groups make five folds")
  func groups() throws {
    let traces = (1...2).flatMap { scene in (0..<2).map { Self.rollout(scene: scene, noise: $0) } }
    let two = try Calibrator.calibration(traces, .teacache) { $0.degree = 2 }
    #expect(two.teacache!.fits[0].quality.groupCount == 2)
    let many = try Calibrator.calibration((1...12).map { Self.rollout(scene: $0) }, .teacache) {
      $0.degree = 2
    }
    #expect(many.teacache!.fits[0].quality.groupCount == 12 && many.teacache!.fits[0].quality.foldCount == 5)
  }

  @Test("the suggested threshold computes half of the calls of the recordings")
  func halving() throws {
    let traces = (1...3).map { Self.rollout(scene: $0) }
    let calibration = try Calibrator.calibration(traces, .teacache) { $0.degree = 2 }
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      let plan = try PolicyRegistry.plan("teacache:calibration=\(path)")
      var counts: [Int] = []
      for trace in traces {
        let stackless = try GeometryBuilder.geometries(
          of: trace.withStack, plan.request(blockCount: 2)!)[0]
        counts.append(try StreamReplay(plan.policy(for: stackless), over: stackless).computedCount)
      }
      let total = counts.reduce(0, +)
      #expect(total <= 36 && total >= 30, "\(counts)")
    }
  }

  @Test("too few calls, and a signal that never changes, are refused with numbers")
  func refused() {
    expectPolicyError("all branches has 3 different changes of the signal; a polynomial of degree 4 needs 5")
    {
      _ = try Calibrator.calibration([Self.rollout(scene: 1, calls: 4)], .teacache)
    }
    let still = ScalarTrace([
      .modulated: [(0..<9).map { _ in [1] }],
      .output: [ScalarTrace.path([0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1, 0.1])],
    ])
    expectPolicyError("all branches has 1 different changes of the signal; a polynomial of degree 4 needs 5")
    {
      _ = try Calibrator.calibration([still], .teacache)
    }
  }

  @Test("the same recording twice, and recordings that do not agree, are refused")
  func mixed() {
    var other = Self.rollout(scene: 2)
    other.header.model = "another"
    expectPolicyError(
      "scene 2, 0 has model another instead of scalar of scene 1, 0; a calibration is made from recordings that "
        + "agree in this"
    ) { _ = try Calibrator.calibration([Self.rollout(scene: 1), other], .teacache) }
    expectPolicyError("scene 1, 0 holds the same recording as scene 1, 0; a recording counts once") {
      _ = try Calibrator.calibration([Self.rollout(scene: 1), Self.rollout(scene: 1)], .teacache)
    }
  }

  /// Each finding has a case that triggers it and, above, calibrations without any.
  @Test("findings: each defect is named")
  func findings() throws {
    func rules(_ traces: [ScalarTrace], degree: Int = 4) throws -> Set<String> {
      Set(try Calibrator.calibration(traces, .teacache) { $0.degree = degree }.findings.map(\.rule))
    }
    #expect(try rules([Self.rollout(scene: 1)], degree: 2) == ["one-group"])
    // The target has nothing to do with the signal: some noise of its own.
    var generator = Dice(seed: 77)
    let noise = (1...4).map { scene in
      ScalarTrace(
        [
          .modulated: [ScalarTrace.path((0..<12).map { _ in generator.real(0.01...0.3) })],
          .output: [ScalarTrace.path((0..<12).map { _ in generator.real(0.01...0.3) })],
        ], path: "noise \(scene)", scene: scene)
    }
    #expect(try rules(noise).contains("poor-fit"))
    // y = x with a fifth of noise, and a polynomial that has as many factors as half a scene has calls.
    let proportional = (1...2).map { scene in
      Self.rollout(scene: scene, calls: 13) { $0 * generator.real(0.8...1.2) }
    }
    #expect(try rules(proportional, degree: 8).contains("worse-than-identity"))
    #expect(try !rules(proportional, degree: 1).contains("worse-than-identity"))
    // 4 x² − 0.8 x + 0.05 falls up to 0.1, and is positive; minus 0.03 it is negative around 0.1.
    #expect(
      try rules((1...4).map { Self.rollout(scene: $0) { 4 * $0 * $0 - 0.8 * $0 + 0.05 } }, degree: 2)
        == ["falling-window"])
    let negative = (1...4).map { scene in
      var generator = Dice(seed: UInt64(scene))
      // Outputs barely change in the middle, and more than that at both ends: the parabola through it dips below 0.
      let xs = (0..<30).map { _ in generator.real(0.01...0.3) }
      return ScalarTrace(
        [
          .modulated: [ScalarTrace.path(xs)],
          .output: [ScalarTrace.path(xs.map { $0 < 0.05 ? 0.5 : $0 < 0.25 ? 0.001 : 0.9 })],
        ], path: "negative \(scene)", scene: scene)
    }
    #expect(try rules(negative, degree: 2).contains("negative-window"))
    // One scene's signals lie far above the others'.
    let apart = (1...3).map { Self.rollout(scene: $0) } + [Self.rollout(scene: 9, range: 0.5...0.8)]
    #expect(try rules(apart, degree: 2) == ["narrow-range"])
    // A wave over a range of numbers that hardly differ: terms cancel.
    let wavy = (1...4).map { scene in
      Self.rollout(scene: scene, range: 0.29...0.31) { x in
        let t = (x - 0.3) / 0.01
        return 0.1 + 0.05 * (8 * t * t * t * t - 8 * t * t + 1)
      }
    }
    #expect(try rules(wavy).contains("cancellation"))
    // A zero tensor at call 3: 0/0 there and after it.
    var zero = Self.rollout(scene: 1)
    zero.values[.modulated]![0][3] = [0]
    #expect(try rules([zero, Self.rollout(scene: 2)], degree: 2).contains("zero-signal"))
  }
}

extension ScalarTrace {
  /// With a stack that adds nothing of interest, for policies that hold its residual.
  fileprivate var withStack: ScalarTrace {
    var trace = self
    trace.values[.hidden(0)] = values[.output]
    trace.values[.hidden(2)] = values[.output]!.map { $0.map { $0.map { 2 * $0 } } }
    return trace
  }
}
