import Testing
import Trace

@testable import WorldCache

/// What a rule is composed of, part by part.
extension RulePolicyTests {
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
}
