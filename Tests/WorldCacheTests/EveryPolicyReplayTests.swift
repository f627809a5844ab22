import Foundation
import Testing
import Trace

@testable import WorldCache

/// Every ordinary policy, replayed from distances, beside a replay of the features themselves.
///
/// `make test` takes a few dozen pairs of policy and trace; `make replay-test` all of them
/// (`WCTRACE_REPLAY_PAIRS=all`) and prints the counts.
@Suite("Replay from distances decides as a brute-force replay does")
struct EveryPolicyReplayTests {
  /// Every ordinary entry and settings that take other paths; programs outside would be asked twice as often.
  static let specs = PolicyContractTests.specs.filter { spec in
    guard let plan = try? PolicyRegistry.plan(spec), case .ordinary = plan.entry.kind else { return false }
    return plan.entry.name != "program"
  }

  struct Case: Sendable, CustomStringConvertible {
    let family: Synthetic.Family
    let dtype: StorageType
    let branches: Int
    let seed: UInt64
    let specs: [String]

    var description: String { "\(family) \(dtype.rawValue), \(branches) branches, seed \(seed)" }
  }

  static let isFull = ProcessInfo.processInfo.environment["WCTRACE_REPLAY_PAIRS"] == "all"

  /// All traces with all policies, or all of them with a few, which take turns.
  static let cases: [Case] = {
    var cases: [Case] = []
    for family in Synthetic.Family.allCases {
      for dtype in StorageType.allCases {
        let place = cases.count
        let seed = UInt64(100 + place)
        let few = specs.indices.filter { $0 % 15 == place }.map { specs[$0] }
        cases.append(
          Case(
            family: family, dtype: dtype, branches: 1 + place % 2, seed: seed, specs: isFull ? specs : few))
      }
    }
    return cases
  }()

  /// Two modalities of two frames of 2 x 3 tokens.
  static let tokens = (0..<2).flatMap { modality in
    (0..<2).flatMap { frame in
      (0..<6).map {
        TokenTable.Token(
          modality: modality, frame: frame, row: $0 / 3, column: $0 % 3, validChannels: channelCount)
      }
    }
  }
  static let channelCount = 3
  static let callCount = 17

  @Test("decisions and errors", arguments: cases)
  func agree(_ test: Case) throws {
    let synthetic = Synthetic(
      test.family, seed: test.seed, branches: test.branches, calls: Self.callCount, tokens: Self.tokens.count,
      channels: Self.channelCount)
    let trace = SyntheticTrace(
      synthetic, tokens: Self.tokens, modalities: ["rgb", "disparity"], dtype: test.dtype)
    var tally = Tally()
    var values: [GeometryRequest: BruteValues] = [:]
    let catalog = GeometryCatalog(trace)
    // On straight lines many tokens have one speed and stand on the quantile together; rounding parts them, each
    // time otherwise, so that groups by speed have no answer there.
    for spec in test.specs where test.family != .straight || !spec.contains("criterion=speed") {
      let plan = try PolicyRegistry.plan(spec)
      let request = try plan.request(blockCount: SyntheticTrace.blockCount) ?? GeometryRequest(.output)
      let geometry = try catalog.geometries(for: request)[0]
      let key = GeometryRequest(request.site, split: request.split)
      let brute = values[key] ?? BruteValues(trace, request.site, request.split)
      values[key] = brute
      compare(try plan.policy(for: geometry), geometry, brute, "\(spec) on \(test)", &tally)
    }
    #expect(tally.decisionCount > 0 && tally.errorCount > 0)
    if test.family == .smooth || test.family == .random {
      #expect(Double(tally.nearTieCount) <= 0.001 * Double(tally.decisionCount), "\(tally)")
    }
    if Self.isFull { print("replay-test: \(test): \(tally)") }
  }

  struct Tally: CustomStringConvertible {
    var pairCount = 0
    var decisionCount = 0
    var judgementCount = 0
    var predictedCount = 0
    var nearTieCount = 0
    var differentCount = 0
    var errorCount = 0
    var largestDifference = 0.0

    var description: String {
      "\(pairCount) pairs, \(decisionCount) decisions (\(judgementCount) judgements, \(predictedCount) to "
        + "predict), \(nearTieCount) near ties, \(differentCount) of them decided otherwise; \(errorCount) errors, "
        + "at most \(String(format: "%.1e", largestDifference)) of themselves or of the root mean square apart"
    }
  }

  private func compare(
    _ policy: any Policy, _ geometry: Geometry, _ values: BruteValues, _ what: String, _ tally: inout Tally
  ) {
    let replay = StreamReplay(policy, over: geometry, figures: [.table, .nearTies])
    let brute = BruteReplay(
      policy, values, clocks: geometry, following: replay.lanes.map { $0.map(\.action) })
    tally.pairCount += 1
    for (lane, decisions) in replay.lanes.enumerated() {
      for (position, decision) in decisions.enumerated() {
        let own = brute.decisions[lane][position]
        let isTie = replay.nearTies![lane][position]
        tally.decisionCount += 1
        tally.judgementCount += decision.reason.isJudgement ? 1 : 0
        tally.predictedCount += decision.action == .predict ? 1 : 0
        tally.nearTieCount += isTie ? 1 : 0
        if own.action != decision.action || own.reason != decision.reason {
          tally.differentCount += 1
          #expect(
            isTie, "\(what): call \(position) is \(decision), by brute force \(own)")
        }
      }
    }
    func expect(_ value: Double, _ expected: Double, _ unit: Double, _ which: String) {
      tally.errorCount += 1
      // 1e-4 of itself or 1e-5 of the root mean square, whichever is larger.
      let difference = value == expected ? 0 : abs(value - expected)
      let isClose = difference <= max(1e-4 * abs(expected), 1e-5 * unit)
      #expect(isClose, "\(what): \(which) is \(value), by brute force \(expected)")
      if expected > 0, difference.isFinite {
        tally.largestDifference = max(tally.largestDifference, difference / max(expected, 0.1 * unit))
      }
    }
    for (branch, errors) in brute.callErrors.enumerated() {
      for (position, error) in errors.enumerated() {
        expect(replay.callErrors[branch][position], error, 1, "error of call \(position)")
      }
    }
    for (position, error) in brute.worstTokenErrors.enumerated() {
      expect(replay.worstTokenErrors[position], error, 1, "worst token of call \(position)")
    }
    for (token, square) in brute.tokenSquaredErrors.enumerated() {
      expect(replay.tokenSquaredErrors[token].squareRoot(), square.squareRoot(), 1, "error of token \(token)")
    }
    guard let direct = replay.directSquaredError, let streak = replay.streakSquaredError else { return }
    var unit = 0.0
    for (branch, weights) in values.weights.enumerated() {
      for (position, weight) in weights.enumerated() {
        unit +=
          weight * weight * values.meanSquare(position, branch: branch) * Double(values.tokens.count)
      }
    }
    expect(direct.squareRoot(), brute.directSquaredError.squareRoot(), unit.squareRoot(), "the direct error")
    expect(streak.squareRoot(), brute.streakSquaredError.squareRoot(), unit.squareRoot(), "the streak error")
  }
}
