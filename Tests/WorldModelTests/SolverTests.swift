import Testing

@testable import WorldModel

struct SolverTests {
  // u = 1, 1/2, 0 and s = 3: 3 · 1/2 / (1 + 2 · 1/2) = 3/4.
  @Test func twoStepsByHand() {
    let schedule = Schedule(stepCount: 2, shift: 3)
    #expect(schedule.sigmas == [1, 0.75, 0])
    #expect(Solver.euler.weights(schedule) == [-0.25, -0.75])
  }

  @Test(arguments: [(1, 1.0), (7, 1.0), (50, 3.0), (20, 0.5)])
  func schedulesRunFromNoiseToClean(stepCount: Int, shift: Double) {
    let schedule = Schedule(stepCount: stepCount, shift: shift)
    #expect(schedule.sigmas.count == stepCount + 1)
    #expect(schedule.sigmas.first == 1 && schedule.sigmas.last == 0)
    #expect(zip(schedule.sigmas, schedule.sigmas.dropFirst()).allSatisfy { $0 > $1 })
    let weights = Solver.euler.weights(schedule)
    #expect(weights.count == stepCount)
    // A telescoping sum: exact but for rounding.
    #expect(abs(weights.reduce(0, +) + 1) < 1e-12)
  }
}
