import Testing
import Trace

@testable import WorldCache

@Suite("sencache")
struct SenCachePolicyTests {
  private let latent = Quantity(.latent)

  @Test("the bound grows with the distance from the last computed call")
  func byHand() throws {
    // jz = 2: 2, 4 and, at the threshold, 6; then from call 3 on 2, 4.
    let run = try ScriptedRun("sencache:jz=2,start=6,main=6,scale=1", [latent: [0, 1, 2, 3, 4, 5]])
    #expect(run.picture == "CppCpp")
    #expect(run.decisions.map(\.signal) == [nil, 2, 4, 6, 2, 4])
    #expect(run.decisions.map(\.threshold) == [nil, 6, 6, 6, 6, 6])
  }

  @Test("the threshold of the first fifth, rounded with halves to even, and the scale")
  func thresholds() throws {
    // 0.2 · 12 = 2.4: calls 0 and 1. With two branches 24 evaluations: 4.8, up to 5, so that step 2 (evaluation 4) belongs to it.
    let values = [latent: Array(repeating: 1.0, count: 12)]
    let one = try ScriptedRun("sencache:start=1,main=3,scale=2", values)
    #expect(one.decisions.prefix(4).map(\.threshold) == [nil, 2, 6, 6])
    let two = try ScriptedRun("sencache:start=1,main=3,scale=2", values, .branch(0, of: 12))
    #expect(two.decisions.prefix(5).map(\.threshold) == [nil, 2, 2, 6, 6])
  }

  @Test("at most so many steps in a row; CogVideoX and LTX compute both ends")
  func caps() throws {
    let values = [latent: Array(repeating: 1.0, count: 8)]
    let run = try ScriptedRun("sencache:cap=3", values)
    #expect(run.picture == "CpppCppp")
    #expect(run.decisions[4].reason == .cap)
    #expect(try ScriptedRun("sencache:model=cogvideox", values).picture == "CppppppC")
    #expect(try ScriptedRun("sencache:model=ltx", values).picture == "CppppCpC")
  }

  @Test("tables are read at the timestep nearest to the last computed call's")
  func tables() throws {
    // Two calls: sigmas 1 and 0.75 (shift 3), so that timesteps are 1000 and 750. Nearest to 1000 of 900 and 100: jz = 3.
    let settings = "times=100+900,jz=5+3,jt=0.5+0.25,start=1,main=1,scale=1"
    let run = try ScriptedRun("sencache:\(settings)", [latent: [0, 2]])
    expectClose(try #require(run.decisions[1].signal), 3 * 2 + 0.25 * 250, relative: 1e-12)
    expectPolicyError(
      "jz of policy 'sencache' has 3 numbers and times has 2; jz takes one number, or one for each of times"
    ) { _ = try PolicyRegistry.plan("sencache:times=100+900,jz=5+3+1") }
  }

  @Test("one decision for both branches")
  func lead() throws {
    let replay = try StreamReplay("sencache:scale=1", Synthetic(.smooth, seed: 2, branches: 2, calls: 9))
    #expect(replay.lanes.count == 1)
  }
}
