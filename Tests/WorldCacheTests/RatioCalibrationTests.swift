import TestSupport
import Testing
import Trace

@testable import WorldCache

/// MagCache's ratios and SmoothCache's rows.
@Suite("Calibrating MagCache and SmoothCache")
struct RatioCalibrationTests {
  /// Residuals of three tokens whose norms go by the given ratios; turned by `turn` in sign at every call.
  private func trace(
    _ ratios: [Double], scene: Int = 1, branches: Int = 1, tokens: [Double] = [1, 10, 0.1]
  ) -> ScalarTrace {
    var residuals: [[Double]] = []
    for ratio in ratios { residuals.append(residuals.last.map { $0.map { $0 * ratio } } ?? tokens) }
    let hidden = residuals.map { $0.map { _ in 0.5 } }
    let sums = residuals.map { $0.map { 0.5 + $0 } }
    return ScalarTrace(
      [
        .hidden(0): Array(repeating: hidden, count: branches),
        .hidden(2): Array(repeating: sums, count: branches),
      ], path: "scene \(scene)", scene: scene, guidance: branches == 1 ? 1 : 3)
  }

  private let planted = [1, 1.25, 1.1, 1, 0.96, 0.9, 0.75]

  @Test("planted ratios are recovered, and their spread over recordings")
  func recovered() throws {
    // A second recording whose ratios are 10 % larger: mean 1.05 γ, deviation 0.1 γ / √2.
    let larger = planted.enumerated().map { $0.offset == 0 ? 1 : 1.1 * $0.element }
    let calibration = try Calibrator.calibration([trace(planted), trace(larger, scene: 2)], .magcache)
    let ratios = try #require(calibration.magcache?.ratios.first)
    #expect(calibration.magcache?.ratios.count == 1)
    // Floats around 0.5: the smallest residual, 0.1, is good to 3e-7 of itself.
    for (call, ratio) in planted.enumerated().dropFirst() {
      expectClose(ratios.mean[call], 1.05 * ratio, relative: 2e-6)
      expectClose(ratios.deviation[call], 0.1 * ratio / 2.0.squareRoot(), relative: 2e-5)
      expectClose(ratios.least[call], ratio, relative: 2e-6)
      expectClose(ratios.most[call], 1.1 * ratio, relative: 2e-6)
      // All tokens alike, and in the same direction.
      #expect(ratios.tokenDeviation[call] < 1e-5 && abs(ratios.cosineDistance[call]) < 1e-9)
    }
    #expect(ratios.mean[0] == 1 && ratios.deviation[0] == 0)
  }

  @Test("the mean is over tokens, not of sums; a token that turns has a cosine; zero tokens are left out")
  func tokens() throws {
    // Norms 1 → 2, 3 → 3, 0 → 5: mean of 2 and 1. The second turns round: 1 − cos is 0 and 2.
    let trace = ScalarTrace([
      .hidden(0): [[[0, 0, 0], [0, 0, 0]]], .hidden(2): [[[1, 3, 0], [2, -3, 5]]],
    ])
    let magcache = try #require(Calibrator.calibration([trace], .magcache).magcache)
    #expect(magcache.ratios[0].mean == [1, 1.5])
    #expect(magcache.ratios[0].cosineDistance == [0, 1])
    expectClose(magcache.ratios[0].tokenDeviation[1], 0.5.squareRoot(), relative: 1e-12)
    #expect(magcache.undefinedCount == 1)
  }

  @Test("each branch has ratios of its own beside those of all")
  func branches() throws {
    var two = trace(planted, branches: 2)
    two.values[.hidden(2)]![1] = two.values[.hidden(2)]![1].map { $0.map { _ in 1.5 } }
    let magcache = try #require(Calibrator.calibration([two], .magcache).magcache)
    #expect(magcache.ratios.map(\.branch) == [nil, 0, 1])
    expectClose(magcache.ratios(branch: 0)!.mean[1], 1.25, relative: 1e-5)
    #expect(magcache.ratios(branch: 1)!.mean[1] == 1)
    expectClose(magcache.ratios(branch: nil)!.mean[1], 1.125, relative: 1e-5)
    #expect(magcache.ratios(branch: 7)?.branch == nil)
  }

