import Testing
import Trace

@testable import WorldCache

@Suite("fastercache")
struct FasterCachePolicyTests {
  @Test("the conditional branch is computed, the other every fifth call below timestep 641")
  func timetable() throws {
    // Timesteps 1000 σ with shift 3 and 12 calls: 1000, 971, 938, 900, 857, 808, 750, 682, 600, 500, 375, 214.
    let synthetic = Synthetic(.smooth, seed: 5, branches: 2, calls: 12)
    let replay = try StreamReplay("fastercache", synthetic)
    #expect(replay.picture(lane: 0) == "CCCCCCCCCCCC")
    #expect(replay.picture(lane: 1) == "CCCCCCCCppCp")
    let early = try StreamReplay("fastercache:below=1000", synthetic)
    // Strictly below: the first call has timestep 1000 and is computed anyway.
    #expect(early.picture(lane: 1) == "CppppCppppCp")
    let single = try StreamReplay("fastercache", Synthetic(.smooth, seed: 5, branches: 1, calls: 12))
    #expect(single.picture(lane: 0) == "CCCCCCCCCCCC")
  }

  @Test("the difference of the branches is carried over, times the gains")
  func gains() throws {
    // One token, so all is low: V_c = s + 1, V_u = V_c + 2. Timesteps as above; 1.1 per skip where 99 < t < 901.
    let conditional: [[[Float]]] = (0..<12).map { [[Float($0 + 1)]] }
    let other = conditional.map { [[$0[0][0] + 2]] }
    let replay = try StreamReplay("fastercache:below=1000", Synthetic([conditional, other]))
    // Calls 1 and 2 (971, 938) keep the difference; at 3 (900) it is 2.2, at 4 2.42.
    let expected = [0, 0, 0, 0.2 / 6, 0.42 / 7, 0, 0.2 / 9]
    for (value, expected) in zip(replay.callErrors[1], expected) {
      expectClose(value, expected, relative: 1e-6, absolute: 1e-6)
    }
    let plain = try StreamReplay("fastercache:below=1000,low-gain=1", Synthetic([conditional, other]))
    #expect(plain.callErrors[1].allSatisfy { $0 < 1e-6 })
  }
}
