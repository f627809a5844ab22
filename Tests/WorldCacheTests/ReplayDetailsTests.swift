import Testing
import Trace

@testable import WorldCache

@Suite("Finer figures of a replay")
struct ReplayDetailsTests {
  private let alternate = "interval:every=2,phase=up"

  private func details(_ spec: String, _ geometries: Geometry...) throws -> ReplayDetails {
    try #require(try Replay(PolicyRegistry.plan(spec), over: geometries, figures: .details).details)
  }

  /// One channel; tokens of two modalities and two frames: rgb 0, rgb 1, depth 0, depth 1.
  private func grid(
    _ trajectories: [[Float]], weights: [Double]? = nil, finalSquaredNorms: [Double] = []
  ) -> Geometry {
    Synthetic(tokens: trajectories, weights: weights, finalSquaredNorms: finalSquaredNorms).geometry
      .placing([(0, 0), (0, 1), (1, 0), (1, 1)], modalities: ["rgb", "depth"])
  }

  @Test("a hot modality and a hot frame, worked by hand")
  func sets() throws {
    // Hold over one call: 3 4 1 0 for 3 4 2 0. Only token 2 (depth, frame 0) errs, by 1.
    let details = try details(alternate, grid([[3, 3], [4, 4], [1, 2], [0, 0]]))
    func error(_ kind: TokenSet.Kind, _ name: String) -> SliceFigures {
      details.slices(of: kind).first { $0.name == name }!
    }
    #expect(details.sets.map(\.name) == ["all", "rgb", "depth", "0", "1"])
    expectClose(error(.all, "all").meanCallError, (1.0 / 29).squareRoot(), relative: 1e-14)
    #expect(error(.modality, "rgb").worstCallError == 0)
    // Over the modality's own tokens: 1 / (4 + 0); its worst token over the root of (4 + 0) / 2.
    expectClose(error(.modality, "depth").worstCallError, 0.5, relative: 1e-14)
    expectClose(error(.modality, "depth").worstTokenError, 0.5.squareRoot(), relative: 1e-14)
    expectClose(error(.frame, "0").meanCallError, (1.0 / 13).squareRoot(), relative: 1e-14)
    #expect(error(.frame, "1").meanCallError == 0)
    #expect(details.slices(of: .modality).map(\.share) == [0, 1])
    #expect(details.slices(of: .frame).map(\.share) == [1, 0])
  }

