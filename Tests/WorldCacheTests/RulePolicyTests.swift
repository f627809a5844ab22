import Testing
import Trace

@testable import WorldCache

@Suite("rule")
struct RulePolicyTests {
  func rule(_ name: String, _ settings: String = "") -> String {
    "rule:file=" + Fixture.example("\(name).yaml") + (settings.isEmpty ? "" : "," + settings)
  }

  /// A replay of a rule as written.
  func replay(_ text: String, set settings: String = "", _ synthetic: Synthetic) throws
    -> StreamReplay
  {
    try Fixture.with("rule.yaml", text) { path in
      try StreamReplay("rule:file=\(path)" + settings, synthetic)
    }
  }

  private static let families = Array(zip(UInt64(1)..., Synthetic.Family.allCases))

  private func expectEqual(_ a: String, _ b: String, branches: Int = 2, calls: ClosedRange<Int> = 9...20)
    throws
  {
    for (seed, family) in Self.families {
      for calls in [calls.lowerBound, 13, calls.upperBound] {
        let synthetic = Synthetic(family, seed: seed, branches: branches, calls: calls, tokens: 5)
        let (left, right) = (try StreamReplay(a, synthetic), try StreamReplay(b, synthetic))
        let comment = Comment(rawValue: "\(family), seed \(seed), \(calls) calls")
        #expect(left.lanes.indices.map(left.picture) == right.lanes.indices.map(right.picture), comment)
        #expect(left.callErrors == right.callErrors, comment)
      }
    }
  }

  @Test("the declared interval decides as the built-in one, counted up")
  func interval() throws {
    try expectEqual(rule("interval"), "interval:every=3,phase=up")
    try expectEqual(rule("interval", "streak=4"), "interval:every=5,phase=up")
  }

  @Test("the declared taylor decides and predicts as the built-in one")
  func taylor() throws {
    try expectEqual(rule("taylor"), "taylor")
    try expectEqual(
      rule("taylor", "streak=2,order=1,first=2"), "taylor:interval=3,order=1,first-enhance=2")
  }

  @Test("the declared WorldCache decides and predicts as the built-in one")
  func worldCache() throws {
    try expectEqual(rule("worldcache"), "worldcache")
    try expectEqual(rule("worldcache", "eta=0.2,n-max=3,warmup=4"), "worldcache:eta=0.2,n-max=3,warmup=4")
    try expectEqual(
      rule("worldcache", "eta=0.05,p-stable=0.1,p-chaotic=0.5"),
      "worldcache:eta=0.05,p-stable=0.1,p-chaotic=0.5")
  }

  // MARK: - Against the formulas, from raw features

  /// Sums of absolute values over tokens, channels and the given branches of a made-up trace.
  private struct Sums {
    let trace: SyntheticTrace
    let branches: Range<Int>

    func of(_ position: Int, _ taps: [Tap], from other: Int? = nil) -> Double {
      var sum = 0.0
      for branch in branches {
        let rows = taps.map { trace.features[$0]![branch] }
        for token in rows[0][position].indices {
          for channel in rows[0][position][token].indices {
            func value(_ position: Int) -> Double {
              let first = rows[0][position][token][channel]
              return Double(rows.count == 1 ? first : first - rows[1][position][token][channel])
            }
            sum += abs(value(position) - (other.map(value) ?? 0))
          }
        }
      }
      return sum
    }
  }

  private func expectDecisions(
    _ spec: String, _ synthetic: Synthetic, _ comment: Comment, computing: (Sums) -> [Bool], branches: Int = 2
  ) throws {
    let replay = try StreamReplay(spec, synthetic)
    let expected = computing(Sums(trace: SyntheticTrace(synthetic), branches: 0..<branches))
    #expect(replay.picture == String(expected.map { $0 ? "C" : "p" }), comment)
  }

