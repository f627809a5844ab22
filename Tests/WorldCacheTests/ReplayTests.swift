import Testing
import Trace

@testable import WorldCache

@Suite("Replay")
struct ReplayTests {
  private func replay(_ spec: String, _ synthetics: Synthetic...) throws -> Replay {
    try Replay(PolicyRegistry.plan(spec), over: synthetics.map(\.geometry))
  }

  private let alternate = "interval:every=2,phase=up"

  @Test("the direct error of hold, worked by hand")
  func directError() throws {
    // Values 1, 3, 4, 8; calls 0 and 2 computed; errors 1 − 3 = −2 at call 1 and 4 − 8 = −4 at call 3.
    // Weights −.1, −.2, −.3, −.4: direct = .4 + 1.6 = 2; by streaks .4² + 1.6² = 2.72. Final norm √16 = 4.
    let replay = try replay(
      alternate,
      Synthetic(tokens: [[1, 3, 4, 8]], weights: [-0.1, -0.2, -0.3, -0.4], finalSquaredNorms: [16]))
    #expect(replay.streams[0].picture == "CpCp")
    expectClose(try #require(replay.streams[0].directSquaredError), 4, relative: 1e-12)
    expectClose(try #require(replay.streams[0].streakSquaredError), 2.72, relative: 1e-12)
    expectClose(try #require(replay.directError), 0.5, relative: 1e-12)
    expectClose(try #require(replay.streakError), 2.72.squareRoot() / 4, relative: 1e-12)
  }

  @Test("errors of opposite sign cancel in the direct error, not in the streak error")
  func cancellation() throws {
    // Errors 0 − 1 = −1 and 0 + 1 = 1 in different streaks, equal weights.
    let replay = try replay(
      alternate, Synthetic(tokens: [[0, 1, 0, -1]], weights: [1, 1, 1, 1], finalSquaredNorms: [1]))
    #expect(replay.directError == 0)
    expectClose(try #require(replay.streakError), 2.0.squareRoot(), relative: 1e-12)
  }

  @Test("holding is one larger Euler step: the direct error is the distance of the two end points")
  func eulerEquivalence() throws {
    for seed in UInt64(1)...6 {
      let synthetic = Synthetic(.smooth, seed: seed, calls: 20, tokens: 4)
      let stream = try StreamReplay("interval:every=4", synthetic)
      var square = 0.0
      for token in 0..<4 {
        for channel in 0..<3 {
          var (exact, cached, held) = (0.0, 0.0, 0.0)
          for position in 0..<20 {
            let value = Double(synthetic.features[0][position][token][channel])
            if stream.decisions[position].action == .compute { held = value }
            exact += synthetic.weights[0][position] * value
            cached += synthetic.weights[0][position] * held
          }
          square += (exact - cached) * (exact - cached)
        }
      }
      // Slack: both are sums of twenty products of order one; distances lose a few digits more.
      expectClose(try #require(stream.directSquaredError), square, relative: 1e-9, "seed \(seed)")
    }
  }

  @Test("two branches: the guided error adds the weighted errors of both, token by token")
  func guidedError() throws {
    // One token. Branch 0: 0, 1; branch 1: 0, 2; call 1 predicted, errors −1 and −2; weights 3 and −2.
    // Guided: 3 · −1 − 2 · −2 = 1.
    let synthetic = Synthetic(
      [[[[0]], [[1]]], [[[0]], [[2]]]], weights: [[3, 3], [-2, -2]], finalSquaredNorms: [4])
    let replay = try replay(alternate, synthetic)
    expectClose(try #require(replay.directError), 0.5, relative: 1e-12)
    expectClose(try #require(replay.streakError), 0.5, relative: 1e-12)
    // Relative to the branch's own value both are 1.
    #expect(replay.streams[0].callErrors == [[0, 1], [0, 1]])
    #expect(replay.streams[0].growth.map(\.count) == [2])
  }

  @Test("relative errors use the root mean square over tokens")
  func scale() throws {
    // Token 0 is zero for ever; token 1 goes 3, 4. Call 1: mean square of the value (0 + 16) / 2 = 8, of the
    // error (0 + 1) / 2: ratio 1/16, call error 1/4. Worst token 1 / √8. Token sums 0 / 8 and 1 / 8.
    let stream = try StreamReplay(alternate, Synthetic(tokens: [[0, 0], [3, 4]]))
    expectClose(stream.callErrors[0][1], 0.25, relative: 1e-14)
    expectClose(stream.worstTokenErrors[1], 1 / 8.0.squareRoot(), relative: 1e-14)
    #expect(stream.tokenSquaredErrors == [0, 0.125])
  }

  @Test("a value that is zero throughout has no error when predicted as zero")
  func zeroScale() throws {
    let stream = try StreamReplay(alternate, Synthetic(tokens: [[0, 0], [0, 0]]))
    #expect(stream.callErrors == [[0, 0]])
    #expect(stream.worstTokenErrors == [0, 0])
    #expect(stream.tokenSquaredErrors == [0, 0])
    // And no 0/0 for a final latent of norm zero.
    #expect(try replay(alternate, Synthetic(tokens: [[0, 0]], finalSquaredNorms: [0])).directError == 0)
  }

  @Test("hot tokens are ranked by their share of the error")
  func bottlenecks() throws {
    // Errors at call 1: token 1 moves by 1, token 3 by 2, so shares are 1/5 and 4/5.
    let synthetic = Synthetic(tokens: [[5, 5], [1, 2], [5, 5], [1, 3], [5, 5]])
    let ranked = try replay(alternate, synthetic).bottlenecks(limit: 3)
    #expect(ranked.map(\.token) == [3, 1, 0])
    for (value, expected) in zip(ranked.map(\.share), [0.8, 0.2, 0]) {
      expectClose(value, expected, relative: 1e-12)
    }
    #expect(try replay(alternate, synthetic).bottlenecks(limit: 99).count == 5)
  }

  @Test("a single hot token carries everything; without error there is none")
  func hotToken() throws {
    let hot = (0..<6).map { token in (0..<9).map { Float(token == 4 ? $0 : 1) } }
    let first = try #require(try replay("interval", Synthetic(tokens: hot)).bottlenecks(limit: 1).first)
    #expect(first.token == 4)
    #expect(first.share == 1)
    #expect(try replay("always", Synthetic(tokens: hot)).bottlenecks(limit: 1).isEmpty)
  }

  @Test("seconds: computed and skipped steps at their own times, branches of a step together")
  func seconds() throws {
    func chunk(_ index: Int) -> Synthetic {
      Synthetic(
        Array(repeating: [[[1]], [[1]], [[1]], [[1]]], count: 2),
        stretchSeconds: [.latent: 0.25, .block(1): 0.5, .output: 0.25], chunk: index)
    }
    // A call takes 1 s, and 0.25 s when it is predicted at latent; two branches, CpCp:
    // 2 · (2 · 1 + 2 · 0.25) = 5 of 2 · 4 · 1 = 8, twice.
    let replay = try replay(alternate, chunk(0), chunk(1))
    #expect(replay.seconds == 10)
    #expect(replay.uncachedSeconds == 16)
    #expect(replay.streams.map(\.picture) == ["CpCp", "CpCp"])
    #expect(replay.streams.map(\.chunk) == [0, 1])
    #expect(replay.computedCount == 4)
    #expect(replay.callCount == 8)
  }

  @Test("chunks are added up before roots are taken")
  func chunks() throws {
    // Chunk 0: error −1 · w 1, final² 9; chunk 1: error −4, final² 8. Direct √(1 + 16) / √17 = 1.
    let first = Synthetic(tokens: [[1, 2]], weights: [1, 1], finalSquaredNorms: [9])
    let second = Synthetic(tokens: [[4, 8]], weights: [1, 1], finalSquaredNorms: [8])
    let both = try replay(alternate, first, second)
    expectClose(try #require(both.directError), 1, relative: 1e-12)
    // Both calls err by half their value.
    expectClose(both.meanCallError, 0.5, relative: 1e-12)
    expectClose(both.worstCallError, 0.5, relative: 1e-12)
    expectClose(both.worstTokenError, 0.5, relative: 1e-12)
    // A chunk without a recorded end leaves no whole to be relative to.
    #expect(try replay(alternate, first, Synthetic(tokens: [[4, 8]])).directError == nil)
  }

  @Test("error growth is the root mean square by distance from the last computed call")
  func growth() throws {
    // up, K = 3, 6 calls: CppCpp. Values 1, 2, 2 | 1, 1, 4: relative errors 1/2, 1/2 and 0, 3/4.
    // Distance 1: √((1/4 + 0) / 2); distance 2: √((1/4 + 9/16) / 2).
    let growth = try replay("interval:phase=up", Synthetic(tokens: [[1, 2, 2, 1, 1, 4]])).errorGrowth
    #expect(growth.count == 2)
    expectClose(growth[0], 0.125.squareRoot(), relative: 1e-12)
    expectClose(growth[1], (13.0 / 32).squareRoot(), relative: 1e-12)
  }

  @Test("signals of calls that were not computed are out of reach")
  func closedSignals() async {
    await #expect(processExitsWith: .failure) {
      let synthetic = Synthetic(.still, seed: 1, calls: 3)
      _ = GeometrySignals(synthetic.geometry).norms(of: Combination(valueAt: 0))
    }
  }
}
