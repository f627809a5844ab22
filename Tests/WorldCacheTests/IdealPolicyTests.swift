import Testing
import Trace

@testable import WorldCache

@Suite("ideal")
struct IdealPolicyTests {
  // A token that stands still, jumps at call 3 and stands still again.
  private let jump = Synthetic(tokens: [[1, 1, 1, 5, 5, 5, 5, 5]])

  @Test("computes where the value jumps")
  func picture() throws {
    #expect(try StreamReplay("ideal:calls=2", jump).picture == "CppCpppp")
    #expect(try StreamReplay("ideal:calls=8", jump).picture == "CCCCCCCC")
    #expect(try StreamReplay("ideal:calls=1", jump).picture == "Cppppppp")
  }

  @Test("gives the schedule as its reason")
  func reasons() throws {
    let replay = try StreamReplay("ideal:calls=2", jump)
    #expect(replay.decisions.allSatisfy { $0.reason == .schedule && $0.signal == nil && $0.threshold == nil })
  }

  @Test("says that the stream is too short for the computed calls asked for")
  func tooManyCalls() throws {
    expectPolicyError(
      "ideal:predictor=hold,calls=9,objective=streak,site=output asks for 9 computed calls; the chunk has 8"
    ) { _ = try StreamReplay("ideal:calls=9", jump) }
  }

  @Test("says that the predictor's streaks are too short for so few computed calls")
  func tooFewCalls() throws {
    // n-max 2: CCCpp covers 5 calls, four computed calls at most 8, so 3 of 8 cannot be.
    expectPolicyError(
      "ideal:predictor=damped,calls=3,objective=streak,site=output,n-max=2 has no schedule of 3 computed calls over 8: "
        + "its streaks are too short"
    ) { _ = try StreamReplay("ideal:predictor=damped,calls=3,n-max=2", jump) }
    #expect(try StreamReplay("ideal:predictor=damped,calls=4,n-max=2", jump).picture == "CCCppCpp")
  }

  @Test("has the settings of its predictor and no others")
  func relevantSettings() throws {
    let specs = [
      "ideal:predictor=hold,calls=4,objective=streak,site=output",
      "ideal:predictor=taylor,calls=4,objective=additive,site=output,order=2,first-enhance=3",
      "ideal:predictor=damped,calls=4,objective=streak,site=output,n-max=6",
      "ideal:predictor=worldcache,calls=4,objective=streak,site=output,n-max=6,p-stable=0.25,p-chaotic=0.5",
    ]
    for spec in specs {
      let plan = try PolicyRegistry.plan(spec)
      #expect(plan.spec.description == spec)
      #expect(try plan.policy(for: jump.geometry).spec == plan.spec)
    }
    #expect(
      try PolicyRegistry.plan("ideal:calls=4,predictor=taylor").spec.description
        == "ideal:predictor=taylor,calls=4,objective=streak,site=output,order=1,first-enhance=1")
  }

  @Test("refuses settings of other predictors")
  func irrelevantSettings() {
    expectPolicyError("order of policy 'ideal' belongs to predictor=taylor or hermite, not to hold") {
      _ = try PolicyRegistry.plan("ideal:calls=4,order=2")
    }
    expectPolicyError("n-max of policy 'ideal' belongs to predictor=damped or worldcache, not to taylor") {
      _ = try PolicyRegistry.plan("ideal:calls=4,predictor=taylor,n-max=3")
    }
    expectPolicyError("p-stable of policy 'ideal' belongs to predictor=worldcache, not to damped") {
      _ = try PolicyRegistry.plan("ideal:calls=4,predictor=damped,p-stable=0.1")
    }
  }

  @Test("is spelled for every other policy's predictor")
  func specForPredictor() throws {
    let predictors: [(any Predictor, String)] = [
      (HoldPredictor(), "ideal:predictor=hold,calls=4,objective=streak,site=output"),
      (
        TaylorPredictor(order: 2, firstEnhance: 3),
        "ideal:predictor=taylor,calls=4,objective=streak,site=output,order=2,first-enhance=3"
      ),
      (DampedPredictor(nMax: 2), "ideal:predictor=damped,calls=4,objective=streak,site=output,n-max=2"),
      (
        GroupedPredictor(pStable: 0.3, pChaotic: 0.6, nMax: 6),
        "ideal:predictor=worldcache,calls=4,objective=streak,site=output,n-max=6,p-stable=0.3,p-chaotic=0.6"
      ),
    ]
    for (predictor, expected) in predictors {
      let spec = IdealPolicy.spec(for: predictor, site: .output, calls: [4])
      #expect(spec.description == expected)
      #expect(try PolicyRegistry.plan(spec).policy(for: jump.geometry).spec == spec)
    }
  }

  @Test("one number serves all chunks, or each chunk has its own")
  func countsByChunk() throws {
    let chunks = (0..<2).map { Synthetic(.smooth, seed: UInt64($0), calls: 8, chunk: $0) }
    func counts(_ calls: String) throws -> [Int] {
      try Replay(PolicyRegistry.plan("ideal:calls=\(calls)"), over: chunks.map(\.geometry)).streams
        .map(\.computedCount)
    }
    #expect(try counts("3") == [3, 3])
    #expect(try counts("3+5") == [3, 5])
    let hold = HoldPredictor()
    #expect(
      IdealPolicy.spec(for: hold, site: .output, calls: [3, 5]).settings.contains(.init("calls", "3+5")))
    // Equal numbers are written once.
    #expect(
      try PolicyRegistry.plan(IdealPolicy.spec(for: hold, site: .output, calls: [3, 3])).spec.settings
        .contains(
          .init("calls", "3")))
    for other in [1, 3] {
      expectPolicyError(
        "ideal:predictor=hold,calls=3+5,objective=streak,site=output has numbers for 2 chunks; the trace has \(other)"
      ) {
        let chunks = (0..<other).map { Synthetic(.smooth, seed: 1, calls: 8, chunk: $0).geometry }
        _ = try Replay(PolicyRegistry.plan("ideal:calls=3+5"), over: chunks)
      }
    }
    for calls in ["3+", "+3", "3+0", "a", "0"] {
      expectPolicyError(
        "calls=\(calls) of policy 'ideal' is not allowed; it takes a whole number of at least 1, "
          + "or one for each chunk joined by +"
      ) { _ = try PolicyRegistry.plan("ideal:calls=\(calls)") }
    }
  }

  @Test("refuses quantiles in the wrong order before any trace is opened, as worldcache does")
  func quantileOrder() {
    expectPolicyError("p-stable=0.9 of policy 'ideal' is above p-chaotic=0.1; it must be at most p-chaotic") {
      _ = try PolicyRegistry.plan("ideal:predictor=worldcache,calls=4,p-stable=0.9,p-chaotic=0.1")
    }
  }
}
