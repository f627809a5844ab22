import Testing
import Trace

@testable import WorldCache

@Suite("easycache")
struct EasyCachePolicyTests {
  private func values(_ latent: [Double], _ output: [Double]) -> [Quantity: [Double]] {
    [Quantity(.latent): latent, Quantity(.output): output]
  }

  @Test("the estimate from the last two computed calls, by hand")
  func byHand() throws {
    // Calls 0 and 1: k = |12 − 10| / |1 − 0| = 2, and each step adds 2 · 1 / 12. Call 4: k = |20 − 12| / |4 − 1| = 8/3, and
    // each step adds 8/3 / 20 = 2/15.
    let run = try ScriptedRun(
      "easycache:threshold=0.45,warmup=2",
      values([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [10, 12, 0, 0, 20, 0, 0, 0, 30, 30]))
    #expect(run.picture == "CCppCpppCC")
    let expected: [Double?] = [nil, nil, 1 / 6, 1 / 3, 1 / 2, 2 / 15, 4 / 15, 6 / 15, 8 / 15, nil]
    for (decision, expected) in zip(run.decisions, expected) {
      #expect((decision.signal == nil) == (expected == nil))
      if let signal = decision.signal, let expected { expectClose(signal, expected, relative: 1e-14) }
    }
    #expect(run.decisions[9].reason == .lastCall)
    expectWeights(run.predictions[3]!.combinations[0], [1: 1])
  }

  @Test("equality computes")
  func boundary() throws {
    // k = 1, and each step adds 1 · 1 / 4.
    let script = values([0, 1, 2, 3, 4, 5], [3, 4, 4, 4, 5, 5])
    #expect(try ScriptedRun("easycache:threshold=0.5,warmup=2", script).picture == "CCpCpC")
    #expect(try ScriptedRun("easycache:threshold=\(0.5.nextUp),warmup=2", script).picture == "CCppCC")
  }

  @Test("without two computed calls there is no estimate", arguments: [0, 1, 2])
  func history(warmUp: Int) throws {
    let run = try ScriptedRun(
      "easycache:threshold=9,warmup=\(warmUp)", values([0, 1, 2, 3, 4], [1, 1, 1, 1, 1]))
    #expect(run.picture == "CCppC")
    #expect(run.decisions[0].reason == (warmUp > 0 ? .warmUp : .history))
    #expect(run.decisions[1].reason == (warmUp > 1 ? .warmUp : .history))
  }

  @Test("a latent that stands still computes")
  func still() throws {
    let run = try ScriptedRun("easycache:warmup=2", values([1, 1, 1, 1, 1], [1, 2, 2, 2, 2]))
    #expect(run.picture == "CCCCC")
  }

  @Test("published defaults; one decision for both branches")
  func defaults() throws {
    #expect(
      try PolicyRegistry.plan("easycache:model=hunyuan").spec.description
        == "easycache:model=hunyuan,threshold=0.025,warmup=5")
    let synthetic = Synthetic(.smooth, seed: 4, branches: 2, calls: 14, tokens: 3)
    let replay = try StreamReplay("easycache:warmup=3,threshold=0.5", synthetic)
    #expect(replay.lanes.count == 1)
    #expect(replay.picture.hasPrefix("CCC") && replay.picture.hasSuffix("C"))
    #expect(replay.directSquaredError != nil)
  }
}
