import Testing
import Trace

@testable import WorldCache

@Suite("speca")
struct SpeCaPolicyTests {
  // One token; holding is wrong by 1 − f_a / f_s.
  private func replay(_ spec: String, _ values: [Float]) throws -> StreamReplay {
    try StreamReplay(spec, Synthetic(tokens: [values]))
  }

  @Test("streaks of one among the first calls, then no longer than the cap")
  func timetable() throws {
    let still = [Float](repeating: 1, count: 14)
    // Call 0; 1 follows a computed one; 2 is below first-enhance; then streaks of four.
    let run = try replay("speca:site=output,longest=4", still)
    #expect(run.picture(lane: 0) == "CpCppppCppppCp")
    #expect(run.lanes[0][7].reason == .cap)
    #expect(
      try replay("speca:site=output,longest=1,first-enhance=1", still).picture(lane: 0) == "CpCpCpCpCpCpCp")
  }

  @Test("a call that fails its check stays predicted, and the next one is computed")
  func check() throws {
    // Held 1 against 1, 1, 1, 1, 1.25, …: the fifth call is wrong by 0.2. Counts: calls 1 and 2 unchecked.
    let values: [Float] = [1, 1, 1, 1, 1.25, 1.25, 1.25, 1.25, 1.25]
    let run = try replay("speca:site=output,order=0,first-enhance=1,base=0.1,decay=1", values)
    #expect(run.picture(lane: 0) == "CppppCppp")
    #expect(run.lanes[0][4].signal == 0 && run.lanes[0][4].reason == .check)
    expectClose(try #require(run.lanes[0][5].signal), 0.2, relative: 1e-6)
    #expect(run.lanes[0][5].reason == .check && run.lanes[0][5].threshold == 0.1)
    // Equality predicts, and what is allowed falls to the floor.
    let wide = try replay("speca:site=output,order=0,first-enhance=1,base=0.5,decay=1", values)
    #expect(wide.picture(lane: 0) == "Cpppppppp")
    // tau = max(0.5 · 0.01^(5/9), 0.01) = 0.0387 at call 5.
    let falling = try replay("speca:site=output,order=0,first-enhance=1,base=0.5,decay=0.01", values)
    expectClose(try #require(falling.lanes[0][5].threshold), 0.038716, relative: 1e-4)
    #expect(falling.picture(lane: 0) == "CppppCppp")
    let floor = try replay("speca:site=output,order=0,first-enhance=1,base=0,floor=0.25", values)
    #expect(floor.picture(lane: 0) == "Cpppppppp")
  }

  @Test("the draft is TaylorSeer's")
  func draft() throws {
    // A line: computed 0 and 2, slope (f_2 − f_0) / 2 from then on, exact.
    let run = try replay("speca:site=output,order=1,base=0.01", (0..<9).map { 1 + Float($0) })
    #expect(run.picture(lane: 0) == "CpCpppppp")
    #expect(run.callErrors[0][3...].allSatisfy { $0 < 1e-6 } && run.callErrors[0][1] == 0.5)
  }
}
