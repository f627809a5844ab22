import Testing
import Trace

@testable import WorldCache

@Suite("rule")
struct RulePolicyTests {
  private func rule(_ name: String, _ settings: String = "") -> String {
    "rule:file=" + Fixture.example("\(name).yaml") + (settings.isEmpty ? "" : "," + settings)
  }

  /// A replay of a rule as written.
  private func replay(_ text: String, set settings: String = "", _ synthetic: Synthetic) throws
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

  // MARK: - Parts

  /// A rule over a table of numbers, one for each call.
  private func picture(_ table: [Double], _ rest: String, calls: Int? = nil) throws -> String {
    let numbers = table.map { "\($0)" }.joined(separator: ", ")
    return try replay(
      "rule: 1\nsite: output\nsignal: {table: [\(numbers)]}\npredict: hold\n" + rest,
      Synthetic(.still, seed: 1, calls: table.count, tokens: 1)
    ).picture
  }

  @Test("each comparison has its boundary on its own side")
  func comparisons() throws {
    let table = [0.0, 1, 2, 3]
    #expect(try picture(table, "predict-while: {below: 2}") == "CpCC")
    #expect(try picture(table, "predict-while: {at-most: 2}") == "CppC")
    #expect(try picture(table, "compute-when: {above: 2}") == "CppC")
    #expect(try picture(table, "compute-when: {at-least: 2}") == "CpCC")
  }

  @Test("a signal that is 0 / 0 is neither below nor above anything")
  func undefined() throws {
    // Nothing moves and nothing is there: every change is 0 over 0.
    let empty = Synthetic([[[[Float]]](repeating: [[0], [0]], count: 4)])
    let trace = "rule: 1\nsite: output\nsignal: {trajectory: speed, tokens: mean}\npredict: hold\n"
    #expect(try replay(trace + "predict-while: {below: 1}", empty).picture == "CCpp")
    let table =
      "rule: 1\nsite: output\nsignal: {table: [0, 0, 0, 0]}\ntransform: {scale: 1e308}\npredict: hold\n"
    #expect(try replay(table + "predict-while: {below: 1}", empty).picture == "Cppp")
    let huge =
      "rule: 1\nsite: output\nsignal: {table: [0, 10, -10, 10]}\ntransform: {scale: 1e308}\naccumulate: sum\npredict: hold\n"
    // ∞, then ∞ − ∞.
    #expect(try replay(huge + "compute-when: {above: 1}\nguards: {minimum-gap: 9}", empty).picture == "Cppp")
    #expect(try replay(huge + "predict-while: {below: 1}", empty).picture == "CCpC")
  }

