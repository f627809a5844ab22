import Testing
import Trace

@testable import WorldCache

@Suite("foca")
struct FoCaPolicyTests {
  private func errors(_ spec: String, _ values: [Float]) throws -> [Double] {
    let replay = try StreamReplay("foca:site=output,\(spec)", Synthetic(tokens: [values]))
    // Signed by hand below: the recorded value grows, so |p − f| with its size is enough.
    return zip(replay.callErrors[0], values).map { $0 * Double($1) }
  }

  @Test("a line is overshot (g + 1)/2 times on the first skip after a gap of g")
  func line() throws {
    // f = 10 + s, computed at 0, 1, 2, 6, 10: C C C p p p C p p p C. After 2, gap 1: 12 + e/2 (1 + 1) is right at
    // e = 1; the last two values then are p(3) = 13 and f_2, so 14 and 15 are right too.
    // After 6, gap 4: full − prev = 4 and now − last = 16 − p(5) = 1: 16 + ½ · 5 = 18.5 against 17.
    // Then now − last = 18.5 − 16: 16 + 1 · 6.5 = 22.5 against 18; then 4: 16 + 1.5 · 8 = 28 against 19.
    let found = try errors("interval=4", (0..<11).map { 10 + Float($0) })
    for (value, expected) in zip(found, [0, 0, 0, 0, 0, 0, 0, 1.5, 4.5, 9, 0]) {
      expectClose(value, expected, relative: 1e-12, absolute: 1e-12)
    }
  }

  @Test("with the gap normalised a line is followed")
  func normalised() throws {
    let found = try errors("interval=4,normalise-gap=on", (0..<11).map { 10 + Float($0) })
    #expect(found.allSatisfy { $0 < 1e-9 })
  }

  @Test("beyond three calls the step of three is mixed with the newest value")
  func damping() throws {
    // f = s, interval 6: after 2, e = 1, 2, 3 are 3, 4, 5. e = 4: ¾ (2 + 1.5 (1 + 1)) + ¼ · 2 = 4.25 against 6;
    // e = 5: now − last = 4.25 − 5, slope .25: 3/5 (2 + .375) + 2/5 · 2 = 2.225 against 7.
    let found = try errors("interval=6", (0..<9).map { Float($0) })
    for (value, expected) in zip(found, [0, 0, 0, 0, 0, 0, 1.75, 4.775, 0]) {
      expectClose(value, expected, relative: 1e-12, absolute: 1e-12)
    }
  }

  @Test("with one computed value it is held")
  func fallback() throws {
    let found = try errors("interval=3,first-enhance=1", [5, 6, 7, 8])
    for (value, expected) in zip(found, [0, 1, 2, 0.0]) { expectClose(value, expected, relative: 1e-12) }
  }

  @Test("weights sum to 1")
  func sums() throws {
    var policy = try PolicyRegistry.plan("foca:site=output,interval=9").policy(
      for: Synthetic(.still, seed: 1, calls: 40).geometry)
    let signals = GeometrySignals.open(Synthetic(.still, seed: 1, calls: 40).geometry)
    policy.begin(.plain(40))
    for position in 0..<40 {
      switch policy.decide(at: position, signals: signals).action {
      case .compute: policy.computed(at: position, signals: signals)
      case .predict:
        let combination = policy.prediction(at: position, signals: signals).combinations[0]
        expectClose(combination.weightSum, 1, relative: 1e-9)
      }
    }
  }
}
