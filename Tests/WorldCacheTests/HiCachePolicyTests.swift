import Testing
import Trace

@testable import WorldCache

@Suite("hicache")
struct HiCachePolicyTests {
  @Test("interval 6, first-enhance 3: TaylorSeer's timetable")
  func timetable() throws {
    let replay = try StreamReplay("hicache:site=output", Synthetic(.smooth, seed: 1, calls: 22))
    #expect(replay.picture == "CCCpppppCpppppCpppppCp")
    #expect(replay.decisions[..<3].allSatisfy { $0.reason == .warmUp })
    #expect(replay.decisions[3...].allSatisfy { $0.reason == .schedule })
  }

  @Test("sigma 0.5 takes half of each step of a line")
  func dampedLine() throws {
    // f = 4 + s: computed at 0, 1, 2, 5. Half a step each: 6.5 against 7, 7 against 8; 9.5 and 10 later.
    let synthetic = Synthetic(tokens: [[4, 5, 6, 7, 8, 9, 10, 11]])
    let replay = try StreamReplay("hicache:interval=3,site=output", synthetic)
    #expect(replay.picture == "CCCppCpp")
    let expected = [0, 0, 0, 0.5 / 7, 1.0 / 8, 0, 0.5 / 10, 1.0 / 11]
    for (value, expected) in zip(replay.callErrors[0], expected) {
      expectClose(value, expected, relative: 1e-12)
    }
  }

  @Test("analytic sigma follows the size of the first difference")
  func analytic() throws {
    // One token moves by 8 a call, one stands: mean ‖D_1‖ = 4 from call 2 on, so σ = 1.28 / (4 √2 + 1e-6).
    let synthetic = Synthetic(tokens: [[10, 18, 26, 34, 42, 50], [7, 7, 7, 7, 7, 7]])
    let replay = try StreamReplay("hicache:interval=3,weights=analytic,site=output", synthetic)
    #expect(replay.picture == "CCCppC")
    let sigma = 1.28 / (4 * 2.0.squareRoot() + 1e-6)
    for k in 1...2 {
      let value = 26 + Double(8 * k)
      let error = 8 * Double(k) * (1 - 2 * sigma * sigma)
      expectClose(
        replay.callErrors[0][2 + k], error / (value * value + 49).squareRoot(), relative: 1e-12)
    }
    // Small differences: σ is cut at 1.
    #expect(HiCachePolicy.sigma(size: 0.1) == 1)
    // Its state reaches back to the beginning, so there is no ideal.
    #expect(try PolicyRegistry.plan("hicache:weights=analytic").predictor() == nil)
    #expect(try PolicyRegistry.plan("hicache").predictor()?.name == "hermite")
  }

  @Test("sigma belongs to the weights that take one")
  func sigmaCondition() {
    expectPolicyError("sigma of policy 'hicache' belongs to weights=hermite or scaled, not to analytic") {
      _ = try PolicyRegistry.plan("hicache:weights=analytic,sigma=0.5")
    }
  }
}