  @Test("at half the calls a ratio is the product of the two it spans; at the same calls it is itself")
  func resampled() {
    let sigmas = [1, 0.75, 0.5, 0.25]
    let ratios = [1, 2, 0.5, 3]
    let same = MagCacheCalibration.resampled(ratios, from: sigmas, to: sigmas)
    for (a, b) in zip(same, ratios) { expectClose(a, b, relative: 1e-14) }
    let half = MagCacheCalibration.resampled(ratios, from: sigmas, to: [1, 0.5])
    expectClose(half[1], 1, relative: 1e-14)
    // Between levels the product is geometric: half of a step of ratio 2 is √2.
    let twice = MagCacheCalibration.resampled(ratios, from: sigmas, to: [1, 0.875, 0.75, 0.1])
    expectClose(twice[1], 2.0.squareRoot(), relative: 1e-14)
    expectClose(twice[2], 2.0.squareRoot(), relative: 1e-14)
    expectClose(twice[3], 1.5, relative: 1e-14)
    #expect(MagCacheCalibration.sigmas(sigmas, callCount: 2) == [1, 0.5])
    #expect(
      MagCacheCalibration.sigmas(sigmas, callCount: 8) == [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125])
  }

  @Test("property: from any levels to any others and on is as going there at once")
  func composition() {
    let seed: UInt64 = 4711
    var generator = Dice(seed: seed)
    for _ in 0..<200 {
      let count = 2 + Int(generator.real(0...20))
      let sigmas = (0..<count).map { _ in generator.real(0.01...1) }.sorted(by: >)
      let ratios = [1] + (1..<count).map { _ in generator.real(0.5...1.5) }
      // The ends kept, the product over all calls is the same whatever lies between.
      let others =
        [sigmas[0]] + (0..<5).map { _ in generator.real(sigmas[count - 1]...sigmas[0]) }.sorted(by: >)
        + [sigmas[count - 1]]
      let found = MagCacheCalibration.resampled(ratios, from: sigmas, to: others)
      expectClose(found.reduce(1, *), ratios.reduce(1, *), relative: 1e-10, "seed \(seed)")
    }
  }

  @Test("ratios that differ between recordings by more than they decide on are named")
  func spread() throws {
    let wild = (1...3).map { scene in
      trace([1, 1.02, 0.98, 1.01].map { $0 == 1 ? 1 : $0 + 0.05 * Double(scene - 2) }, scene: scene)
    }
    #expect(try Calibrator.calibration(wild, .magcache).findings.map(\.rule) == ["ratios-differ"])
    let calm = (1...3).map { trace(planted, scene: $0) }
    #expect(try Calibrator.calibration(calm, .magcache).findings.isEmpty)
  }

  @Test("SmoothCache's rows are means over recordings, and the scan goes by them")
  func rows() throws {
    // f = 1, 2, 4, 4 gives rows [1/2, 1/2, 0], [3/4, 1/2]; f = 1, 1, 1, 2 gives [0, 0, 1/2], [0, 1/2].
    func trace(_ values: [Double], _ scene: Int) -> ScalarTrace {
      ScalarTrace([.output: [values.map { [$0] }]], path: "scene \(scene)", scene: scene)
    }
    let calibration = try Calibrator.calibration(
      [trace([1, 2, 4, 4], 1), trace([1, 1, 1, 2], 2)], .smoothcache
    ) {
      $0.smoothCacheSite = .output
      $0.lookahead = 2
    }
    let smoothcache = try #require(calibration.smoothcache)
    #expect(smoothcache.rows == [[0.25, 0.25, 0.25], [0.375, 0.5]])
    expectClose(smoothcache.deviation[0][0], 0.125.squareRoot(), relative: 1e-12)
    // At ⅜ two calls after 0 can be skipped, and then the last is forced.
    #expect(smoothcache.schedule(alpha: 0.375) == [0, 3])
    #expect(smoothcache.schedule(alpha: 0.3) == [0, 2, 3])
    #expect(smoothcache.schedule(alpha: 0.2) == [0, 1, 2, 3])
  }
}