  @Test("the declared TeaCache follows the formula", arguments: [0.3, 0.4, 0.9])
  func teaCache(threshold: Double) throws {
    for (seed, family) in Self.families {
      let synthetic = Synthetic(family, seed: seed, branches: 2, calls: 20, tokens: 5)
      try expectDecisions(
        rule("teacache", "threshold=\(threshold)"), synthetic, "\(family), seed \(seed)",
        computing: { sums in
          var total = 0.0
          return (0..<20).map { call in
            if call == 0 || call == 19 {
              total = 0
              return true
            }
            let d = sums.of(call, [.modulated], from: call - 1) / sums.of(call - 1, [.modulated])
            total += (((498.651651 * d - 283.781631) * d + 55.8554382) * d - 3.82021401) * d + 0.264230861
            if total < threshold { return false }
            total = 0
            return true
          }
        })
    }
  }

  @Test("TeaCache with a signal of 0.1 at every call: P = 0.206847, so every second call")
  func teaCacheByHand() throws {
    // The atlas's golden vector: threshold 0.4, 28 calls: computed 0, 2, 4, …, 26, 27.
    let text = """
      rule: 1
      site: output
      signal: {table: [\(Array(repeating: "0.1", count: 28).joined(separator: ", "))]}
      transform: {polynomial: [498.651651, -283.781631, 55.8554382, -3.82021401, 0.264230861]}
      accumulate: sum
      predict-while: {below: 0.4}
      guards: {last: 1}
      predict: hold
      """
    let replay = try replay(text, Synthetic(.still, seed: 1, calls: 28, tokens: 1))
    #expect(replay.computedPositions == Array(stride(from: 0, through: 26, by: 2)) + [27])
    expectClose(replay.decisions[1].signal!, 0.206847, relative: 1e-5)
    #expect(replay.decisions[1].reason == .threshold && replay.decisions[27].reason == .lastCall)
  }

  @Test("the declared First Block Cache follows the formula", arguments: [0.05, 0.4, 1.5])
  func firstBlock(threshold: Double) throws {
    for (seed, family) in Self.families {
      let synthetic = Synthetic(family, seed: seed, branches: 2, calls: 17, tokens: 5)
      try expectDecisions(
        rule("first-block", "threshold=\(threshold)"), synthetic, "\(family), seed \(seed)",
        computing: { sums in
          var newest = 0
          let residual = [Tap.block(1), .hidden(0)]
          return (0..<17).map { call in
            // 0 / 0 is not below anything.
            if call > 0, sums.of(call, residual, from: newest) / sums.of(newest, residual) < threshold {
              return false
            }
            newest = call
            return true
          }
        })
    }
  }

  @Test("the declared EasyCache follows the formula", arguments: [0.05, 0.5, 2])
  func easyCache(threshold: Double) throws {
    for (seed, family) in Self.families {
      let synthetic = Synthetic(family, seed: seed, branches: 2, calls: 17, tokens: 5)
      try expectDecisions(
        rule("easycache", "threshold=\(threshold)"), synthetic, "\(family), seed \(seed)",
        computing: { sums in
          var computed: [Int] = []
          var total = 0.0
          return (0..<17).map { call in
            if call >= 3, call < 16 {
              let (a, b) = (computed[computed.count - 1], computed[computed.count - 2])
              let k = sums.of(a, [.output], from: b) / sums.of(a, [.latent], from: b)
              total += k * (sums.of(call, [.latent], from: call - 1) / sums.of(a, [.output]))
              if total < threshold { return false }
            }
            total = 0
            computed.append(call)
            return true
          }
        }, branches: 1)
    }
  }

  @Test("a product adds up |1 − Π|: 0.9 makes 0.1, 0.29, 0.561")
  func product() throws {
    let text = """
      rule: 1
      parameters: {threshold: 0.3}
      site: output
      signal: {table: [1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]}
      accumulate: product
      predict-while: {at-most: $threshold}
      predict: hold
      """
    let still = Synthetic(.still, seed: 1, calls: 7, tokens: 1)
    let replay = try replay(text, still)
    #expect(replay.picture == "CppCppC")
    for (decision, expected) in zip(replay.decisions, [nil, 0.1, 0.29, 0.561, 0.1, 0.29, 0.561]) {
      #expect((decision.signal == nil) == (expected == nil))
      if let expected { expectClose(decision.signal!, expected, relative: 1e-12) }
    }
    #expect(try self.replay(text, set: ",threshold=0.6", still).picture == "CpppCpp")
  }
}
