import Testing
import Trace

@testable import WorldCache

@Suite("pab")
struct PABPolicyTests {
  @Test("every K-th call counted from the first is computed within the range, all outside it")
  func timetable() throws {
    // Timesteps 1000 σ with shift 3 and 12 calls: 1000, 971, 938, 900, 857, 808, 750, 682, 600, 500, 375, 214.
    let synthetic = Synthetic(.smooth, seed: 5, calls: 12)
    #expect(try StreamReplay("pab", synthetic).picture(lane: 0) == "CCCCCCCpCpCp")
    #expect(try StreamReplay("pab:every=3", synthetic).picture(lane: 0) == "CCCCCCCppCpp")
    // Open-Sora's cross attention.
    #expect(try StreamReplay("pab:every=6,above=450,below=930", synthetic).picture(lane: 0) == "CCCpppCpppCC")
    #expect(try StreamReplay("pab:every=1,above=0,below=2000", synthetic).picture(lane: 0) == "CCCCCCCCCCCC")
  }

  @Test("the ends of the range are outside it, and the first call is computed")
  func ends() throws {
    let stream = CallStream.plain(4)
    let times = stream.timesteps
    let inside = try ScriptedRun("pab:every=9,above=0,below=\(times[0] + 1)", [:], stream)
    #expect(inside.picture == "Cppp")
    let outside = try ScriptedRun("pab:every=9,above=\(times[3]),below=\(times[1])", [:], stream)
    #expect(outside.picture == "CCpC")
    #expect(outside.decisions.map(\.reason) == [.warmUp, .schedule, .schedule, .schedule])
    expectWeights(outside.predictions[2]!.combinations[0], [1: 1])
  }
}
