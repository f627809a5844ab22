import Testing
import Trace

@testable import WorldCache

@Suite("interval")
struct IntervalPolicyTests {
  private func picture(_ spec: String, _ calls: Int) throws -> String {
    try StreamReplay(spec, Synthetic(.still, seed: 1, calls: calls, tokens: 1, channels: 1)).picture
  }

  @Test("FORA, K = 3, 50 calls: 0, 1, 4, 7, …, 46, 49")
  func fora() throws {
    // It counts j = 49 … 0 and computes j = 49 (call 0) and j mod 3 = 0: calls 1, 4, …, 49: 18 calls.
    let replay = try StreamReplay("interval", Synthetic(.still, seed: 1, calls: 50, tokens: 1))
    #expect(replay.picture == "C" + String(repeating: "Cpp", count: 16) + "C")
    #expect(replay.computedPositions == [0] + stride(from: 1, through: 49, by: 3))
    #expect(replay.computedPositions.count == 18)
  }

  @Test("counting down forces the last call, counting up does not")
  func phases() throws {
    #expect(try picture("interval:every=3", 8) == "CCppCppC")
    #expect(try picture("interval:every=3,phase=up", 8) == "CppCppCp")
    // 7 calls: (7 − 1) mod 3 = 0, so both phases agree.
    #expect(try picture("interval:every=3", 7) == "CppCppC")
    #expect(try picture("interval:every=3,phase=up", 7) == "CppCppC")
  }

  @Test("interval 1 computes everything; one longer than the stream computes its ends")
  func extremes() throws {
    #expect(try picture("interval:every=1", 4) == "CCCC")
    #expect(try picture("interval:every=9223372036854775807", 5) == "CpppC")
    #expect(try picture("interval:every=9223372036854775807,phase=up", 5) == "Cpppp")
    #expect(try picture("interval", 1) == "C")
  }

  @Test("the first call is warm-up, the rest is timetable")
  func reasons() throws {
    let replay = try StreamReplay("interval:every=2", Synthetic(.still, seed: 1, calls: 4))
    // j = 3 2 1 0: call 0 by rule, call 1 and 3 by count.
    #expect(replay.picture == "CCpC")
    #expect(replay.decisions.map(\.reason) == [.warmUp, .schedule, .schedule, .schedule])
  }

  @Test("holds the newest computed value")
  func errors() throws {
    // One token: 2, 3, 5, 9 with calls 0, 2 computed: errors |2 − 3| / 3 and |5 − 9| / 9.
    let replay = try StreamReplay("interval:every=2,phase=up", Synthetic(tokens: [[2, 3, 5, 9]]))
    #expect(replay.picture == "CpCp")
    for (value, expected) in zip(replay.callErrors[0], [0, 1.0 / 3, 0, 4.0 / 9]) {
      expectClose(value, expected, relative: 1e-14)
    }
  }
}
