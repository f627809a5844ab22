import Testing
import Trace

@testable import WorldCache

@Suite("teacache")
struct TeaCachePolicyTests {
  private let modulated = Quantity(.modulated)
  private let embedding = Quantity(.timestep)

  /// Values whose relative change is `d` from call to call.
  private func growing(_ d: Double, _ calls: Int) -> [Double] {
    var values = [1.0]
    while values.count < calls { values.append(values.last! * (1 + d)) }
    return values
  }

  @Test("FLUX at a change of 0.1: P = 0.206847, every second call and the last")
  func flux() throws {
    // 0.2068 < 0.4 predicts, 0.4137 ≥ 0.4 computes and clears the sum.
    let run = try ScriptedRun("teacache:threshold=0.4", [modulated: growing(0.1, 28)])
    #expect(run.picture == String(repeating: "Cp", count: 13) + "CC")
    #expect(run.computedPositions == Array(stride(from: 0, through: 26, by: 2)) + [27])
    expectClose(try #require(run.decisions[1].signal), 0.206847, relative: 1e-5)
    #expect(run.decisions[0].reason == .warmUp)
    #expect(run.decisions[27].reason == .lastCall)
    #expect(run.decisions[26].reason == .threshold && run.decisions[26].threshold == 0.4)
  }

  @Test(
    "polynomials at 0, 0.01, 0.02, 0.05, 0.1, 0.2",
    arguments: [
      ("flux", [0.2642, 0.2313, 0.2080, 0.1805, 0.2068, 0.2620]),
      ("hunyuan", [0.0961, 0.0710, 0.0571, 0.0620, 0.1292, 0.1337]),
    ])
  func polynomial(model: String, values: [Double]) throws {
    for (d, expected) in zip([0, 0.01, 0.02, 0.05, 0.1, 0.2], values) {
      let run = try ScriptedRun("teacache:model=\(model)", [modulated: [1, 1 + d, 1]])
      // The published values have four digits.
      expectClose(try #require(run.decisions[1].signal), expected, relative: 0, absolute: 5.1e-5, "d = \(d)")
    }
  }

  @Test(
    "polynomials that are positive within a window only",
    arguments: [
      ("cogvideox-5b", 0.0075, 0.330), ("wan2.1-t2v-1.3b-ret", 0.0043, 0.1019),
      ("wan2.1-t2v-14b-ret", 0.0077, 0.0816), ("wan2.1-t2v-14b", 0.1296, 0.4061),
      ("wan2.1-i2v-480p", 0.0568, 0.4365), ("wan2.1-i2v-720p", 0.0583, 0.3962),
    ])
  func windows(model: String, low: Double, high: Double) throws {
    // The ends have four digits: a unit of the last one outside the sign has changed.
    let preset = try #require(TeaCachePreset.published.first { $0.name == model }).preset
    let spec =
      "teacache:model=custom,threshold=9,coefficients="
      + preset.coefficients.map { "\($0)" }.joined(separator: "+")
    for (d, isPositive) in [
      (low - 1e-4, false), (low + 1e-4, true), (high - 1e-3, true), (high + 1e-3, false),
    ] {
      let run = try ScriptedRun(spec, [modulated: [1, 1 + d, 1]])
      let sum = try #require(run.decisions[1].signal)
      #expect((sum > 0) == isPositive, "d = \(d)")
    }
  }

  @Test("the highest power comes first, and the reference is the older call")
  func order() throws {
    // d = |3 − 2| / 2 = 1/2, then |6 − 3| / 3 = 1. P = x² + 2: 2.25, then 2.25 + 3.
    let run = try ScriptedRun(
      "teacache:model=custom,coefficients=1+0+2,threshold=10", [modulated: [2, 3, 6, 6]])
    #expect(run.decisions.map(\.signal) == [nil, 2.25, 5.25, nil])
    #expect(run.picture == "CppC")
  }

  @Test("equality computes, and the change after it counts from the computed call's predecessor on")
  func boundary() throws {
    let values = [2.0, 3, 3, 4.5, 4.5, 4.5]
    // Changes 1/2, 0, 1/2, 0, and the last call is forced.
    let run = try ScriptedRun("teacache:model=custom,coefficients=1+0,threshold=0.5", [modulated: values])
    #expect(run.picture == "CCpCpC")
    #expect(run.decisions.map(\.signal) == [nil, 0.5, 0, 0.5, 0, nil])
    let above = try ScriptedRun(
      "teacache:model=custom,coefficients=1+0,threshold=\(0.5.nextUp)", [modulated: values])
    #expect(above.picture == "CppCpC")
  }

  @Test("a negative polynomial lowers the sum; vllm-omni takes its absolute value and forces the first only")
  func negative() throws {
    let values = [modulated: Array(repeating: 1.0, count: 6)]
    let plain = try ScriptedRun("teacache:model=custom,coefficients=-0.25,threshold=0.5", values)
    #expect(plain.picture == "CppppC")
    #expect(plain.decisions[4].signal == -1)
    let absolute = try ScriptedRun(
      "teacache:model=custom,coefficients=-0.25,threshold=0.5,absolute=yes,forced=first", values)
    #expect(absolute.picture == "CpCpCp")
    #expect(
      try PolicyRegistry.plan("teacache:model=qwen-image").spec.description
        == "teacache:model=qwen-image,threshold=0.2,signal=modulated,forced=first,branches=separate,absolute=yes"
    )
  }

  @Test("a change that is not a number computes")
  func notANumber() throws {
    let run = try ScriptedRun("teacache", [modulated: [0, 0, 0, 0]])
    #expect(run.picture == "CCCC")
    #expect(run.decisions[1].reason == .threshold)
  }

  @Test("Wan counts evaluations: the first and last step, or the first five with ret-steps")
  func wan() throws {
    let values = [embedding: Array(repeating: 1.0, count: 12)]
    // P(0) = 0.1379 < 0.2 once, twice is above.
    let usual = "teacache:model=wan2.1-t2v-1.3b,threshold=0.2"
    for branch in 0..<2 {
      #expect(try ScriptedRun(usual, values, .branch(branch, of: 12)).picture == "CpCpCpCpCpCC")
    }
    // P(0) = −0.05: nothing is computed after the ten evaluations of five steps.
    let ret = "teacache:model=wan2.1-t2v-1.3b-ret"
    #expect(try ScriptedRun(ret, values, .branch(1, of: 12)).picture == "CCCCCppppppp")
    // One branch only makes half the evaluations of a step.
    #expect(try ScriptedRun(usual, values).picture == "CCpCpCpCpCCC")
    let plan = try PolicyRegistry.plan(ret)
    #expect(
      plan.spec.description
        == "teacache:model=wan2.1-t2v-1.3b-ret,threshold=0.05,signal=timestep,forced=calls,first-calls=10,"
        + "last-calls=0,branches=separate,absolute=no")
  }