  @Test("cosines: 27 / √(26 · 29), 1, 0 and −1")
  func cosines() throws {
    let mixed = try details(alternate, grid([[3, 3], [4, 4], [1, 2], [0, 0]]))
    expectClose(try #require(mixed.sets[0].meanCosine), 27 / (26.0 * 29).squareRoot(), relative: 1e-14)
    // Depth holds (1, 0) for (2, 0): the same direction.
    expectClose(try #require(mixed.sets[2].meanCosine), 1, relative: 1e-14)
    // One token of two channels: (1, 0) held for (0, 1), then (0, 2) for (0, −3).
    let turned = try details(
      alternate, Synthetic([[[[1, 0]], [[0, 1]], [[0, 2]], [[0, -3]]]]).geometry)
    #expect(turned.streams[0].calls[0][0].map { $0?.cosine } == [nil, 0, nil, -1])
    #expect(turned.sets[0].lowestCosine == -1)
    #expect(turned.sets[0].meanCosine == -0.5)
    // Nothing has a direction.
    #expect(try details(alternate, Synthetic(tokens: [[0, 1]]).geometry).sets[0].meanCosine == nil)
  }

  @Test("quantiles over tokens: errors 0, 1, …, 100 of a root mean square of 1")
  func quantiles() throws {
    let tokens = (0...100).map { [Float(1 + $0), 1] }
    let figures = try details(alternate, Synthetic(tokens: tokens).geometry)
    let call = try #require(figures.streams[0].calls[0][0][1])
    for (value, expected) in zip(call.quantiles, [50.0, 90, 95, 99]) {
      expectClose(value, expected, relative: 1e-12)
    }
    expectClose(call.worstToken, 100, relative: 1e-12)
    for (value, expected) in zip(figures.sets[0].quantiles, [50.0, 90, 95, 99]) {
      expectClose(value, expected, relative: 1e-12)
    }
    #expect(CallFigures.levelNames == ["p50", "p90", "p95", "p99"])
  }

  @Test("a token's error is the root mean square over its predicted calls")
  func tokenErrors() throws {
    // Relative errors of the only token: 1/2, then 1/4 (5 held for 4).
    let figures = try details(alternate, Synthetic(tokens: [[1, 2, 5, 4]]).geometry)
    expectClose(figures.sets[0].quantiles[0], (5.0 / 32).squareRoot(), relative: 1e-14)
  }

  @Test("growth and errors of the final latent, modality by modality")
  func finalLatent() throws {
    let still: [Float] = [1, 1, 1, 1]
    // Token 0 as in the hand case of the direct error: 2 of √16; by streaks √2.72. All others stay.
    let figures = try details(
      alternate,
      grid(
        [[1, 3, 4, 8], still, still, still], weights: [-0.1, -0.2, -0.3, -0.4],
        finalSquaredNorms: [7, 9, 4, 5]))
    let (all, rgb, depth) = (figures.sets[0], figures.sets[1], figures.sets[2])
    expectClose(try #require(all.directError), 2 / 5, relative: 1e-12)
    expectClose(try #require(rgb.directError), 2 / 4, relative: 1e-12)
    expectClose(try #require(rgb.streakError), 2.72.squareRoot() / 4, relative: 1e-12)
    #expect(depth.directError == 0)
    #expect(figures.branches[0].directError == nil)
    // CpCp: (3 − 1)² / (9 + 1) and (8 − 4)² / (64 + 1) over rgb, one position after the computed call.
    #expect(rgb.growth.count == 1)
    expectClose(rgb.growth[0], ((0.4 + 16.0 / 65) / 2).squareRoot(), relative: 1e-12)
    #expect(depth.growth == [0])
  }

  @Test("a site that the solver does not integrate has no error of the final latent")
  func hidden() throws {
    let synthetic = Synthetic([[[[1]], [[2]]]], finalSquaredNorms: [1], site: .hidden)
    let figures = try details("interval:every=2,phase=up,site=hidden", synthetic.geometry)
    #expect(figures.sets[0].directError == nil)
    #expect(figures.sets[0].streakError == nil)
    expectClose(figures.sets[0].meanCallError, 0.5, relative: 1e-14)
  }

  @Test("branches apart")
  func branches() throws {
    // Branch 0 holds 0 for 1, branch 1 holds 1 for 2.
    let figures = try details(alternate, Synthetic([[[[0]], [[1]]], [[[1]], [[2]]]]).geometry)
    #expect(figures.branches.map(\.meanCallError) == [1, 0.5])
    #expect(figures.sets[0].meanCallError == 0.75)
    #expect(figures.branches.map(\.share) == [0.8, 0.2])
    #expect(figures.sets[0].predictedCount == 2)
  }

  @Test("how few tokens carry half and nine tenths of the error")
  func concentration() throws {
    // Squares 9 and nine times 1: one token of ten carries half, nine carry 17 of 18 (eight only 16).
    let tokens = (0..<10).map { [Float($0 == 6 ? 4 : 2), 1] }
    let bottlenecks = try details(alternate, Synthetic(tokens: tokens).geometry).bottlenecks
    #expect(bottlenecks.ranking[0].token == 6)
    expectClose(bottlenecks.ranking[0].share, 0.5, relative: 1e-14)
    #expect(bottlenecks.fraction(carrying: 0.5) == 0.1)
    #expect(bottlenecks.fraction(carrying: 0.9) == 0.9)
    // Nobody is a bottleneck where nothing errs.
    let still = try details(alternate, Synthetic(tokens: [[1, 1], [2, 2]]).geometry).bottlenecks
    #expect(still.ranking.isEmpty)
    #expect(still.fraction(carrying: 0.5) == nil)
  }

  @Test("the group that holds the hot token")
  func groups() {
    // Call 0 computed, call 1 predicted: tokens 0 and 1 in group 0, tokens 2 and 3 in group 1. Token 3 errs.
    let geometry = Synthetic(tokens: [[1, 1], [1, 1], [1, 1], [3, 1]]).geometry
    let held = Combination(valueAt: 0)
    var trail = Trail(covered: [0..<1])
    trail.append(nil, attempt: nil, lane: 0)
    trail.append(Prediction([held, held], groups: [0, 0, 1, 1]), attempt: nil, lane: 0)
    let stream = StreamDetails(
      trail, over: geometry, directSquaredErrors: nil, streakSquaredErrors: nil)
    let bottlenecks = Bottlenecks([stream], groupNames: ["calm", "wild"])
    #expect(bottlenecks.groups.map(\.name) == ["calm", "wild"])
    #expect(bottlenecks.groups.map(\.tokenShare) == [0.5, 0.5])
    #expect(bottlenecks.groups.map(\.errorShare) == [0, 1])
    #expect(bottlenecks.groups.map(\.lift) == [0, 2])
    #expect(bottlenecks.groupShares(of: 3) == [0, 1])
    // Computed: 2 numbers moved of each of 4 tokens; predicted: one term read and one value written.
    #expect(stream.movedNumberCount == 16)
  }

  @Test("false-safe and missed skips against a tolerance")
  func tolerance() throws {
    // C warm-up, p, C threshold, p, C cap, C threshold. Held 4 for 4: fine. Held 5 for 8: 3/8 off. Had the
    // judged calls been predicted: 4 for 5, 5 for 8, 8 for 8, that is 1/5, 3/8 and nothing.
    let geometry = Synthetic(tokens: [[4, 4, 5, 8, 8, 8]]).geometry
    let policy = Judge([.warmUp, nil, .threshold, nil, .cap, .threshold])
    let stream = StreamReplay(policy, over: geometry, figures: .details)
    #expect(stream.picture == "CpCpCC")
    let attempts = try #require(stream.details).attemptErrors[0]
    #expect(attempts.map { $0 == nil } == [true, true, false, true, false, false])
    let figures = try #require(ReplayDetails([stream], groupNames: []))
    #expect(figures.falseSafeRate(tolerance: 0.05) == 0.5)
    #expect(figures.falseSafeRate(tolerance: 0.375) == 0)
    #expect(figures.missedSkipRate(tolerance: 0.05) == 1.0 / 3)
    #expect(figures.missedSkipRate(tolerance: 0.2) == 2.0 / 3)
    #expect(figures.missedSkipRate(tolerance: 1) == 1)
    // Rules are no judgement.
    let ruled = StreamReplay(
      Judge([.warmUp, .forced, .schedule]), over: geometry.first(3), figures: .details)
    let none = try #require(ReplayDetails([ruled], groupNames: []))
    #expect(none.missedSkipRate(tolerance: 1) == nil)
    #expect(none.falseSafeRate(tolerance: 1) == nil)
  }

  @Test("what a cache holds: kept values, and what signals compare with")
  func cache() throws {
    // Three anchors of 2 tokens x 3 channels.
    let synthetic = Synthetic(.smooth, seed: 1, calls: 12, tokens: 2)
    let replay = try Replay(PolicyRegistry.plan("worldcache"), over: [synthetic.geometry])
    #expect(replay.cache.siteCount == 18)
    #expect(replay.cache.signalCount == 0)
    #expect(try Replay(PolicyRegistry.plan("always"), over: [synthetic.geometry]).cache.count == 0)
  }
}

/// Computes for the given reasons and holds where there is none.
private struct Judge: Policy {
  let reasons: [Decision.Reason?]
  private var forecaster = Forecaster(HoldPredictor())

  init(_ reasons: [Decision.Reason?]) { self.reasons = reasons }

  var spec: PolicySpec { PolicySpec(name: "judge") }
  var site: Site? { .output }
  var predictor: (any Predictor)? { forecaster.predictor }

  mutating func begin(_ stream: CallStream) { forecaster.reset() }
  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    reasons[position].map { Decision(.compute, $0) } ?? Decision(.predict, .threshold)
  }
  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }
  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}

extension Geometry {
  /// The same distances with tokens of other modalities and frames.
  fileprivate func placing(_ places: [(modality: Int, frame: Int)], modalities: [String]) -> Geometry {
    Geometry(
      site: site, chunk: chunk, calls: calls,
      tokens: places.map {
        TokenTable.Token(modality: $0.modality, frame: $0.frame, row: 0, column: 0, validChannels: 1)
      }, modalities: modalities, distances: distances, finalSquaredNorms: finalSquaredNorms)
  }

  /// The first calls of one token that stays at 1.
  fileprivate func first(_ count: Int) -> Geometry {
    Synthetic(tokens: [Array(repeating: 1, count: count)]).geometry
  }
}
