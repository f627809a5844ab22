import Testing
import Trace

@testable import WorldCache

@Suite("dicache")
struct DiCachePolicyTests {
  private let probe = Quantity(.block(1))
  private let input = Quantity(.hidden(0))
  private let residual = Quantity(.block(1), minus: .hidden(0))

  @Test("the residual's last change is scaled by the probe's, within 1 and 1.5")
  func scale() throws {
    // From the residuals 0 and 2 of calls 0 and 1: 2.5 / 2 = 1.25, 1 / 2 is raised to 1, 8 / 2 cut to 1.5 (Wan: 2).
    let values = [probe: Array(repeating: 1.0, count: 6), residual: [0, 2, 2.5, 1, 8, 0]]
    let run = try ScriptedRun("dicache:retention=0.2", values)
    #expect(run.picture == "CCpppC")
    expectWeights(run.predictions[2]!.combinations[0], [0: -0.25, 1: 1.25])
    expectWeights(run.predictions[3]!.combinations[0], [1: 1])
    expectWeights(run.predictions[4]!.combinations[0], [0: -0.5, 1: 1.5])
    let wan = try ScriptedRun("dicache:variant=wan,retention=0.4", values)
    #expect(wan.picture == "CCpppp")
    expectWeights(wan.predictions[4]!.combinations[0], [0: -1, 1: 2])
  }

  @Test("with one computed call it holds; a probe that never moved gives γ = 1")
  func degenerate() throws {
    let still = [probe: [1.0, 1, 1, 1, 1], input: [1, 1, 1, 1, 1], residual: [0, 0, 0, 0, 0]]
    let one = try ScriptedRun("dicache:variant=flux-minus", still)
    #expect(one.picture == "CpppC")
    expectWeights(one.predictions[2]!.combinations[0], [0: 1])
    let two = try ScriptedRun("dicache:retention=0.2", still)
    expectWeights(two.predictions[2]!.combinations[0], [1: 1])
  }

  @Test("the probe's change adds up; Hunyuan predicts at equality")
  func boundary() throws {
    // Relative changes ½, 0, ⅓ … of 2, 3, 3, 4.
    let values = [probe: [2.0, 3, 3, 4.5], residual: [0, 1, 2, 3]]
    #expect(try ScriptedRun("dicache:variant=wan,retention=0,threshold=0.5", values).picture == "CCpC")
    let hunyuan = try ScriptedRun("dicache:variant=hunyuan,retention=0,threshold=0.5", values)
    #expect(hunyuan.picture == "CppC")
    #expect(hunyuan.decisions.map(\.signal) == [nil, 0.5, 0.5, 1])
  }

  @Test("flux-minus takes the input's change off")
  func minus() throws {
    // |½ − ¼| = ¼, then |0 − ⅕| on top of it.
    let values = [probe: [2.0, 3, 3, 3], input: [4, 5, 4, 4], residual: [0, 1, 2, 3]]
    let run = try ScriptedRun("dicache:variant=flux-minus,threshold=0.3", values)
    #expect(run.picture == "CpCC")
    #expect(run.decisions[1].signal == 0.25)
    expectClose(try #require(run.decisions[2].signal), 0.45, relative: 1e-14)
  }

  @Test("who forces how many calls")
  func forced() throws {
    let values = [probe: Array(repeating: 1.0, count: 10), residual: Array(repeating: 1.0, count: 10)]
    #expect(try ScriptedRun("dicache", values).picture == "CCCppppppC")
    #expect(try ScriptedRun("dicache:variant=hunyuan", values).picture == "CCpppppppp")
    // Four of twenty evaluations.
    #expect(
      try ScriptedRun("dicache:variant=wan", values, .branch(1, of: 10)).picture == "CCpppppppp")
  }

  @Test("published defaults")
  func defaults() throws {
    #expect(
      try PolicyRegistry.plan("dicache:variant=flux-minus").spec.description
        == "dicache:variant=flux-minus,threshold=0.08,retention=0,depth=1")
    let synthetic = Synthetic(.smooth, seed: 3, branches: 2, calls: 12, tokens: 4)
    #expect(try StreamReplay("dicache:variant=wan,depth=2", synthetic).lanes.count == 2)
  }
}
