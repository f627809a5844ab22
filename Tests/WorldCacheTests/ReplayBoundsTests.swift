import Testing
import Trace

@testable import WorldCache

@Suite("Replays with their bounds")
struct ReplayBoundsTests {
  private func table(
    _ specs: [String], _ synthetics: [Synthetic], withBounds: Bool = true
  ) throws -> [Replay] {
    let geometries = synthetics.map(\.geometry)
    return try ReplayBatch(
      plans: PolicySweep.plans(specs, limit: 100), traces: [("made up", { { _ in geometries } })],
      bounds: withBounds ? .ideals : .none, figures: .table, workerCount: 2
    ).run { _, _, replay in replay }.rows
  }

  private let smooth = Synthetic(.smooth, seed: 1, calls: 12, tokens: 5)

  @Test("always comes first, and every policy is followed by the ideal of its own predictor")
  func rows() throws {
    let rows = try table(["interval:every=4", "taylor:interval=4,order=1"], [smooth])
    // interval: j = 11, 8, 4, 0, that is calls 0, 3, 7, 11. taylor: 0, 1, 2, 6, 10.
    #expect(
      rows.map(\.spec.description) == [
        "always", "interval:every=4,phase=down,site=output",
        "ideal:predictor=hold,calls=4,objective=streak,site=output",
        "taylor:interval=4,order=1,first-enhance=3,site=output",
        "ideal:predictor=taylor,calls=5,objective=streak,site=output,order=1,first-enhance=3",
      ])
    for (row, ideal) in [(rows[1], rows[2]), (rows[3], rows[4])] {
      #expect(row.computedCount == ideal.computedCount)
      // Slack: both costs are sums of squared norms from the same distances.
      #expect(try #require(ideal.streakError) <= #require(row.streakError) * (1 + 1e-9))
    }
  }

  @Test("the gap is the error over that of the ideal, and no replay is below 1")
  func gaps() throws {
    for (seed, family) in zip(UInt64(51)..., [Synthetic.Family.smooth, .random, .tied]) {
      let synthetic = Synthetic(family, seed: seed, branches: 1 + Int(seed % 2), calls: 13, tokens: 5)
      let rows = try table(
        [
          "interval:every=4", "taylor:interval=4,order=2", "hicache:interval=3,site=output", "always",
          "taylor:order=3",
        ],
        [synthetic])
      for (place, row) in rows.enumerated() {
        let comment = Comment(rawValue: "\(family), seed \(seed), \(row.spec)")
        switch row.spec.name {
        case "always": #expect(row.gap == nil, comment)
        case "ideal": #expect(row.gap == 1, comment)
        case _ where row.spec.settings.contains(.init("order", "3")): #expect(row.gap == nil, comment)
        default:
          let ideal = rows[place + 1]
          try #require(ideal.spec.name == "ideal", comment)
          let gap = try #require(row.gap, comment)
          expectClose(
            gap, try #require(row.streakError) / #require(ideal.streakError), relative: 1e-12, "\(comment)")
          #expect(gap >= 1 - 1e-9, comment)
        }
      }
    }
  }

  @Test("at sites inside the network the gap is of the call errors; without ideals there is none")
  func otherGaps() throws {
    let synthetic = Synthetic(
      Synthetic.features(.smooth, seed: 3, branches: 1, calls: 12, tokens: 4, channels: 2), site: .hidden)
    let rows = try table(["interval:every=4,site=hidden"], [synthetic])
    try #require(rows.map(\.spec.name) == ["always", "interval", "ideal"])
    func size(_ replay: Replay) -> Double {
      replay.streams.flatMap { $0.callErrors.joined() }.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    expectClose(try #require(rows[1].gap), size(rows[1]) / size(rows[2]), relative: 1e-12)
    #expect(try #require(rows[1].gap) > 1)
    #expect(try table(["interval"], [smooth], withBounds: false)[0].gap == nil)
  }

  @Test("without bounds there are the policies alone, in the order given")
  func withoutBounds() throws {
    let rows = try table(["taylor", "interval"], [smooth], withBounds: false)
    #expect(rows.map(\.spec.name) == ["taylor", "interval"])
  }

  @Test("no ideal for what never predicts, for ideals, and for longer memories")
  func noIdeal() throws {
    let specs = ["always", "ideal:calls=5", "taylor:order=3", "interval:every=1"]
    #expect(try table(specs, [smooth]).map(\.spec.name) == ["always", "ideal", "taylor", "interval"])
  }

  @Test("what is asked for twice stands once")
  func twice() throws {
    let rows = try table(["interval", "interval:every=3", "interval:every=3,phase=down"], [smooth])
    #expect(rows.map(\.spec.name) == ["always", "interval", "ideal"])
  }

  @Test("each chunk's ideal has the number of computed calls of the policy in that chunk")
  func chunks() throws {
    // The same predictor with two thresholds. In chunk 0 nothing moves, so both compute as little as they
    // may; in chunk 1 everything does, so they differ: two ideals that agree in chunk 0 only.
    let chunks = [
      Synthetic(.still, seed: 1, calls: 15, tokens: 5, chunk: 0),
      Synthetic(.random, seed: 2, calls: 15, tokens: 5, chunk: 1),
    ]
    let rows = try table(["worldcache:eta=0.000001", "worldcache:eta=1000000000"], chunks)
    let policies = rows.filter { $0.spec.name == "worldcache" }
    let counts = policies.map { $0.streams.map(\.computedCount) }
    #expect(counts[0][0] == counts[1][0] && counts[0][1] > counts[1][1])
    for policy in policies {
      let wanted = policy.streams.map(\.computedCount)
      #expect(
        rows.contains { $0.spec.name == "ideal" && $0.streams.map(\.computedCount) == wanted },
        "no ideal with \(wanted) computed calls")
    }
  }

  @Test("some chunks of a trace have their own numbers too")
  func laterChunks() throws {
    // The numbers of an ideal are read by the chunk's number, not by its place among the geometries.
    let chunks = [
      Synthetic(.still, seed: 1, calls: 15, tokens: 5, chunk: 1),
      Synthetic(.random, seed: 2, calls: 15, tokens: 5, chunk: 2),
    ]
    let rows = try table(["worldcache:eta=0.000001"], chunks)
    try #require(rows.map(\.spec.name) == ["always", "worldcache", "ideal"])
    let counts = rows.map { $0.streams.map(\.computedCount) }
    #expect(counts[1][0] != counts[1][1])
    #expect(counts[2] == counts[1])
  }

  @Test("a stream too long for the exact search is replayed without its ideal")
  func longStream() throws {
    // The search covers 250 calls; the policy itself has no such limit.
    let long = Synthetic(.still, seed: 1, calls: 251, tokens: 1, channels: 1)
    #expect(try table(["interval"], [long]).map(\.spec.name) == ["always", "interval"])
  }
}
