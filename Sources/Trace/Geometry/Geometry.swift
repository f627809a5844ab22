/// What a geometry is to hold: distances at a site and the changes that a decision rule looks at.
public struct GeometryRequest: Hashable, Sendable {
  public var site: Site
  public var split: BandSplit?
  public var changes: Set<ChangeRequest>

  public init(_ site: Site, split: BandSplit? = nil, changes: Set<ChangeRequest> = []) {
    self.site = site
    self.split = split
    self.changes = changes
  }
}

/// All that a replay needs of one chunk of a trace: distances between its features at one site, the
/// clocks of its calls, its tokens and its times.
///
/// The guidance branches of a chunk, and the bands of a split site, are components: the point of a call
/// is `(branch · bands + band) · T + position`, with distances across components too, so that the guided
/// error is again a norm of a combination.
public struct Geometry: Sendable {
  public let site: Site
  public let split: BandSplit?
  public let chunk: Int
  /// Blocks of the recorded model.
  public let blockCount: Int
  /// Calls by branch and position, `[branch][position]`; at the site `guided` one list, with the weights of
  /// a step's branches added up.
  public let calls: [[Call]]
  /// The valid tokens of the site's layout; padding rows are left out.
  public let tokens: [TokenTable.Token]
  public let modalities: [String]
  /// All tokens, those of each modality and those of each frame: distances are summed over each.
  public let sets: [TokenSet]
  /// Guidance branches of a step in the recording; `calls` has one entry for each but at the site `guided`.
  public let recordedBranchCount: Int
  /// Numbers of a valid token, all tokens together.
  public let elementCount: Int
  /// T · branches · bands points.
  public let distances: DistanceTable
  /// Squared norms of what a call emits (the value at the site's last tap), `[branch · T + position][token]`;
  /// nil where that is what the distances are of.
  public let emissionSquaredNorms: [[Double]]?
  /// Squared norms of the chunk's final latent, one per token; empty when the trace does not hold it.
  public let finalSquaredNorms: [Double]
  /// Median wall seconds of each stretch of one call, by the tap at its end.
  public let stretchSeconds: [Tap: Double]
  public let changes: [ChangeRequest: ChangeTable]
  /// What the measured trace says about itself; nil where that is not known.
  public internal(set) var header: TraceHeader?

  public init(
    site: Site, split: BandSplit? = nil, chunk: Int = 0, blockCount: Int = 1, calls: [[Call]],
    tokens: [TokenTable.Token], modalities: [String], distances: DistanceTable,
    emissionSquaredNorms: [[Double]]? = nil, finalSquaredNorms: [Double] = [],
    stretchSeconds: [Tap: Double] = [:], changes: [ChangeRequest: ChangeTable] = [:],
    recordedBranchCount: Int? = nil, header: TraceHeader? = nil
  ) {
    precondition(distances.pointCount == calls.reduce(0) { $0 + $1.count } * (split == nil ? 1 : 2))
    precondition(distances.tokenCount == tokens.count)
    self.site = site
    self.split = split
    self.chunk = chunk
    self.blockCount = blockCount
    self.calls = calls
    self.tokens = tokens
    self.modalities = modalities
    sets = TokenSet.sets(of: tokens, modalities: modalities)
    self.recordedBranchCount = recordedBranchCount ?? calls.count
    elementCount = tokens.reduce(0) { $0 + $1.validChannels }
    self.distances = distances
    self.emissionSquaredNorms = emissionSquaredNorms
    self.finalSquaredNorms = finalSquaredNorms
    self.stretchSeconds = stretchSeconds
    self.changes = changes
    self.header = header
    segments = Geometry.segments(calls[0])
  }

  /// The chunk's calls expert by expert: positions of neighbouring calls of one expert.
  public let segments: [Range<Int>]

