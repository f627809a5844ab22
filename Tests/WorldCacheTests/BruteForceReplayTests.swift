import Testing
import Trace

@testable import WorldCache

@Suite("Replay from distances equals a naive replay of the features")
struct BruteForceReplayTests {
  struct Setting: Sendable {
    let spec: String
    let predictor: NaivePredictor
    let rule: NaiveReplay.Rule
  }

  static let intervals: [Setting] = [(1, true), (2, false), (3, true), (7, false), (7, true)].map {
    every, down in
    Setting(
      spec: "interval:every=\(every),phase=\(down ? "down" : "up")", predictor: .hold,
      rule: .interval(every: every, countsDown: down))
  }

  static let taylors: [Setting] = [(5, 2, 3), (4, 1, 1), (3, 0, 2), (6, 2, 1), (2, 4, 4), (4, 3, 5)].map {
    interval, order, first in
    Setting(
      spec: "taylor:interval=\(interval),order=\(order),first-enhance=\(first)",
      predictor: .taylor(order: order, firstEnhance: first),
      rule: .counter(interval: interval, firstEnhance: first))
  }

  static func worldCaches(pStable: [Double]) -> [Setting] {
    let plain: [(pChaotic: Double, nMax: Int, eta: Double, warmUp: Int, isPaper: Bool)] = [
      (0.6, 6, 1, 5, false), (0.6, 2, 0.2, 10, false), (0.6, 6, 1, 5, true), (0.75, 3, 0.05, 0, false),
      (0.75, 4, 1e9, 3, true), (1, 6, 0.3, 1, false), (0.4, 1, 0.5, 4, true), (0.6, 20, 3, 5, false),
    ]
    return pStable.flatMap { pStable in
      plain.map {
        Setting(
          spec: "worldcache:p-stable=\(pStable),p-chaotic=\($0.pChaotic),n-max=\($0.nMax),eta=\($0.eta),"
            + "warmup=\($0.warmUp),normalisation=\($0.isPaper ? "paper" : "code")",
          predictor: .grouped(pStable: pStable, pChaotic: $0.pChaotic, nMax: $0.nMax),
          rule: .drift(eta: $0.eta, warmUp: $0.warmUp, overChaotic: $0.isPaper))
      }
    }
  }

  /// How far two computations of the same error may lie apart.
  ///
  /// Squared norms from distances carry the rounding of their largest term, about 1e-15 · w² D2. Where the
  /// error is a good part of the value, its root keeps far more than six digits. On straight lines and
  /// standing values the true error is zero and the root of the rounding remains, hence an absolute slack.
  static func absoluteSlack(_ family: Synthetic.Family) -> Double {
    family == .straight || family == .still ? 1e-6 : 1e-9
  }

  @Test("interval and taylor", arguments: Synthetic.Family.allCases, [1, 2])
  func timetables(family: Synthetic.Family, branches: Int) throws {
    for seed in UInt64(1)...3 {
      for setting in BruteForceReplayTests.intervals + BruteForceReplayTests.taylors {
        try compare(setting, family, seed: seed, branches: branches)
      }
    }
  }

  @Test("worldcache", arguments: Synthetic.Family.allCases, [1, 2])
  func worldCache(family: Synthetic.Family, branches: Int) throws {
    for seed in UInt64(1)...3 {
      for setting in BruteForceReplayTests.worldCaches(pStable: [0, 0.25, 0.3]) {
        try compare(setting, family, seed: seed, branches: branches)
      }
    }
  }

  private func compare(_ setting: Setting, _ family: Synthetic.Family, seed: UInt64, branches: Int) throws {
    let synthetic = Synthetic(family, seed: seed, branches: branches, calls: 19, tokens: 7)
    let replay = try StreamReplay(setting.spec, synthetic)
    let naive = NaiveReplay(synthetic, setting.predictor, setting.rule)
    let comment = Comment(rawValue: "\(setting.spec) on \(family), seed \(seed), branches \(branches)")
    #expect(naive.isDefined, comment)
    #expect(replay.picture == naive.picture, comment)
    #expect(replay.decisions.map(\.reason.rawValue) == naive.reasons, comment)
    let absolute = BruteForceReplayTests.absoluteSlack(family)

    for (decision, expected) in zip(replay.decisions, naive.signals) {
      #expect((decision.signal == nil) == (expected == nil), comment)
      // Signals are norms of combinations too, of differences as large as the values themselves.
      guard let signal = decision.signal, let expected else { continue }
      expectClose(signal, expected, relative: 1e-9, absolute: absolute < 1e-8 ? 0 : absolute, comment)
    }
    for branch in 0..<branches {
      for (value, expected) in zip(replay.callErrors[branch], naive.callErrors[branch]) {
        expectClose(value, expected, relative: 1e-6, absolute: absolute, comment)
      }
    }
    for (value, expected) in zip(replay.worstTokenErrors, naive.worstTokenErrors) {
      expectClose(value, expected, relative: 1e-6, absolute: absolute, comment)
    }
    for (value, expected) in zip(replay.tokenSquaredErrors, naive.tokenSquaredErrors) {
      expectClose(value, expected, relative: 1e-6, absolute: absolute, comment)
    }
    expectClose(
      (replay.directSquaredError ?? .nan).squareRoot(), naive.directSquaredError.squareRoot(), relative: 1e-6,
      absolute: absolute * 100, comment)
    expectClose(
      (replay.streakSquaredError ?? .nan).squareRoot(), naive.streakSquaredError.squareRoot(), relative: 1e-6,
      absolute: absolute * 100, comment)
    #expect(replay.growth.map(\.count) == naive.growth.map(\.count), comment)
    for (value, expected) in zip(replay.growth, naive.growth) {
      expectClose(value.squares, expected.squares, relative: 1e-6, absolute: absolute, comment)
    }
  }

  @Test("the settings cover triggers, caps and free streaks")
  func coverage() throws {
    // Guards the comparison against settings under which nothing happens.
    var reasons: Set<String> = []
    for setting in BruteForceReplayTests.worldCaches(pStable: [0.3]) {
      let replay = try StreamReplay(setting.spec, Synthetic(.smooth, seed: 1, calls: 23))
      for decision in replay.decisions {
        reasons.insert("\(decision.action.rawValue) \(decision.reason.rawValue)")
      }
    }
    #expect(
      reasons == [
        "compute warm-up", "compute last-call", "compute history", "compute threshold", "compute cap",
        "predict threshold",
      ])
  }
}
