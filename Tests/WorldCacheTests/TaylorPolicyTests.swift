import Testing
import Trace

@testable import WorldCache

@Suite("taylor")
struct TaylorPolicyTests {
  private func picture(_ spec: String, _ calls: Int) throws -> String {
    try StreamReplay(spec, Synthetic(.still, seed: 1, calls: calls, tokens: 1, channels: 1)).picture
  }

  @Test("interval 6, first-enhance 3, 50 calls: 0, 1, 2, 8, …, 44")
  func flux() throws {
    // Computed while s < 3, from 2 on every sixth: 2, 8, 14, 20, 26, 32, 38, 44. The last is not forced.
    let replay = try StreamReplay(
      "taylor:interval=6,first-enhance=3", Synthetic(.still, seed: 1, calls: 50, tokens: 1))
    #expect(replay.picture == "CC" + String(repeating: "Cppppp", count: 8))
    #expect(replay.computedPositions == [0, 1, 2, 8, 14, 20, 26, 32, 38, 44])
  }

  @Test("interval 5, first-enhance 1, 50 calls: 0, 5, …, 45")
  func hunyuan() throws {
    #expect(try picture("taylor:interval=5,first-enhance=1", 50) == String(repeating: "Cpppp", count: 10))
  }

  @Test("interval 1 computes everything")
  func everyCall() throws {
    #expect(try picture("taylor:interval=1,first-enhance=1", 5) == "CCCCC")
  }

  @Test("a stream must be longer than first-enhance")
  func minimumCallCount() throws {
    #expect(try picture("taylor:first-enhance=4", 5) == "CCCCp")
    expectPolicyError(
      "taylor:interval=5,order=2,first-enhance=4,site=output needs at least 5 calls in a chunk; this one has 4"
    ) { _ = try picture("taylor:first-enhance=4", 4) }
  }

  @Test("the first calls are warm-up, the rest is timetable")
  func reasons() throws {
    let replay = try StreamReplay("taylor:interval=2,first-enhance=2", Synthetic(.still, seed: 1, calls: 5))
    #expect(replay.picture == "CCpCp")
    #expect(replay.decisions.map(\.reason) == [.warmUp, .warmUp, .schedule, .schedule, .schedule])
  }

  @Test("order 1 is exact on a straight line")
  func straightLine() throws {
    // Slopes and starts are whole numbers and the gaps 1 and 4 powers of two: no rounding anywhere.
    let replay = try StreamReplay(
      "taylor:interval=4,order=1,first-enhance=2", Synthetic(.straight, seed: 5, calls: 18))
    #expect(replay.picture == "CCpppCpppCpppCpppC")
    #expect(replay.callErrors[0].allSatisfy { $0 == 0 })
    #expect(replay.directSquaredError == 0)
  }

  @Test("order 2 on a parabola, worked by hand")
  func parabola() throws {
    // f = s² with calls 0, 1, 2 computed. First-enhance 3 leaves out D_1 at call 1, so there is no D_2 at 2:
    // call 3 is 4 + 3 = 7 against 9, call 4 is 4 + 2 · 3 = 10 against 16.
    let synthetic = Synthetic(tokens: [[0, 1, 4, 9, 16, 25, 36, 49]])
    let replay = try StreamReplay("taylor:interval=3,order=2,first-enhance=3", synthetic)
    #expect(replay.picture == "CCCppCpp")
    // At 5, gap 3: D_1 = (25 − 4) / 3 = 7, D_2 = (7 − 3) / 3 = 4/3. Call 6: 25 + 7 + 2/3 against 36 is
    // 10/3 short; call 7: 25 + 14 + 8/3 against 49 is 22/3 short.
    let expected = [0, 0, 0, 2.0 / 9, 6.0 / 16, 0, 10.0 / 3 / 36, 22.0 / 3 / 49]
    for (value, expected) in zip(replay.callErrors[0], expected) {
      expectClose(value, expected, relative: 1e-12)
    }
  }

  @Test("diffusers computes 0, 1, 2, 4, 9, …, 49: call 3 is predicted")
  func diffusers() throws {
    let replay = try StreamReplay(
      "taylor:variant=diffusers,site=output", Synthetic(.still, seed: 1, calls: 50, tokens: 1))
    #expect(replay.computedPositions == [0, 1, 2, 4, 9, 14, 19, 24, 29, 34, 39, 44, 49])
    #expect(
      try picture("taylor:variant=diffusers,site=output,interval=4,before=2,after=11", 14)
        == "CCpCpppCpppCCC")
    #expect(try picture("taylor:variant=diffusers,site=output,interval=3,before=0", 8) == "CCppCppC")
  }

  @Test("diffusers' differences begin with the second computed call")
  func diffusersHistory() throws {
    // A jump between calls 0 and 1 is a slope for diffusers; first-enhance 3 would have left it out at call 1.
    let synthetic = Synthetic(tokens: [[0, 4, 8, 12, 16, 20]])
    let replay = try StreamReplay("taylor:variant=diffusers,site=output,before=2,interval=4", synthetic)
    #expect(replay.picture == "CCpCpp")
    #expect(replay.callErrors[0].allSatisfy { $0 == 0 })
  }

  @Test(
    "published settings",
    arguments: [
      ("lite", "taylor:interval=5,order=2,first-enhance=3,site=output"),
      ("lite-mid", "taylor:variant=lite-mid,interval=4,order=2,first-enhance=3,site=output"),
      ("lite-detailed", "taylor:variant=lite-detailed,interval=3,order=2,first-enhance=3,site=output"),
      ("author", "taylor:variant=author,interval=6,order=1,first-enhance=3,site=stack"),
      ("author-hunyuan", "taylor:variant=author-hunyuan,interval=5,order=1,first-enhance=1,site=stack"),
      ("author-wan", "taylor:variant=author-wan,interval=5,order=1,first-enhance=1,site=stack"),
      ("author-hidream", "taylor:variant=author-hidream,interval=4,order=2,first-enhance=1,site=stack"),
      ("author-dit", "taylor:variant=author-dit,interval=4,order=4,first-enhance=2,site=stack"),
      ("diffusers", "taylor:variant=diffusers,interval=5,order=1,before=3,after=0,site=stack"),
    ])
  func presets(variant: String, spec: String) throws {
    #expect(try PolicyRegistry.plan("taylor:variant=\(variant)").spec.description == spec)
  }

  @Test("a schedule's parameters belong to its variants")
  func conditions() {
    expectPolicyError(
      "before of policy 'taylor' belongs to variant=diffusers, not to lite"
    ) { _ = try PolicyRegistry.plan("taylor:before=4") }
  }
}
