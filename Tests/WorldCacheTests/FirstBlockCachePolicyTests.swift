import Testing
import Trace

@testable import WorldCache

@Suite("first-block")
struct FirstBlockCachePolicyTests {
  private let residual = Quantity(.block(1), minus: .hidden(0))

  @Test("changes are measured from the last computed call and do not add up")
  func anchor() throws {
    // From 4: ¼, then ½ computes; from 6: 0, then ⅙.
    let run = try ScriptedRun("first-block:threshold=0.3", [residual: [4, 5, 6, 6, 7]])
    #expect(run.picture == "CpCpp")
    for (decision, expected) in zip(run.decisions.dropFirst(), [0.25, 0.5, 0, 1.0 / 6]) {
      expectClose(try #require(decision.signal), expected, relative: 1e-14)
    }
    expectWeights(run.predictions[4]!.combinations[0], [2: 1])
  }

  @Test("ParaAttention computes at equality, diffusers predicts")
  func boundary() throws {
    #expect(try ScriptedRun("first-block:threshold=0.25", [residual: [4, 5, 4]]).picture == "CCp")
    #expect(
      try ScriptedRun("first-block:variant=diffusers,threshold=0.25", [residual: [4, 5, 4]]).picture == "Cpp")
    #expect(
      try ScriptedRun("first-block:variant=diffusers,threshold=\(0.25.nextDown)", [residual: [4, 5, 4]])
        .picture
        == "CCp")
  }

  @Test("a change that is not a number is computed by ParaAttention and predicted by diffusers")
  func notANumber() throws {
    #expect(try ScriptedRun("first-block", [residual: [0, 0, 0]]).picture == "CCC")
    #expect(try ScriptedRun("first-block:variant=diffusers", [residual: [0, 0, 0]]).picture == "Cpp")
  }

  @Test("nothing is forced but the warm-up")
  func warmUp() throws {
    let still = [residual: Array(repeating: 1.0, count: 6)]
    #expect(try ScriptedRun("first-block", still).picture == "Cppppp")
    #expect(try ScriptedRun("first-block:warmup=3", still).picture == "CCCppp")
  }

  @Test("ParaAttention's TaylorSeer begins its differences at the third step")
  func taylor() throws {
    let run = try ScriptedRun("first-block:order=2,warmup=3", [residual: Array(repeating: 1, count: 5)])
    // At call 2: D_1 = f_2 − f_1, and no D_2, since call 1 has no D_1.
    expectWeights(run.predictions[4]!.combinations[0], [1: -2, 2: 3])
  }

  @Test("separate branches decide for themselves")
  func branches() throws {
    let synthetic = Synthetic(.random, seed: 4, branches: 2, calls: 12, tokens: 3)
    #expect(try StreamReplay("first-block:branches=separate,threshold=0.9", synthetic).lanes.count == 2)
    #expect(try StreamReplay("first-block:threshold=0.9", synthetic).lanes.count == 1)
    #expect(
      try PolicyRegistry.plan("first-block:variant=diffusers").spec.description
        == "first-block:variant=diffusers,threshold=0.05,warmup=0,branches=pooled,order=0")
  }
}
