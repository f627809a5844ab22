import Testing
import Trace

@testable import WorldCache

@Suite("Ideal schedules")
struct IdealSearchTests {
  /// A predictor, its naive twin and how an ideal of it is written.
  struct Twin: Sendable, CustomTestStringConvertible {
    let predictor: any Predictor
    let naive: NaivePredictor
    let settings: String
    var testDescription: String { settings }
  }

  static let twins: [Twin] = [
    Twin(predictor: HoldPredictor(), naive: .hold, settings: "predictor=hold"),
    Twin(
      predictor: TaylorPredictor(order: 1), naive: .taylor(order: 1, firstEnhance: 1),
      settings: "predictor=taylor,order=1"),
    Twin(
      predictor: TaylorPredictor(order: 2, firstEnhance: 3), naive: .taylor(order: 2, firstEnhance: 3),
      settings: "predictor=taylor,order=2,first-enhance=3"),
    Twin(predictor: DampedPredictor(nMax: 3), naive: .damped(nMax: 3), settings: "predictor=damped,n-max=3"),
    Twin(
      predictor: GroupedPredictor(pStable: 0.3, pChaotic: 0.6, nMax: 4),
      naive: .grouped(pStable: 0.3, pChaotic: 0.6, nMax: 4), settings: "predictor=worldcache,n-max=4"),
  ]

  /// Slack between a search on distances and a naive replay of features: costs are sums of squared norms,
  /// which lose (largest term / result) of fifteen digits; the features here differ by a good part of
  /// themselves.
  static let slack = 1e-9

  @Test("equals trying every schedule", arguments: twins)
  func equalsBruteForce(twin: Twin) throws {
    for seed in UInt64(1)...2 {
      for branches in 1...2 {
        for family in [Synthetic.Family.smooth, .random, .tied] {
          let synthetic = Synthetic(family, seed: seed, branches: branches, calls: 7, tokens: 5, channels: 2)
          try BruteForce([synthetic], twin).check("\(family), seed \(seed), branches \(branches)")
        }
      }
    }
    let longer = Synthetic(.smooth, seed: 9, branches: 2, calls: 9, tokens: 4, channels: 2)
    try BruteForce([longer], twin).check("smooth, seed 9, 9 calls, 2 branches")
  }

  @Test("equals trying every schedule over several traces", arguments: twins)
  func severalTraces(twin: Twin) throws {
    for (seed, count) in [(3, 2), (4, 3)] {
      let traces = (0..<count).map {
        Synthetic(
          .smooth, seed: UInt64(100 * seed + $0), branches: 1 + seed % 2, calls: 7, tokens: 3 + $0,
          channels: 2)
      }
      try BruteForce(traces, twin).check("\(count) traces, seed \(seed)")
    }
  }

  @Test("keeps warm-up, the longest streak and the last call", arguments: twins)
  func constraints(twin: Twin) throws {
    let synthetic = Synthetic(.smooth, seed: 4, calls: 7, tokens: 5, channels: 2)
    let force = BruteForce([synthetic], twin)
    for warmUp in [0, 2, 4, 7, 9] {
      for longest in [nil, 0, 1, 3] {
        for last in [false, true] {
          try force.check(
            "warm-up \(warmUp), longest \(longest.map(String.init) ?? "any"), last computed \(last)",
            ScheduleConstraints(warmUp: warmUp, longestStreak: longest, lastComputed: last))
        }
      }
    }
  }

  @Test("streams of one and two calls", arguments: twins, [1, 2])
  func shortStreams(twin: Twin, calls: Int) throws {
    try BruteForce([Synthetic(.random, seed: 6, calls: calls)], twin).check("\(calls) calls")
  }

  @Test("stops at the number of computed calls asked for")
  func upTo() throws {
    let synthetic = Synthetic(.smooth, seed: 5, calls: 8)
    let full = try IdealSearch([synthetic.geometry], TaylorPredictor(order: 2))
    let short = try IdealSearch([synthetic.geometry], TaylorPredictor(order: 2), upTo: 3)
    #expect(short.costs == Array(full.costs[...3]))
    #expect(short.schedule(computing: 3) == full.schedule(computing: 3))
    #expect(short.schedule(computing: 4) == nil)
    #expect(full.schedule(computing: 0) == nil)
    #expect(full.costs[0] == .infinity)
    #expect(full.costs[8] == 0)
  }

