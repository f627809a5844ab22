/// All that a replay needs of one chunk of a trace: distances between its features at one site, the
/// clocks of its calls, its tokens and its times.
///
/// The guidance branches of a chunk are components: points are numbered `branch · T + position`, with
/// distances across branches too, so that the guided error is again a norm of a combination.
public struct Geometry: Sendable {
  public let site: Site
  public let chunk: Int
  /// Calls by branch and position, `[branch][position]`.
  public let calls: [[Call]]
  /// The valid tokens of the site's layout; padding rows are left out.
  public let tokens: [TokenTable.Token]
  public let modalities: [String]
  /// T · branches points, one per call.
  public let distances: DistanceTable
  /// Squared norms of the chunk's final latent, one per token; empty when the trace does not hold it.
  public let finalSquaredNorms: [Double]
  /// Median wall seconds of one step (all branches) when it is computed, and when it is skipped.
  public let computedSeconds: Double
  public let predictedSeconds: Double

  public init(
    site: Site, chunk: Int = 0, calls: [[Call]], tokens: [TokenTable.Token], modalities: [String],
    distances: DistanceTable, finalSquaredNorms: [Double] = [], computedSeconds: Double = 0,
    predictedSeconds: Double = 0
  ) {
    precondition(distances.pointCount == calls.reduce(0) { $0 + $1.count })
    precondition(distances.tokenCount == tokens.count)
    self.site = site
    self.chunk = chunk
    self.calls = calls
    self.tokens = tokens
    self.modalities = modalities
    self.distances = distances
    self.finalSquaredNorms = finalSquaredNorms
    self.computedSeconds = computedSeconds
    self.predictedSeconds = predictedSeconds
  }

  public var branchCount: Int { calls.count }
  /// Calls of one branch: the number of steps a policy decides about.
  public var callCount: Int { calls[0].count }
  public var tokenCount: Int { tokens.count }

  /// The point of a call.
  public func point(_ position: Int, branch: Int) -> Int { branch * callCount + position }

  /// Squared norms of a combination of one branch's values, one per token.
  public func squaredNorms(of combination: Combination, branch: Int) -> [Double] {
    distances.squaredNorms(
      combination.terms.map { (point: point($0.position, branch: branch), weight: $0.weight) })
  }

  /// Mean over tokens of the squared norm of a call's recorded value.
  public func meanSquare(_ position: Int, branch: Int) -> Double {
    let norms = distances.squaredDistances(point(position, branch: branch), distances.origin)
    return norms.reduce(0, +) / Double(norms.count)
  }
}
