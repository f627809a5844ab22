import Testing
import Trace

@testable import WorldCache

@Suite("dmd")
struct DMDPolicyTests {
  /// Inner products of snapshots given by their values.
  private func gram(_ snapshots: [[Double]]) -> [[Double]] {
    snapshots.map { a in snapshots.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } } }
  }

  private func predicted(_ snapshots: [[Double]], horizon: Double) throws -> [Double] {
    let modes = try #require(DynamicModes(gram: gram(snapshots)))
    let weights = try #require(modes.weights(horizon: horizon))
    return snapshots[0].indices.map { channel in
      zip(snapshots.dropFirst(), weights).reduce(0) { $0 + $1.0[channel] * $1.1 }
    }
  }

  @Test("a decaying exponential is carried on exactly, also by a part of a spacing")
  func decay() throws {
    // y = (8, 4) · 2^−t: one mode with eigenvalue ½. Slack: the ridge of 1e-8 beside singular values of order 10.
    let snapshots = (0..<4).map { t in [8, 4].map { $0 / Double(1 << t) } }
    for (horizon, factor) in [(1.0, 0.5), (2, 0.25), (0.5, 0.5.squareRoot())] {
      for (value, expected) in zip(try predicted(snapshots, horizon: horizon), [1.0, 0.5]) {
        expectClose(value, expected * factor, relative: 1e-7)
      }
    }
  }

  @Test("a rotation is carried on: a pair of complex eigenvalues")
  func rotation() throws {
    // A quarter turn a step: (1, 0), (0, 1), (−1, 0), (0, −1), then (1, 0), and half a step before (√½, −√½).
    let snapshots: [[Double]] = [[1, 0], [0, 1], [-1, 0], [0, -1]]
    let root = 0.5.squareRoot()
    for (horizon, expected) in [(1.0, [1, 0]), (2, [0, 1]), (0.5, [root, -root])] {
      for (value, expected) in zip(try predicted(snapshots, horizon: horizon), expected) {
        expectClose(value, expected, relative: 1e-6, absolute: 1e-6)
      }
    }
  }

  @Test("a decay and an oscillation together, in six snapshots")
  func mixture() throws {
    func value(_ t: Double) -> [Double] {
      // Turns of 120 degrees by their three values, so that no function is needed.
      let turn: [(Double, Double)] = [(1, 0), (-0.5, 0.75.squareRoot()), (-0.5, -0.75.squareRoot())]
      let (x, y) = turn[Int(t) % 3]
      var decay = 3.0
      for _ in 0..<Int(t) { decay *= 0.8 }
      return [x + decay, y, 2 * decay - y]
    }
    let snapshots = (0..<6).map { value(Double($0)) }
    for horizon in [1.0, 2, 4] {
      for (found, expected) in zip(try predicted(snapshots, horizon: horizon), value(5 + horizon)) {
        expectClose(found, expected, relative: 1e-6, absolute: 1e-6)
      }
    }
  }

  @Test("zero snapshots have no modes")
  func zero() {
    #expect(DynamicModes(gram: gram([[0], [0], [0], [0]])) == nil)
  }

  @Test("eigenvalues of a triangle and of a companion matrix")
  func eigenvalues() throws {
    // x³ − 6 x² + 11 x − 6 = (x − 1)(x − 2)(x − 3).
    let companion = [[6.0, -11, 6], [1, 0, 0], [0, 1, 0]].map { $0.map { Complex($0) } }
    let (values, vectors) = try #require(Complex.eigen(companion))
    for (value, expected) in zip(values.map(\.real).sorted(), [1.0, 2, 3]) {
      expectClose(value, expected, relative: 1e-9)
    }
    for (value, vector) in zip(values, vectors) {
      for row in 0..<3 {
        let image = zip(companion[row], vector).reduce(Complex(0)) { $0 + $1.0 * $1.1 }
        #expect((image - value * vector[row]).magnitude < 1e-9)
      }
    }
  }

  @Test("the longest equally spaced run up to the newest call")
  func run() {
    #expect(ModeForecaster.run([12, 9, 6, 3, 2, 1]) == [3, 6, 9, 12])
    #expect(ModeForecaster.run([12, 10, 9, 8]) == [10, 12])
    #expect(ModeForecaster.run([4]) == [4])
  }

  @Test("four values decay exactly; otherwise a line over two gaps; branches apart")
  func replay() throws {
    // Branch 0 halves, branch 1 doubles with each call: one common mode would fit neither.
    let halves: [[[Float]]] = (0..<9).map { [[256 / Float(1 << $0)]] }
    let doubles: [[[Float]]] = (0..<9).map { [[Float(1 << $0)]] }
    let replay = try StreamReplay("dmd:site=output", Synthetic([halves, doubles]))
    #expect(replay.picture == "CCCCppCpp")
    for branch in 0..<2 {
      for position in 4...5 { #expect(replay.callErrors[branch][position] < 1e-6) }
    }
    // After call 6 the run is 3, 6: the line's slope is (f_6 − f_2) / 3 = −20, call 7 at 4 − 20 against 2.
    expectClose(replay.callErrors[0][7], 9, relative: 1e-6)
  }
}
