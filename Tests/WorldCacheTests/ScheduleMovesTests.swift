import Testing

@testable import WorldCache

@Suite("Local search over schedules")
struct ScheduleMovesTests {
  // Distance of the computed calls from wanted ones: every move towards them helps.
  private func distance(_ schedule: [Int], to wanted: [Int]) -> Double {
    zip(schedule, wanted).reduce(0) { $0 + Double(abs($1.0 - $1.1)) }
  }

  @Test("finds a planted schedule, and answers nil when the start is not allowed")
  func planted() throws {
    let found = try #require(
      ScheduleMoves.improve([0, 1, 2, 3], callCount: 12, ScheduleConstraints()) {
        distance($0, to: [0, 4, 7, 11])
      })
    #expect(found.schedule == [0, 4, 7, 11] && found.cost == 0)
    #expect(ScheduleMoves.improve([0, 1], callCount: 4, ScheduleConstraints()) { _ in nil } == nil)
  }

  @Test("keeps warm-up, the longest streak and the last call")
  func constraints() throws {
    let constraints = ScheduleConstraints(warmUp: 2, longestStreak: 4, lastComputed: true)
    let found = try #require(
      ScheduleMoves.improve([0, 1, 5, 9, 11], callCount: 12, constraints) {
        distance($0, to: [0, 2, 3, 4, 10])
      })
    #expect(constraints.allow(found.schedule, callCount: 12))
    // CCppCppppC.C is what is nearest: the streak before call 11 may have four calls.
    #expect(found.schedule.prefix(2) == [0, 1] && found.schedule.last == 11)
  }

  @Test(
    "constraints allow what they say",
    arguments: [
      ([0, 1, 4], ScheduleConstraints(), true), ([1, 4], ScheduleConstraints(), false),
      ([0, 1, 4], ScheduleConstraints(warmUp: 2), true), ([0, 2, 4], ScheduleConstraints(warmUp: 2), false),
      ([0, 1, 4], ScheduleConstraints(longestStreak: 2), true),
      ([0, 1, 4], ScheduleConstraints(longestStreak: 1), false),
      ([0, 2], ScheduleConstraints(longestStreak: 2), false),
      ([0, 5], ScheduleConstraints(lastComputed: true), true),
      ([0, 4], ScheduleConstraints(lastComputed: true), false),
    ])
  func allows(schedule: [Int], constraints: ScheduleConstraints, isAllowed: Bool) {
    // Six calls.
    #expect(constraints.allow(schedule, callCount: 6) == isAllowed)
  }
}