  @Test("HiDream forces the first tenth")
  func hiDream() throws {
    // 2.8 of 28 calls: 0, 1 and 2. P(0) = 0.108 < 0.17 once.
    let run = try ScriptedRun("teacache:model=hidream", [embedding: Array(repeating: 1.0, count: 28)])
    #expect(run.picture == "CCCpCpCpCpCpCpCpCpCpCpCpCpCp")
  }

  @Test("a wrong setting is named")
  func settings() {
    expectPolicyError("policy 'teacache' needs coefficients: numbers joined by +") {
      _ = try PolicyRegistry.plan("teacache:model=custom")
    }
    expectPolicyError("coefficients of policy 'teacache' belongs to model=custom, not to flux") {
      _ = try PolicyRegistry.plan("teacache:coefficients=1+2")
    }
    expectPolicyError(
      "coefficients=1+x of policy 'teacache' is not allowed; it takes numbers joined by +"
    ) { _ = try PolicyRegistry.plan("teacache:model=custom,coefficients=1+x") }
  }

  @Test("every preset has five factors and can be replayed")
  func presets() throws {
    for (name, preset) in TeaCachePreset.published {
      #expect(preset.coefficients.count == 5, "\(name)")
      _ = try PolicyRegistry.plan("teacache:model=\(name)")
    }
  }
}
