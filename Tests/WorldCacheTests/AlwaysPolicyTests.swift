import Testing
import Trace

@testable import WorldCache

@Suite("always")
struct AlwaysPolicyTests {
  @Test("computes every call, even a single one")
  func picture() throws {
    let replay = try StreamReplay("always", Synthetic(.random, seed: 1, calls: 6))
    #expect(replay.picture == "CCCCCC")
    #expect(replay.decisions.allSatisfy { $0.reason == .always && $0.signal == nil && $0.threshold == nil })
    #expect(try StreamReplay("always", Synthetic(.random, seed: 1, calls: 1)).picture == "C")
  }

  @Test("has no error of any kind", arguments: [1, 2])
  func zeroError(branches: Int) throws {
    let replay = try StreamReplay("always", Synthetic(.random, seed: 2, branches: branches, calls: 6))
    #expect(replay.callErrors == Array(repeating: [0, 0, 0, 0, 0, 0], count: branches))
    #expect(replay.worstTokenErrors.allSatisfy { $0 == 0 })
    #expect(replay.tokenSquaredErrors.allSatisfy { $0 == 0 })
    #expect(replay.directSquaredError == 0)
    #expect(replay.streakSquaredError == 0)
    #expect(replay.growth.isEmpty)
  }

  @Test("has no predictor to search an ideal schedule for")
  func predictor() throws {
    let synthetic = Synthetic(.random, seed: 1, calls: 2)
    #expect(try PolicyRegistry.plan("always").policy(for: synthetic.geometry).predictor == nil)
  }
}