  @Test("computes right at a planted jump", arguments: Objective.exact, [1, 3, 6])
  func plantedJump(objective: Objective, at jump: Int) throws {
    // Two tokens stand still but for one jump: two computed calls suffice, and only this pair has no error.
    let synthetic = Synthetic(
      tokens: [(0..<8).map { $0 < jump ? 1 : 4 }, (0..<8).map { $0 < jump ? 2 : 1 }])
    let search = try IdealSearch([synthetic.geometry], HoldPredictor(), Aim(objective))
    #expect(search.schedule(computing: 2) == [0, jump])
    // Slack: solver weights of a streak are added up and cancel to one part in 1e16 of their norm, squared.
    #expect(search.costs[2] < 1e-25)
    #expect(search.costs[1] > 1e-3)
  }

  @Test("its replay has exactly the cost that the search promised", arguments: twins, Objective.exact)
  func promisedCost(twin: Twin, objective: Objective) throws {
    for seed in UInt64(1)...2 {
      let synthetic = Synthetic(.smooth, seed: seed, branches: 2, calls: 12, tokens: 6)
      let search = try IdealSearch([synthetic.geometry], twin.predictor, Aim(objective))
      for computed in [5, 8, 12] {
        let replay = try StreamReplay(
          "ideal:\(twin.settings),calls=\(computed),objective=\(objective.rawValue)", synthetic)
        #expect(replay.computedPositions == search.schedule(computing: computed))
        let errors = replay.callErrors.joined()
        let cost =
          switch objective {
          case .streak: try #require(replay.streakSquaredError) / #require(replay.finalSquaredNorm)
          case .additive: errors.reduce(0) { $0 + $1 * $1 }
          case .minimax, .lexicographic: errors.max()!
          case .direct: Double.nan
          }
        expectClose(
          cost, search.costs[computed], relative: IdealSearchTests.slack, absolute: 1e-13,
          "seed \(seed), \(computed) calls")
      }
    }
  }

  @Test(
    "no replay beats the ideal of its own predictor and number of computed calls",
    arguments: [
      "interval:every=2", "interval:every=4,phase=up", "taylor:interval=3,order=1",
      "taylor:interval=4,order=2",
      "taylor:interval=2,order=0,first-enhance=1", "worldcache:eta=0.3",
      "worldcache:n-max=2,eta=1000,warmup=0",
      "worldcache:eta=1,p-stable=0,p-chaotic=0",
    ])
  func bound(spec: String) throws {
    for (seed, family) in zip(1..., Synthetic.Family.allCases) {
      let synthetic = Synthetic(family, seed: UInt64(seed), branches: 1 + seed % 2, calls: 13, tokens: 6)
      let policy = try PolicyRegistry.plan(spec).policy(for: synthetic.geometry)
      let replay = StreamReplay(policy, over: synthetic.geometry)
      let computed = replay.computedPositions.count
      let search = try IdealSearch([synthetic.geometry], try #require(policy.predictor), upTo: computed)
      #expect(
        try search.costs[computed] <= #require(replay.streakSquaredError) / #require(replay.finalSquaredNorm)
          * (1 + IdealSearchTests.slack),
        "\(family), seed \(seed), \(replay.picture)")
    }
  }

  @Test("refuses predictors that look back further, and endless streams")
  func refusals() {
    expectPolicyError(
      "the ideal schedule is exact for predictors that look back on at most 3 computed calls; "
        + "'taylor' as set looks back on 4"
    ) {
      _ = try IdealSearch([Synthetic(.still, seed: 1, calls: 5).geometry], TaylorPredictor(order: 3))
    }
    for (predictor, limit) in [(HoldPredictor() as any Predictor, 250), (DampedPredictor(nMax: 6), 100)] {
      let long = Synthetic(.still, seed: 1, calls: limit + 1, tokens: 1, channels: 1)
      expectPolicyError(
        "the ideal schedule of '\(predictor.name)' is searched for up to \(limit) calls in a chunk; "
          + "this one has \(limit + 1)"
      ) { _ = try IdealSearch([long.geometry], predictor) }
    }
  }
}
