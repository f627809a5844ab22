import Testing
import Trace

@testable import WorldCache

@Suite("spectrum")
struct SpectrumPolicyTests {
  private func computed(_ spec: String, _ calls: Int = 50) throws -> [Int] {
    try StreamReplay("spectrum:site=output,\(spec)", Synthetic(.still, seed: 1, calls: calls, tokens: 1))
      .computedPositions
  }

  @Test("flex 0.75: 14 of 50; 3: 10; 0: 27, every second")
  func timetables() throws {
    #expect(try computed("flex=0.75") == [0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 25, 31, 38, 46])
    #expect(try computed("flex=3").count == 10)
    #expect(try computed("flex=0") == Array(0..<5) + Array(stride(from: 6, to: 50, by: 2)))
  }

  @Test("Chebyshev polynomials over the fixed range of 50 calls")
  func basis() {
    let fit = ChebyshevFit(degree: 4, ridge: 0.1, roundsToBFloat16: false)
    #expect(fit.basis(0) == [1, -1, 1, -1, 1])
    #expect(fit.basis(25) == [1, 0, -1, 0, 1])
    // τ = ½: 1, ½, −½, −1, −½.
    #expect(fit.basis(37.5) == [1, 0.5, -0.5, -1, -0.5])
    #expect(ChebyshevFit(degree: 0, ridge: 1, roundsToBFloat16: false).basis(7) == [1])
  }

  @Test("one observation at τ = −1, degree 1, worked by hand")
  func oneObservation() {
    // X = (1, −1), XᵀX + λ I with λ = 1 is (2 −1; −1 2), its inverse (2 1; 1 2)/3; at τ = 0: (1 0) → (2 1)/3 · X = 1/3.
    let fit = ChebyshevFit(degree: 1, ridge: 1, roundsToBFloat16: false)
    expectClose(fit.weights(times: [0], at: 25)[0], 1.0 / 3, relative: 1e-15)
  }

  @Test("the ridge shrinks constants: published sums .94, .90, .73 on the 0.75 schedule")
  func sums() {
    let anchors = [0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 25, 31, 38].map(Double.init)
    let fit = ChebyshevFit(degree: 4, ridge: 0.1, roundsToBFloat16: false)
    for (time, sum) in [(5.0, 0.94), (14, 0.90), (45, 0.73)] {
      let total = fit.weights(times: anchors.filter { $0 < time }, at: time).reduce(0, +)
      #expect(abs(total - sum) < 0.006, "\(total) at \(time)")
    }
    // Without a ridge to speak of constants, and degree 4, are reproduced.
    let free = ChebyshevFit(degree: 4, ridge: 1e-9, roundsToBFloat16: false)
    let weights = free.weights(times: anchors, at: 45)
    expectClose(weights.reduce(0, +), 1, relative: 1e-5)
    expectClose(
      zip(weights, anchors).reduce(0) { $0 + $1.0 * free.basis($1.1)[4] }, free.basis(45)[4], relative: 1e-4)
  }

  @Test("bfloat16 keeps eight bits, ties to even")
  func rounding() {
    let fit = ChebyshevFit(degree: 2, ridge: 1, roundsToBFloat16: true)
    // τ(1) = −48/50 = −.96 → −.9609375 (−246/256); T_2 = 2 τ² − 1 = .8467… → 2 τ · τ = 1.8467 → 1.84375, − 1.
    #expect(fit.basis(1) == [1, -0.9609375, 0.84375])
  }

  @Test("mix 0 is the line through the last two computed calls")
  func line() throws {
    let replay = try StreamReplay("spectrum:site=output,mix=0", Synthetic(.straight, seed: 3, calls: 30))
    #expect(replay.callErrors[0].allSatisfy { $0 < 1e-6 })
  }
}