  public var branchCount: Int { calls.count }
  public var bandCount: Int { split == nil ? 1 : 2 }
  /// Calls of one branch.
  public var callCount: Int { calls[0].count }
  public var tokenCount: Int { tokens.count }

  /// The point of a call.
  public func point(_ position: Int, branch: Int, band: Int = 0) -> Int {
    (branch * bandCount + band) * callCount + position
  }

  /// The recorded value of a call as a combination: the sum of its bands.
  public func recorded(at position: Int) -> Combination {
    (0..<bandCount).reduce(Combination()) { sum, band in
      sum + Combination(valueAt: position, component: .init(band: band))
    }
  }

  /// The points and weights of a combination of one branch's values.
  public func weights(of combination: Combination, branch: Int) -> [(point: Int, weight: Double)] {
    combination.terms.map { term in
      (
        point: point(term.position, branch: term.component.branch ?? branch, band: term.component.band),
        weight: term.weight
      )
    }
  }

  /// Squared norms of a combination of one branch's values, one per token.
  public func squaredNorms(of combination: Combination, branch: Int) -> [Double] {
    distances.squaredNorms(weights(of: combination, branch: branch))
  }

  /// Squared norms of what a call emits, one per token.
  public func emissionSquaredNorms(_ position: Int, branch: Int) -> [Double] {
    if let emissionSquaredNorms { return emissionSquaredNorms[branch * callCount + position] }
    guard split != nil else {
      return Array(distances.squaredDistances(point(position, branch: branch), distances.origin))
    }
    return squaredNorms(of: recorded(at: position), branch: branch)
  }

  /// Mean over the tokens of a set (``sets``) of the squared norm of what a call emits.
  public func meanSquare(_ position: Int, branch: Int, set: Int = 0) -> Double {
    let members = sets[set].members
    guard let emissionSquaredNorms else {
      if split == nil {
        return distances.total(point(position, branch: branch), distances.origin, set: set)
          / Double(members.count)
      }
      return distances.sumOfSquaredNorms(of: weights(of: recorded(at: position), branch: branch), set: set)
        / Double(members.count)
    }
    let norms = emissionSquaredNorms[branch * callCount + position]
    return FixedOrder.sum(set == 0 ? norms : members.map { norms[$0] }) / Double(members.count)
  }

  /// Predicted wall seconds of one call that is computed.
  public var computedSeconds: Double {
    Tap.line(blockCount: blockCount).reduce(0) { $0 + (stretchSeconds[$1] ?? 0) }
  }

  /// Predicted wall seconds of one call that is predicted after deciding at `station`: the stretches up to
  /// there and to the beginning of the site, and those after its end.
  public func predictedSeconds(station: Tap) -> Double {
    guard let (from, to) = site.stretch(blockCount: blockCount) else { return 0 }
    let last = from.map { max($0, station) } ?? station
    return Tap.line(blockCount: blockCount).reduce(0) { sum, tap in
      tap <= last || tap > to ? sum + (stretchSeconds[tap] ?? 0) : sum
    }
  }

  /// The same geometry with changes that decision rules look at.
  func adding(_ changes: [ChangeRequest: ChangeTable]) -> Geometry {
    Geometry(
      site: site, split: split, chunk: chunk, blockCount: blockCount, calls: calls, tokens: tokens,
      modalities: modalities, distances: distances, emissionSquaredNorms: emissionSquaredNorms,
      finalSquaredNorms: finalSquaredNorms, stretchSeconds: stretchSeconds, changes: changes,
      recordedBranchCount: recordedBranchCount, header: header)
  }

  private static func segments(_ calls: [Call]) -> [Range<Int>] {
    var segments: [Range<Int>] = []
    for (position, call) in calls.enumerated() {
      if let last = segments.last, calls[last.lowerBound].expert == call.expert {
        segments[segments.count - 1] = last.lowerBound..<(position + 1)
      } else {
        segments.append(position..<(position + 1))
      }
    }
    return segments
  }
}
