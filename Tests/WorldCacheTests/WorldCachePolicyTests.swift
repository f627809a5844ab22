import Testing
import Trace

@testable import WorldCache

@Suite("worldcache")
struct WorldCachePolicyTests {
  // Five tokens that stand still after call 2, with (v_1, v_0) of calls 0, 1, 2:
  // A (2, 2), B (1, 4), C (1, 2), D (2, −1), E (5, 1); κ = 0, 3/16, 1/4, 3, 4; D and E are chaotic
  // (GroupedPredictorTests). Damped, n-max 2: p(1) − f_0 = (v_0 + v_1) / 2, p(2) − p(1) = 1.5 v_1 − .5 v_0.
  // D: 0.5 and 3.5; E: 3 and 7. Chaotic sums: 3 · .5 + 4 · 3 = 13.5 and 3 · 3.5 + 4 · 7 = 38.5.
  // code (over 5): 2.7 and 7.7, E = 2.7, 10.4. paper (over 2): 6.75 and 19.25, E = 6.75, 26.
  private func tokens(calls: Int) -> Synthetic {
    Synthetic(
      tokens: [[0, 2, 4], [0, 1, 5], [0, 1, 3], [0, 2, 1], [0, 5, 6]].map { start in
        start + Array(repeating: start[2], count: calls - 3)
      })
  }

  private func picture(_ spec: String, _ synthetic: Synthetic) throws -> String {
    try StreamReplay(spec, synthetic).picture
  }

  @Test("the code averages drift over all tokens, the paper over the chaotic", arguments: ["code", "paper"])
  func drift(normalisation: String) throws {
    let replay = try StreamReplay(
      "worldcache:n-max=2,eta=1000,warmup=3,normalisation=\(normalisation)", tokens(calls: 7))
    #expect(replay.picture == "CCCppCC")
    #expect(
      replay.decisions.map(\.reason)
        == [.warmUp, .warmUp, .warmUp, .threshold, .threshold, .cap, .lastCall])
    #expect(replay.decisions[0..<3].allSatisfy { $0.signal == nil && $0.threshold == nil })
    #expect(replay.decisions[3..<6].allSatisfy { $0.threshold == 1000 })
    let expected = normalisation == "code" ? [0, 2.7, 10.4] : [0, 6.75, 26]
    // Slack: ε = 1e-8 beside squared speeds of 1.
    for (decision, expected) in zip(replay.decisions[3..<6], expected) {
      expectClose(try #require(decision.signal), expected, relative: 1e-7)
    }
    #expect(replay.decisions[6].signal == nil)
  }

  @Test("the threshold is reached at equality")
  func equality() throws {
    let synthetic = tokens(calls: 8)
    let free = try StreamReplay("worldcache:n-max=2,eta=1000,warmup=3", synthetic)
    let drift = try #require(free.decisions[4].signal)
    let at = try StreamReplay("worldcache:n-max=2,eta=\(drift),warmup=3", synthetic)
    #expect(at.decisions[4] == Decision(.compute, .threshold, signal: drift, threshold: drift))
    let above = try StreamReplay("worldcache:n-max=2,eta=\(drift.nextUp),warmup=3", synthetic)
    #expect(above.decisions[4] == Decision(.predict, .threshold, signal: drift, threshold: drift.nextUp))
  }

  @Test("eta 0 computes every call")
  func zeroThreshold() throws {
    #expect(try picture("worldcache:eta=0,warmup=3", tokens(calls: 8)) == "CCCCCCCC")
  }

  @Test("the threshold comes before the cap")
  func thresholdBeforeCap() throws {
    // After two predicted calls E = 10.4 and n-max is used up: with eta = 10 both rules fire.
    let replay = try StreamReplay("worldcache:n-max=2,eta=10,warmup=3", tokens(calls: 8))
    #expect(replay.picture.hasPrefix("CCCppC"))
    #expect(replay.decisions[5].reason == .threshold)
    let capped = try StreamReplay("worldcache:n-max=2,eta=11,warmup=3", tokens(calls: 8))
    #expect(capped.decisions[5].reason == .cap)
  }

