public import Trace

/// One policy over one trace, chunk by chunk (open loop), with the figures of merit.
public struct Replay: Sendable {
  public let spec: PolicySpec
  /// What the policy caches, or where the geometry was measured when it caches nothing.
  public let site: Site
  /// The tap whose recorded values errors of calls are relative to.
  public let emission: String
  public let streams: [StreamReplay]
  /// The tokens that errors are told of, and the names of their modalities.
  public let tokens: [TokenTable.Token]
  public let modalities: [String]
  /// Predicted wall seconds: computed and skipped steps at the recorded median times of their stretches.
  public let seconds: Double
  /// Predicted wall seconds of the same calls all computed.
  public let uncachedSeconds: Double
  /// The finer figures, where they were asked for.
  public let details: ReplayDetails?
  /// Its error over that of the ideal of its own predictor, site, objective and cost; nil where no ideal was
  /// asked for or there is none.
  public internal(set) var gap: Double?
  /// What a reader of the results should know of how the policy was set up; empty for most.
  public var remarks: [String] {
    var remarks: [String] = []
    for (policy, geometry) in played {
      remarks += Finding.elsewhere(policy, geometry).filter { !remarks.contains($0) }
    }
    return remarks
  }
  private let played: [(policy: any Policy, geometry: Geometry)]

  /// Replays a policy over every chunk; throws a ``PolicyError`` when a chunk is too short for it.
  ///
  /// Works out the `figures` asked for; `memories` has one memo per geometry, for many replays of the same ones.
  public init(
    _ plan: PolicyPlan, over geometries: [Geometry], figures: Figures = .table, memories: [ReplayMemo] = []
  ) throws {
    precondition(!geometries.isEmpty, "a trace has at least one chunk")
    precondition(Set(geometries.map(\.tokenCount)).count == 1, "the chunks of a trace share their layouts")
    try plan.checkChunkCount(geometries.count)
    spec = plan.spec
    let policies = try geometries.enumerated().map { try plan.policy(for: $1, place: $0) }
    streams = zip(policies, geometries).enumerated().map { place, pair in
      StreamReplay(
        pair.0, over: pair.1, figures: figures,
        memo: memories.isEmpty ? ReplayMemo() : memories[place])
    }
    if let failure = streams.lazy.compactMap(\.failure).first { throw failure }
    for geometry in geometries { try geometry.distances.requireIntact() }
    played = Array(zip(policies, geometries)).map { (policy: $0, geometry: $1) }
    site = geometries[0].site
    emission = site.stretch(blockCount: geometries[0].blockCount).map { "\($0.to)" } ?? site.name
    tokens = geometries[0].tokens
    modalities = geometries[0].modalities
    seconds = streams.reduce(0) { $0 + $1.seconds }
    uncachedSeconds = streams.reduce(0) { $0 + $1.uncachedSeconds }
    self.details = ReplayDetails(streams, groupNames: policies[0].groupNames)
  }

  /// Computed calls and all calls; guidance branches that are decided about together count as one.
  public var computedCount: Int { streams.reduce(0) { $0 + $1.computedCount } }
  public var callCount: Int { streams.reduce(0) { $0 + $1.decisionCount } }

  /// Decisions that would turn out otherwise within the error bounds of their signals; nil where that cannot be
  /// told, and without ``Figures/nearTies``.
  public var nearTieCount: Int? {
    streams.reduce(0) { sum, stream in
      guard let sum, let ties = stream.nearTies else { return nil }
      return sum + ties.joined().count { $0 }
    }
  }

  /// What the cache holds at most, over the chunks, of one branch; and of how many branches it holds that.
  public var cache: CacheSize { streams.map(\.cache).max { $0.count < $1.count }! }
  public var branchCount: Int { streams[0].callErrors.count }
  /// Calls of every token and branch: the size of the work.
  public var tokenCallCount: Int { streams.reduce(0) { $0 + tokens.count * $1.callErrors.joined().count } }

  /// ‖Σ w_s e_s‖ over all tokens and chunks, relative to the final latent; nil when that is not recorded.
  public var directError: Double? { relative(\.directSquaredError) }
  /// The same with the norm taken streak by streak.
  public var streakError: Double? { relative(\.streakSquaredError) }

  private func relative(_ part: (StreamReplay) -> Double?) -> Double? {
    var (error, norm) = (0.0, 0.0)
    for stream in streams {
      guard let final = stream.finalSquaredNorm, let square = part(stream) else { return nil }
      error += square
      norm += final
    }
    return error == 0 ? 0 : (error / norm).squareRoot()
  }

  /// Largest relative error of a call.
  public var worstCallError: Double { streams.flatMap(\.callErrors).joined().max() ?? 0 }
  /// Largest relative error of one token at one call.
  public var worstTokenError: Double { streams.flatMap(\.worstTokenErrors).max() ?? 0 }
  /// Mean relative error over the predicted calls; zero when none is predicted.
  public var meanCallError: Double {
    var (sum, count) = (0.0, 0)
    for stream in streams {
      for (branch, errors) in stream.callErrors.enumerated() {
        let decisions = stream.lanes[stream.lanes.count == 1 ? 0 : branch]
        for (error, decision) in zip(errors, decisions) where decision.action == .predict {
          sum += error
          count += 1
        }
      }
    }
    return count == 0 ? 0 : sum / Double(count)
  }

  /// Root mean square relative error by distance from the last computed call; entry 0 is distance 1.
  public var errorGrowth: [Double] {
    let longest = streams.map(\.growth.count).max() ?? 0
    return (0..<longest).map { index in
      var (squares, count) = (0.0, 0)
      for stream in streams where index < stream.growth.count {
        squares += stream.growth[index].squares
        count += stream.growth[index].count
      }
      return count == 0 ? 0 : (squares / Double(count)).squareRoot()
    }
  }

  /// Tokens that carry the error, largest share first; the chunks of a trace are added up.
  public func bottlenecks(limit: Int) -> [(token: Int, share: Double)] {
    var squares = streams[0].tokenSquaredErrors
    for stream in streams.dropFirst() {
      for token in squares.indices { squares[token] += stream.tokenSquaredErrors[token] }
    }
    let total = squares.reduce(0, +)
    guard total > 0, total.isFinite else { return [] }
    return squares.indices.sorted { squares[$0] != squares[$1] ? squares[$0] > squares[$1] : $0 < $1 }
      .prefix(limit).map { ($0, squares[$0] / total) }
  }
}
