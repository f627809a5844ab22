import Testing

@testable import Trace
@testable import WorldCache

@Suite("Tables by token set")
struct TokenSetTests {
  private static let (callCount, tokenCount, channelCount) = (9, 8, 3)

  /// Features of two branches whose even tokens are rgb and whose odd ones are disparity, two frames of each;
  /// with only some of the tokens when `members` says which.
  private func geometry(seed: UInt64, _ members: [Int]? = nil) -> Geometry {
    let features = Synthetic.features(
      .smooth, seed: seed, branches: 2, calls: Self.callCount, tokens: Self.tokenCount,
      channels: Self.channelCount)
    let members = members ?? Array(0..<Self.tokenCount)
    let tokens = members.map {
      TokenTable.Token(
        modality: $0 % 2, frame: $0 / 4, row: 0, column: $0 % 4 / 2, validChannels: Self.channelCount)
    }
    let modalities = ["rgb", "disparity"]
    let calls = Synthetic(features).geometry.calls
    return Geometry(
      site: .output, calls: calls, tokens: tokens, modalities: modalities,
      distances: DistanceTable(
        points: features.flatMap { $0.map { call in members.flatMap { call[$0] } } },
        tokenCount: tokens.count,
        channelCount: Self.channelCount, sets: TokenSet.sets(of: tokens, modalities: modalities)))
  }

  @Test("sets are all tokens, then modalities, then frames")
  func sets() {
    #expect(geometry(seed: 1).sets.map(\.name) == ["all", "rgb", "disparity", "0", "1"])
    #expect(geometry(seed: 1).sets.map(\.members.count) == [8, 4, 4, 4, 4])
  }

  @Test("sums of a set are sums of its tokens' distances, of combinations too")
  func totals() {
    let geometry = geometry(seed: 2)
    let table = geometry.distances
    let combination = Combination(valueAt: 1) * 2 - Combination(valueAt: 4) * 0.5
    for (place, set) in geometry.sets.enumerated() {
      for u in 0..<table.pointCount {
        for v in (u + 1)...table.pointCount {
          let row = table.squaredDistances(u, v)
          expectClose(
            table.total(u, v, set: place), set.members.reduce(0) { $0 + row[$1] }, relative: 1e-14,
            "\(set.name): \(u), \(v)")
        }
      }
      let weights = geometry.weights(of: combination, branch: 1)
      let norms = table.squaredNorms(weights)
      expectClose(
        table.sumOfSquaredNorms(of: weights, set: place), set.members.reduce(0) { $0 + norms[$1] },
        relative: 1e-12, "\(set.name)")
      let emitted = geometry.emissionSquaredNorms(3, branch: 1)
      expectClose(
        geometry.meanSquare(3, branch: 1, set: place),
        set.members.reduce(0) { $0 + emitted[$1] } / Double(set.members.count), relative: 1e-12)
    }
  }

  @Test("tiles may come in any order, and their borders do not show")
  func tiles() {
    let sets = geometry(seed: 3).sets
    let rows: [[Double]] = (0..<3).map { pair in (0..<8).map { Double(1 << $0 + pair) } }
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
      let totals = PairTotals(sets, pairCount: 3)
      let places = [0..<3, 3..<4, 4..<8]
      for index in order { totals.add(rows.flatMap { $0[places[index]] }, at: places[index]) }
      for (place, set) in sets.enumerated() {
        #expect(totals.totals[place] == rows.map { row in set.members.reduce(0) { $0 + row[$1] } })
      }
    }
  }

  @Test(
    "the ideal of a token set is that of a trace without the other tokens",
    arguments: [
      HoldPredictor(), TaylorPredictor(order: 1), DampedPredictor(nMax: 3),
      // Groups that other modalities have no say in.
      GroupedPredictor(pStable: 0.25, pChaotic: 0.6, nMax: 4, scope: .modality),
    ] as [any Predictor], [Objective.streak, .additive])
  func ideals(predictor: any Predictor, objective: Objective) throws {
    for seed in UInt64(4)...6 {
      let whole = geometry(seed: seed)
      let part = geometry(seed: seed, whole.sets[2].members)
      let search = try IdealSearch([whole], predictor, Aim(objective), set: 2)
      let alone = try IdealSearch([part], predictor, Aim(objective))
      for (a, b) in zip(search.costs, alone.costs) {
        expectClose(a, b, relative: 1e-9, absolute: 1e-15, "seed \(seed)")
      }
      for count in predictor.minimumAnchorCount..<Self.callCount {
        #expect(search.schedule(computing: count) == alone.schedule(computing: count), "seed \(seed)")
      }
    }
  }

  @Test("the policy names its token set; another one is told from those of the trace")
  func policy() throws {
    let geometry = geometry(seed: 7)
    let plan = try PolicyRegistry.plan("ideal:calls=4,tokens=disparity")
    let search = try IdealSearch([geometry], HoldPredictor(), set: 2)
    let replay = StreamReplay(try plan.policy(for: geometry), over: geometry)
    #expect(replay.computedPositions == search.schedule(computing: 4))
    expectPolicyError(
      "ideal:predictor=hold,calls=4,objective=streak,site=output,tokens=depth counts the errors of tokens=depth; "
        + "this trace has all, rgb, disparity, frame.0, frame.1"
    ) {
      _ = try PolicyRegistry.plan("ideal:calls=4,tokens=depth").policy(for: geometry)
    }
  }
}