  @Test("the last call comes before threshold and cap")
  func lastBeforeThreshold() throws {
    let replay = try StreamReplay("worldcache:n-max=2,eta=10,warmup=3", tokens(calls: 6))
    #expect(replay.picture == "CCCppC")
    #expect(replay.decisions[5] == Decision(.compute, .lastCall))
  }

  @Test("warm-up comes before the last call, the last call before history")
  func earlyOrder() throws {
    let geometry = tokens(calls: 20).geometry
    var warm = try PolicyRegistry.plan("worldcache:warmup=5").policy(for: geometry)
    let nothing = GeometrySignals(Synthetic(.still, seed: 1, calls: 4).geometry)
    warm.begin(.plain(4))
    #expect(warm.decide(at: 3, signals: nothing).reason == .warmUp)
    var cold = try PolicyRegistry.plan("worldcache:warmup=0").policy(for: geometry)
    cold.begin(.plain(2))
    #expect(cold.decide(at: 0, signals: nothing).reason == .history)
    #expect(cold.decide(at: 1, signals: nothing).reason == .lastCall)
  }

  @Test("three calls are computed whatever the warm-up", arguments: [0, 1, 2, 3, 4])
  func effectiveWarmUp(warmUp: Int) throws {
    let smooth = Synthetic(.smooth, seed: 8, calls: 9)
    let replay = try StreamReplay("worldcache:warmup=\(warmUp),eta=1000000000", smooth)
    let first = max(warmUp, 3)
    #expect(
      replay.picture
        == String(repeating: "C", count: first) + String(repeating: "p", count: 8 - first) + "C")
    #expect(replay.decisions[..<first].map(\.reason) == (0..<first).map { $0 < warmUp ? .warmUp : .history })
  }

  @Test("every computed call starts the drift anew")
  func reset() throws {
    // A capped, a triggered and a final computation: the signal after each is zero again.
    for eta in ["1000", "0.05"] {
      for seed in UInt64(1)...4 {
        let smooth = Synthetic(.smooth, seed: seed, calls: 30)
        let decisions = try StreamReplay("worldcache:n-max=3,eta=\(eta)", smooth).decisions
        for position in 5..<29 where decisions[position - 1].action == .compute {
          #expect(decisions[position].signal == 0, "seed \(seed), eta \(eta), call \(position)")
        }
      }
    }
  }

  @Test("floor and ceiling of 50 calls: Voyager 28 and 12, Aether 30 and 24")
  func bounds() throws {
    let random = Synthetic(.random, seed: 7, calls: 50)
    let (low, high) = ("0.000001", "1000000000")
    // Voyager: 5 warm-up calls, the last, and of 5 … 48 every second or every seventh (11, 18, …, 46).
    #expect(
      try picture("worldcache:eta=\(low)", random) == "CCCCC" + String(repeating: "pC", count: 22) + "C")
    #expect(
      try picture("worldcache:eta=\(high)", random)
        == "CCCCC" + String(repeating: "ppppppC", count: 6) + "ppC")
    // Aether: 10 warm-up calls; 20 pairs up to the last call; or 13 periods of three and the last.
    #expect(
      try picture("worldcache:n-max=2,warmup=10,eta=\(low)", random)
        == "CCCCCCCCCC" + String(repeating: "pC", count: 20))
    #expect(
      try picture("worldcache:n-max=2,warmup=10,eta=\(high)", random)
        == "CCCCCCCCCC" + String(repeating: "ppC", count: 13) + "C")
    // 5 + 22 + 1 = 28, 5 + 6 + 1 = 12, 10 + 20 = 30, 10 + 13 + 1 = 24.
    for (spec, count) in [
      ("worldcache:eta=\(low)", 28), ("worldcache:eta=\(high)", 12),
      ("worldcache:n-max=2,warmup=10,eta=\(low)", 30), ("worldcache:n-max=2,warmup=10,eta=\(high)", 24),
    ] {
      #expect(try StreamReplay(spec, random).computedPositions.count == count, "\(spec)")
    }
  }

  @Test("straight lines have no curvature: all are chaotic and predicted exactly", arguments: [1, 2, 3, 6])
  func straightLines(nMax: Int) throws {
    // κ = 0 for all, both quantiles are 0 and 0 ≥ 0. The damped prediction of v_0 = v_1 is the line itself.
    // Only gaps of 2 and 4 (n-max 1 and 3) have sums that are exact in binary.
    for seed in UInt64(1)...8 {
      let straight = Synthetic(.straight, seed: seed, calls: 40)
      let replay = try StreamReplay("worldcache:n-max=\(nMax),warmup=\(seed % 2 * 5)", straight)
      // Slack 1e-6: squared distances round at 1e-16, and an error is the root of such a sum.
      let wrong = replay.callErrors[0].indices.filter { replay.callErrors[0][$0] > 1e-6 }
      #expect(wrong == [], "calls with an error, seed \(seed), \(replay.picture)")
      #expect(replay.decisions.allSatisfy { ($0.signal ?? 0) <= 1e-6 }, "seed \(seed)")
    }
  }

  @Test("a stream must be longer than warm-up, one predicted call and the last")
  func minimumCallCount() throws {
    let defaults = "worldcache:p-stable=0.3,p-chaotic=0.6,n-max=6,eta=1,warmup=5,normalisation=code"
    expectPolicyError("\(defaults) needs at least 7 calls in a chunk; this one has 6") {
      _ = try PolicyRegistry.plan("worldcache").policy(for: tokens(calls: 6).geometry)
    }
    #expect(try picture("worldcache:eta=1000", tokens(calls: 7)) == "CCCCCpC")
    // Without warm-up three calls of history are needed: C C C p C.
    let cold = "worldcache:p-stable=0.3,p-chaotic=0.6,n-max=6,eta=1,warmup=0,normalisation=code"
    expectPolicyError("\(cold) needs at least 5 calls in a chunk; this one has 4") {
      _ = try PolicyRegistry.plan("worldcache:warmup=0").policy(for: tokens(calls: 4).geometry)
    }
    #expect(try picture("worldcache:warmup=0,eta=1000", tokens(calls: 5)) == "CCCpC")
  }

  @Test("the ports differ in defaults, and LingBot's in coupling")
  func variants() throws {
    #expect(
      try PolicyRegistry.plan("worldcache:variant=aether").spec.description
        == "worldcache:variant=aether,p-stable=0.3,p-chaotic=0.6,n-max=2,eta=0.2,warmup=10,normalisation=code"
    )
    #expect(
      try PolicyRegistry.plan("worldcache:variant=lingbot,p-stable=0.2").spec.description
        == "worldcache:variant=lingbot,p-stable=0.2,p-chaotic=0.6,n-max=2,eta=0.2,warmup=5,normalisation=code"
    )
    #expect(try PolicyRegistry.plan("worldcache:variant=lingbot,coupling=either").spec.settings.count == 7)
    let geometry = Synthetic(.still, seed: 1, branches: 2, calls: 20).geometry
    for (spec, coupling) in [
      ("worldcache", Coupling.pooled), ("worldcache:variant=lingbot", .either),
      ("worldcache:coupling=separate", .separate),
    ] { #expect(try PolicyRegistry.plan(spec).policy(for: geometry).coupling == coupling) }
  }

  @Test("either: both branches are computed when one asks; separate: each by itself")
  func coupling() throws {
    // Branch 0 is the example above (E = 2.7 after one predicted call, 10.4 after two); branch 1 is straight.
    let moving = tokens(calls: 8).features[0]
    let line = moving.indices.map { step in moving[0].indices.map { _ in [Float(step)] } }
    let synthetic = Synthetic([moving, line])
    let settings = "n-max=3,eta=5,warmup=3"
    let either = try StreamReplay("worldcache:\(settings),coupling=either", synthetic)
    #expect(either.picture(lane: 0) == "CCCppCpC")
    #expect(either.picture(lane: 1) == "CCCppCpC")
    #expect(either.lanes[0][5].reason == .threshold)
    #expect(either.lanes[1][5].reason == .branch)
    let separate = try StreamReplay("worldcache:\(settings),coupling=separate", synthetic)
    #expect(separate.picture(lane: 0) == "CCCppCpC")
    #expect(separate.picture(lane: 1) == "CCCpppCC")
  }

  @Test("groups are predicted as assigned")
  func assignment() throws {
    // At call 3 all stand at f_2. Stable A (v_0 = 2) and B (4), linear C (2), chaotic D (−1), E (1); n-max 2,
    // damped at k = 1: (v_0 + v_1) / 2 = 2, 2.5, 1.5, 0.5, 3.
    for (groups, errors) in [
      ("hold+linear+damped", [0, 0, 2, 0.5, 3]), ("linear+hold+damped", [2, 4, 0, 0.5, 3]),
      ("damped+linear+hold", [2, 2.5, 2, 0, 0]), ("linear+linear+linear", [2, 4, 2, -1, 1]),
      ("hold+hold+hold", [0, 0, 0, 0, 0.0]),
    ] {
      let replay = try StreamReplay(
        "worldcache:n-max=2,eta=1000,warmup=3,groups=\(groups)", tokens(calls: 7))
      let scale = (16.0 + 25 + 9 + 1 + 36) / 5
      let mean = errors.reduce(0) { $0 + $1 * $1 } / 5
      expectClose(
        replay.callErrors[0][3], (mean / scale).squareRoot(), relative: 1e-12, absolute: 1e-15,
        Comment(rawValue: groups))
    }
  }

  @Test("drift is that of the damped tokens, else of the linear ones, else none")
  func driftOfAssignment() throws {
    func signals(_ groups: String) throws -> [Double] {
      try StreamReplay("worldcache:n-max=2,eta=1000,warmup=3,groups=\(groups)", tokens(calls: 7))
        .decisions[3..<6].map { try #require($0.signal) }
    }
    // Swapping hold and linear leaves the chaotic group damped: as published.
    #expect(try signals("linear+hold+damped") == signals("hold+linear+damped"))
    // The low tokens A (κ 0) and B (3/16) damped: B moves (1 + 4) / 2 = 2.5, then 1.5 − 2 = −0.5.
    for (value, expected) in zip(
      try signals("damped+linear+hold"), [0, 3.0 / 16 * 2.5 / 5, 3.0 / 16 * 3 / 5])
    { expectClose(value, expected, relative: 1e-7) }
    // Only C is linear: κ 1/4, 2 a call.
    for (value, expected) in zip(try signals("hold+linear+hold"), [0, 0.1, 0.2]) {
      expectClose(value, expected, relative: 1e-7)
    }
    #expect(try signals("hold+hold+hold") == [0, 0, 0])
  }

  @Test("settings of the grouping are read or refused")
  func groupSettings() throws {
    for (setting, allowed) in [
      ("groups=hold+linear", "3 of hold, linear, damped, joined by +"),
      ("groups=hold+linear+fast", "3 of hold, linear, damped, joined by +"),
      ("criterion=size", "one of curvature, speed, acceleration"),
      ("quantiles=frame", "one of pooled, modality, branch, modality+branch"),
    ] {
      expectPolicyError("\(setting) of policy 'worldcache' is not allowed; it takes \(allowed)") {
        _ = try PolicyRegistry.plan("worldcache:\(setting)")
      }
    }
    #expect(
      try PolicyRegistry.plan("worldcache:groups=linear+hold+damped,criterion=speed").spec.description
        == "worldcache:p-stable=0.3,p-chaotic=0.6,criterion=speed,groups=linear+hold+damped,n-max=6,eta=1,"
        + "warmup=5,normalisation=code")
  }

  @Test("the ideal of another grouping is that of the same grouping")
  func idealOfGrouping() throws {
    let plan = try PolicyRegistry.plan("worldcache:groups=linear+hold+damped,variant=lingbot,warmup=3")
    let geometry = Synthetic(.smooth, seed: 4, branches: 2, calls: 12).geometry
    let replay = try Replay(plan, over: [geometry])
    let ideal = try #require(try Replay.ideal(of: plan, replay, over: [geometry]))
    #expect(
      ideal.spec.description.hasSuffix("p-chaotic=0.6,quantiles=branch,groups=linear+hold+damped"))
    #expect((ideal.streakError ?? 0) <= (replay.streakError ?? 0))
  }
}