  @Test("transforms run in the order written")
  func transforms() throws {
    #expect(
      try picture([0, -2, -4], "transform: [absolute, {scale: 2}]\npredict-while: {below: 5}") == "CpC")
    #expect(
      try picture(
        [0, -2, -4], "transform: [{scale: 2}, {polynomial: [1, 0, -20]}]\npredict-while: {below: 0}") == "CpC"
    )
    #expect(try picture([0, -2, -4], "transform: absolute\npredict-while: {below: 3}") == "CpC")
  }

  @Test("what adds up with or without the call itself")
  func accumulations() throws {
    let table = [0.0, 1, 1, 1, 1, 1, 1]
    #expect(try picture(table, "accumulate: sum\npredict-while: {below: 2}") == "CpCpCpC")
    #expect(try picture(table, "accumulate: none\npredict-while: {below: 2}") == "Cpppppp")
    #expect(
      try picture(table, "accumulate: {how: sum, includes-current: false}\npredict-while: {below: 2}")
        == "CppCppC")
  }

  @Test("guards: first, last, longest streak, gap, budget and noise levels")
  func guards() throws {
    let calm = [Double](repeating: 0, count: 9)
    let wild = [Double](repeating: 9, count: 9)
    func picture(_ table: [Double], _ guards: String) throws -> String {
      try self.picture(table, "predict-while: {below: 1}\nguards: {\(guards)}")
    }
    #expect(try picture(calm, "first: 3, last: 2") == "CCCppppCC")
    #expect(try picture(calm, "longest-streak: 2") == "CppCppCpp")
    #expect(try picture(wild, "minimum-gap: 3") == "CppCppCpp")
    #expect(try picture(wild, "first: 2, minimum-gap: 2") == "CCpCpCpCp")
    #expect(try picture(calm, "budget: 4") == "CppppCCCC")
    #expect(try picture(calm, "budget: 0") == "CCCCCCCCC")
    // Noise levels of nine calls with shift 3: 1, 0.96, 0.91, 0.86, 0.79, 0.71, 0.6, 0.46, 0.27.
    #expect(try picture(calm, "sigma: [0.3, 0.9]") == "CCCpppppC")
    let replay = try replay(
      "rule: 1\nsite: output\nsignal: {table: [0, 0, 0, 0, 9, 0]}\npredict: hold\n"
        + "predict-while: {below: 1}\nguards: {longest-streak: 2, budget: 3, last: 1, sigma: [0, 0.9]}",
      Synthetic(.still, seed: 1, calls: 6, tokens: 1))
    // 1, 0.94, 0.86, 0.75, 0.6, 0.38.
    #expect(replay.picture == "CCppCC")
    #expect(
      replay.decisions.map(\.reason) == [.warmUp, .forced, .threshold, .threshold, .threshold, .lastCall])
  }

  @Test("the predictors and groups")
  func predictors() throws {
    let rest = "guards: {first: 3}\npredict: "
    let line = Synthetic(tokens: [[0, 1, 2, 3, 4], [0, 4, 4, 4, 4]])
    func errors(_ predict: String) throws -> [Double] {
      try replay("rule: 1\nsite: output\n" + rest + predict, line).callErrors[0]
    }
    // Token 0 moves on a line, token 1 stands still after a jump: only groups serve both.
    #expect(try errors("hold")[4] > 0.1)
    #expect(try errors("taylor")[4] == 0)
    #expect(try errors("{taylor: {order: 2}}")[4] > 0.1)
    // Curvatures: 0 for the line (v = 1, 1), and 4 / ε for the other.
    let grouped = try errors("{groups: {by: speed, quantiles: [0.5], predictors: [hold, taylor]}}")
    #expect(grouped[4] == 0)
    #expect(try errors("{groups: {by: curvature, quantiles: [0.5], predictors: [taylor, hold]}}")[4] == 0)
    #expect(try errors("{groups: {by: acceleration, quantiles: [0.5], predictors: [hold, hold]}}")[4] > 0.1)
  }

  @Test("too few computed calls for the predictor or the signal are no decision")
  func history() throws {
    let smooth = Synthetic(.smooth, seed: 5, calls: 6, tokens: 3)
    let replay = try replay("rule: 1\nsite: output\npredict: damped", smooth)
    #expect(replay.picture == "CCCppp")
    #expect(replay.decisions.map(\.reason) == [.warmUp, .history, .history, .schedule, .schedule, .schedule])
    for (signal, picture) in [
      ("speed", "CCpppp"), ("acceleration", "CCCppp"), ("curvature", "CCCppp"), ("drift", "Cppppp"),
    ] {
      let text =
        "rule: 1\nsite: output\nsignal: {trajectory: \(signal), tokens: max}\npredict: hold\npredict-while: {below: 1e300}"
      #expect(try self.replay(text, smooth).picture == picture, "\(signal)")
    }
  }

  @Test("norms, divisors and references of a change")
  func changes() throws {
    // One token: 3, 4, 6, 0 at every tap of a trace in memory would all differ; the output is what is known.
    let line = Synthetic(tokens: [[3, 4, 6, 7]])
    func signals(_ signal: String) throws -> [Double?] {
      let text = """
        rule: 1
        site: guided
        station: output
        signal: {change: output, \(signal)}
        predict-while: {below: -1}
        predict: hold
        """
      return try replay(text, line).decisions.map(\.signal)
    }
    let cases: [(String, [Double])] = [
      ("over: none", [1, 2, 1]), ("over: reference", [1.0 / 3, 2.0 / 4, 1.0 / 6]),
      ("over: current", [1.0 / 4, 2.0 / 6, 1.0 / 7]),
      ("norm: l2, over: current", [1.0 / 4, 2.0 / 6, 1.0 / 7]),
      ("from: computed", [1.0 / 3, 2.0 / 4, 1.0 / 6]), ("over: {size: output}", [1.0 / 3, 2.0 / 4, 1.0 / 6]),
    ]
    for (signal, expected) in cases {
      let values = try signals(signal)
      #expect(values[0] == nil)
      for (value, wanted) in zip(values.dropFirst(), expected) {
        expectClose(value ?? .nan, wanted, relative: 1e-12, Comment(rawValue: signal))
      }
    }
    // The rate between the last two computed calls needs two of them: 1 / 1, then 2 / 2.
    let rated = try signals("over: none, rate: {of: output, to: output}")
    #expect(rated[1] == nil)
    expectClose(rated[2]!, 2, relative: 1e-12)
    expectClose(rated[3]!, 1, relative: 1e-12)
  }

  @Test("branches decide as the coupling says")
  func couplings() throws {
    let synthetic = Synthetic(.random, seed: 9, branches: 2, calls: 9, tokens: 4)
    for (coupling, lanes) in [("pooled", 1), ("lead", 1), ("separate", 2), ("either", 2)] {
      let text =
        "rule: 1\nsite: stack\ncoupling: \(coupling)\nsignal: {change: modulated}\npredict: hold\npredict-while: {below: 1.4}"
      let replay = try replay(text, synthetic)
      #expect(replay.lanes.count == lanes, "\(coupling)")
      if coupling == "either" { #expect(replay.picture(lane: 0) == replay.picture(lane: 1)) }
    }
  }

  @Test("parameters stand in the spelling and are set from it; JSON says the same")
  func parameters() throws {
    let path = Fixture.example("teacache.yaml")
    let plan = try PolicyRegistry.plan("rule:threshold=0.50,file=\(path)")
    #expect(plan.spec.description == "rule:file=\(path),threshold=0.5")
    #expect(plan.entry.parameters.map(\.help).last == "sum at which a call is computed")
    #expect(try plan.request(blockCount: 6)?.site == .stack)
    expectPolicyError(
      "policy 'rule' has no parameter 'treshold' (did you mean 'threshold'?); it has file, threshold"
    ) { _ = try PolicyRegistry.plan("rule:file=\(path),treshold=0.5") }
    expectPolicyError("\(path), line 16: predict-while.below is 'much'; it takes a number") {
      _ = try PolicyRegistry.plan("rule:file=\(path),threshold=much")
    }
    expectPolicyError("policy 'rule' needs file: the name of a .yaml or .json file") {
      _ = try PolicyRegistry.plan("rule")
    }
    let json =
      #"{"rule": 1, "site": "output", "parameters": {"n": 2}, "guards": {"longest-streak": "$n"}, "predict": "hold"}"#
    try Fixture.with("rule.json", json) { path in
      let still = Synthetic(.still, seed: 1, calls: 7, tokens: 1)
      let pictures = try ["", ",n=1"].map { try StreamReplay("rule:file=\(path)\($0)", still).picture }
      #expect(pictures == ["CppCppC", "CpCpCpC"])
    }
  }

  @Test("what does not fit the chunk is named")
  func misfit() throws {
    let still = Synthetic(.still, seed: 1, calls: 5, tokens: 1)
    for (text, message) in [
      (
        "rule: 1\nsite: output\nsignal: {table: [1, 2]}\npredict: hold\npredict-while: {below: 1}",
        " has a table of 2 numbers; chunk 0 has 5 calls"
      ),
      (
        "rule: 1\nsite: output\nsignal: {change: output}\npredict: hold\npredict-while: {below: 1}",
        " decides at output, where the site output has nothing left to skip (it ends at output)"
      ),
    ] {
      try Fixture.with("rule.yaml", text) { path in
        expectPolicyError(path + message) { _ = try StreamReplay("rule:file=\(path)", still) }
      }
    }
  }

  /// A rule's text, `@` standing for a sound beginning, with the line and the message it is refused with.
  struct Wrong: Sendable {
    let text: String
    let line: Int
    let message: String

    init(_ text: String, _ line: Int, _ message: String...) {
      self.text = text.hasPrefix("@") ? "rule: 1\nsite: output\npredict: hold\n" + text.dropFirst() : text
      self.line = line
      self.message = message.joined()
    }
  }

  private static let keys = Rule.keys.joined(separator: ", ")
  private static let wrongFiles: [Wrong] = [
    Wrong("site: output\npredict: hold", 1, "needs rule: the version of this format, 1"),
    Wrong("rule: 2", 1, "rule is '2'; it takes 1, the version of this format"),
    Wrong("rule: 1\npredict: hold", 1, "needs site: \(Parameter.site().allowed)"),
    Wrong(
      "rule: 1\nsite: outptu\npredict: hold", 2, "site is 'outptu'; it takes \(Parameter.site().allowed)"),
    Wrong("rule: 1\nsite: output", 1, "needs predict: hold, taylor, damped or groups"),
    Wrong(
      "@gaurds: {}", 4,
      "there is no key 'gaurds' (did you mean 'guards'?); known are \(keys)"
    ),
    Wrong(
      "@guards: {frist: 1}", 4,
      "guards has no key 'frist' (did you mean 'first'?); known are first, last, longest-streak, minimum-gap, ",
      "budget, sigma"
    ),
    Wrong("@guards: {first: 0}", 4, "guards.first is '0'; it takes a whole number from 1 to 1000000"),
    Wrong("@guards: {first: two}", 4, "guards.first is 'two'; it takes a whole number from 1 to 1000000"),
    Wrong(
      "@guards:\n  first: 1\n  budget: -1", 6,
      "guards.budget is '-1'; it takes a whole number of at least 0"
    ),
    Wrong(
      "@guards: {longest-streak: 2, minimum-gap: 4}", 4,
      "minimum-gap is 4, more than longest-streak allows: at most 3"
    ),
    Wrong(
      "@guards: {sigma: [1, 0]}", 4,
      "guards.sigma must be the lowest and the highest noise level, in that order"
    ),
    Wrong(
      "@threshold: 1", 4,
      "there is no key 'threshold'; known are \(keys)"
    ),
    Wrong("@accumulate: sum", 4, "accumulate needs a signal"),
    Wrong("@predict-while: {below: 1}", 4, "predict-while needs a signal"),
    Wrong(
      "@signal: {change: modulated}", 1,
      "a signal needs exactly one of predict-while: {below: …}, predict-while: {at-most: …}, ",
      "compute-when: {above: …}, compute-when: {at-least: …}"
    ),
    Wrong(
      "@signal: {change: modulated}\npredict-while: {below: 1, at-most: 2}", 5,
      "predict-while needs exactly one of below, at-most"
    ),
    Wrong(
      "@signal: {change: modulated}\npredict-while: {below: .nan}", 5,
      "predict-while.below is '.nan'; it takes a number"
    ),
    Wrong(
      "@signal: {change: modulated}\npredict-while: {below: '1'}", 5,
      "predict-while.below is '1'; it takes a number"
    ),
    Wrong("@signal: {}", 4, "signal needs exactly one of change, trajectory, table"),
    Wrong(
      "@signal: {change: latent, table: [1]}", 4,
      "signal needs exactly one of change, trajectory, table"
    ),
    Wrong(
      "@signal: {change: latent, weight: none}", 4,
      "signal has no key 'weight'; known are change, from, norm, over, rate"
    ),
    Wrong(
      "@signal: {change: latent, from: last}", 4,
      "signal.from is 'last'; it takes one of previous, computed"
    ),
    Wrong(
      "@signal: {change: latnt}", 4,
      "signal.change is 'latnt'; it takes \(Quantity.allowed)"
    ),
    Wrong("@signal: {change: latent - }", 4, "signal.change is 'latent -'; it takes \(Quantity.allowed)"),
    Wrong(
      "@signal: {change: latent, over: {sise: output}}", 4,
      "signal.over has no key 'sise' (did you mean 'size'?); known are size"
    ),
    Wrong("@signal: {change: latent, rate: {of: output}}", 4, "signal.rate needs to: \(Quantity.allowed)"),
    Wrong(
      "@signal: {trajectory: curvture}", 4,
      "signal.trajectory is 'curvture' (did you mean 'curvature'?); it takes one of speed, acceleration, curvature, drift"
    ),
    Wrong("@signal: {table: []}", 4, "signal.table is empty"),
    Wrong("@signal: {table: [1, x]}", 4, "signal.table[1] is 'x'; it takes a number"),
    Wrong(
      "@station: latent\nsignal: {change: modulated}", 4,
      "station is latent, but the signal is known only from modulated on"
    ),
    Wrong("@coupling: both", 4, "coupling is 'both'; it takes one of pooled, separate, either, lead"),
    Wrong(
      "@signal: {change: latent}\ntransform: {scale: 1, polynomial: [1]}", 5,
      "transform needs exactly one of polynomial, scale"
    ),
    Wrong("@signal: {change: latent}\ntransform: {polynomial: []}", 5, "transform.polynomial is empty"),
    Wrong("@signal: {change: latent}\ntransform: scale", 5, "transform is scale, which needs its numbers"),
    Wrong(
      "@signal: {change: latent}\naccumulate: {how: none}", 5,
      "accumulate.how is 'none'; it takes one of sum, product"
    ),
    Wrong(
      "@signal: {change: latent}\naccumulate: {how: sum, includes-current: yes}", 5,
      "accumulate.includes-current is 'yes'; it takes true or false"
    ),
    Wrong(
      "rule: 1\nsite: output\npredict: groups", 3,
      "predict is 'groups', which needs by, quantiles and predictors"
    ),
    Wrong(
      "rule: 1\nsite: output\npredict: {taylor: {ordr: 1}}", 3,
      "predict.taylor has no key 'ordr' (did you mean 'order'?); known are order, first-enhance"
    ),
    Wrong("rule: 1\nsite: output\npredict: {hold: 1}", 3, "hold has no settings; write predict: hold"),
    Wrong(
      "rule: 1\nsite: output\npredict: {groups: {quantiles: [0.5], predictors: [hold]}}", 3,
      "predict.groups.predictors has 1 entries; 1 quantiles make 2 groups"
    ),
    Wrong(
      "rule: 1\nsite: output\npredict: {groups: {quantiles: [0.5, 0.2], predictors: [hold]}}", 3,
      "predict.groups.quantiles must be 1 to 254 numbers in ascending order"
    ),
    Wrong(
      "rule: 1\nsite: output\npredict:\n  groups:\n    quantiles: [0.5]\n    predictors: [hold, {groups: {quantiles: [0.5], predictors: [hold, hold]}}]",
      6, "predict.groups.predictors[1]: groups do not nest"
    ),
    Wrong("@guards: {budget: $b}", 4, "there is no parameter 'b'; none is declared under parameters"),
    Wrong(
      "@parameters: {budget: 1}\nguards: {budget: $budgt}", 5,
      "there is no parameter 'budgt' (did you mean 'budget'?); declared are budget"
    ),
    Wrong("@parameters: {b: 1}", 4, "the parameter b is not used; write $b where it belongs"),
    Wrong(
      "@parameters: {file: 1}", 4,
      "'file' cannot be a parameter's name; it takes small letters, digits and -, but not 'file'"
    ),
    Wrong(
      "@parameters: {B: 1}", 4,
      "'B' cannot be a parameter's name; it takes small letters, digits and -, but not 'file'"
    ),
    Wrong("@parameters: {b: {help: x}}", 4, "parameters.b needs default: a number or a word"),
    Wrong("@predict: taylor", 3, "predict is given twice"),
    Wrong("@guards: [", 5, "this is not YAML: did not find expected node content"),
    Wrong("- 1", 1, "the whole is a list; it takes keys out of \(keys)"),
  ]

  @Test("a wrong file is named with its line and what is allowed", arguments: wrongFiles)
  func wrong(file: Wrong) throws {
    try Fixture.with("rule.yaml", file.text) { path in
      expectPolicyError("\(path), line \(file.line): \(file.message)") {
        _ = try PolicyRegistry.plan("rule:file=\(path)")
      }
    }
  }
}
