public import Trace

/// Fits ``Feedback`` to pairs of rollouts: an uncached one, and others of the same start whose latents differ from
/// it, because calls were predicted or because something was added.
///
/// Per call, branch, modality and class it gathers G = Σ δx δxᵀ and H = Σ δx δyᵀ over tokens, where δx is the change
/// of the latent and δy that of a freshly computed output, each call divided by the root mean square of its δx so
/// that large and small disturbances count alike. The matrix is ridge regression towards the scalar response
/// c = tr H / tr G: A = c I + (G + λ I)⁻¹ (H − c G) with λ = ridge · tr G / C. Where a call has no change for a branch,
/// modality and class it takes the matrix of the nearest call that has one. Changes of less than ``leastChange`` of the
/// latent are rounding, such as that of another number of threads, and count as none.
public struct FeedbackFit: Sendable {
  public let classCount: Int
  public let ridge: Double
  /// Root mean square of a change that counts, over that of the latent.
  public static let leastChange = 1e-4
  private var scope: FeedbackScope?
  private var boundaries: [[Double]] = []
  private var fittedUnrests: [Double] = []
  private var sums: [ResponseSums] = []
  /// Pairs so far, and calls of them that told something.
  public private(set) var pairCount = 0
  public private(set) var callCount = 0

  /// Errors of policies that were not fitted have other directions than those that were. On the bundled model a
  /// ridge of 0.001 explains more of the fitted rollouts than 0.3, and much less of others
  /// (docs/open-and-closed-loop.md).
  public static let defaultRidge = 0.3
  public static let defaultClassCount = 16

  public init(classCount: Int = defaultClassCount, ridge: Double = defaultRidge) {
    precondition(classCount > 0 && ridge > 0)
    self.classCount = classCount
    self.ridge = ridge
  }

  /// Takes the classes from the uncached rollouts: quantiles of their tokens' unrest, modality by modality.
  ///
  /// Must come before ``add(uncached:disturbed:)``.
  public mutating func begin(_ sources: [any FeatureSource]) throws {
    guard let first = sources.first else { throw PolicyError("feedback is fitted to at least one rollout") }
    let scope = try FeedbackScope(of: first)
    var unrest: [[Double]] = scope.modalities.map { _ in [] }
    fittedUnrests = []
    for source in sources {
      let found = try FeedbackScope(of: source)
      if let mismatch = scope.mismatch(found) { throw PolicyError("\(source.path): \(mismatch)") }
      let chunks = Set(source.calls.map(\.chunk)).sorted()
      for chunk in chunks {
        let recorded = try RecordedChunk(source, chunk: chunk)
        let values = recorded.unrest
        // Responses are fitted to the first chunk only.
        if chunk == chunks[0] { fittedUnrests.append(recorded.wholeUnrest(values)) }
        for (row, token) in recorded.layout.tokens.enumerated() where token.isValid {
          unrest[token.modality].append(values[row])
        }
      }
    }
    self.scope = scope
    fittedUnrests.sort()
    boundaries = unrest.map { values in
      let sorted = values.sorted()
      return (1..<classCount).map { sorted.isEmpty ? 0 : sorted[sorted.count * $0 / classCount] }
    }
    sums = scope.sigmas.indices.flatMap { _ in
      (0..<scope.branchCount).flatMap { _ in
        scope.modalities.map { ResponseSums(channelCount: $0.channelCount, classCount: classCount) }
      }
    }
  }

  /// Adds an uncached rollout and disturbed ones of the same start.
  ///
  /// Throws a ``PolicyError`` where a recording is of something else.
  public mutating func add(
    uncached: some FeatureSource, disturbed: [any FeatureSource]
  ) throws {
    guard let scope else { preconditionFailure("classes come first") }
    let found = try FeedbackScope(of: uncached)
    if let mismatch = scope.mismatch(found) { throw PolicyError("\(uncached.path): \(mismatch)") }
    for source in disturbed {
      let found = try FeedbackScope(of: source)
      if let mismatch = scope.mismatch(found) { throw PolicyError("\(source.path): \(mismatch)") }
      guard source.header.sceneSeed == uncached.header.sceneSeed,
        source.header.noiseSeed == uncached.header.noiseSeed
      else {
        throw PolicyError("\(source.path) has other seeds than \(uncached.path): these are not of one start")
      }
      let conditions = { (header: TraceHeader) in header.conditions.filter { $0.name != "policy" } }
      guard conditions(source.header) == conditions(uncached.header) else {
        throw PolicyError(
          "\(source.path) has other conditions than \(uncached.path): these are not of one start")
      }
    }
    // Later chunks start from other contexts, so that only the first of a chain is of the same start.
    let chunk = uncached.calls.map(\.chunk).min() ?? 0
    let recorded = try RecordedChunk(uncached, chunk: chunk)
    let layout = recorded.layout
    let feedback = Feedback(
      scope: scope, boundaries: boundaries, matrices: [], unexplained: [], fittedUnrests: [])
    let classes = feedback.classes(of: recorded.unrest, layout)
    for source in disturbed {
      let groups = RecordedChunk.groups(source.calls, chunk: chunk)
      guard groups.count == recorded.groups.count else {
        throw PolicyError("\(source.path) has \(groups.count) calls in a chunk, not \(recorded.groups.count)")
      }
      let rows = 0..<layout.tokens.count
      let first = RecordedChunk.difference(
        try source.rows(rows, of: .latent, call: groups[0][0].ordinal), recorded.latent[0])
      guard RecordedChunk.rootMeanSquare(first) <= 0.5 * RecordedChunk.rootMeanSquare(recorded.latent[0])
      else {
        throw PolicyError(
          "\(source.path) begins with another latent than \(uncached.path): these are not of one start")
      }
      pairCount += 1
      for (position, group) in groups.enumerated() {
        for (branch, call) in group.enumerated()
        where try source.state(of: .output, call: call.ordinal) == .fresh {
          let change = RecordedChunk.difference(
            try source.rows(rows, of: .latent, call: group[0].ordinal), recorded.latent[position])
          let size = RecordedChunk.rootMeanSquare(change)
          guard size > Self.leastChange * RecordedChunk.rootMeanSquare(recorded.latent[position]) else {
            continue
          }
          let answer = RecordedChunk.difference(
            try source.rows(rows, of: .output, call: call.ordinal), recorded.output[branch][position])
          callCount += 1
          for modality in scope.modalities.indices {
            sums[feedback.place(position, branch: branch, modality: modality)].add(
              change, answer, scale: 1 / size, modality: modality, classes: classes, layout)
          }
        }
      }
    }
  }

  /// The fit; throws a ``PolicyError`` when no rollout differed from its uncached one.
  public func feedback() throws -> Feedback {
    guard let scope, callCount > 0 else {
      throw PolicyError("no computed call has another latent than in the uncached rollout: nothing to fit")
    }
    let kinds = scope.branchCount * scope.modalities.count
    let solved = sums.map { $0.hasSamples ? $0.solution(ridge: ridge) : nil }
    var matrices: [[Float]] = []
    var unexplained: [Double?] = []
    for position in scope.sigmas.indices {
      for kind in 0..<kinds {
        matrices.append(
          (0..<classCount).flatMap { place -> ArraySlice<Float> in
            let known = scope.sigmas.indices.filter { sums[$0 * kinds + kind].hasSamples(of: place) }
            let nearest = known.min { (abs($0 - position), $0) < (abs($1 - position), $1) }
            let square = scope.modalities[kind % scope.modalities.count].channelCount
            let size = square * square
            guard let nearest, let own = solved[nearest * kinds + kind] else {
              return ArraySlice(repeating: 0, count: size)
            }
            return own.matrices[(place * size)..<((place + 1) * size)]
          })
      }
      let own = solved[(position * kinds)..<((position + 1) * kinds)].compactMap { $0 }
      let total = own.reduce(0) { $0 + $1.total }
      unexplained.append(total > 0 ? own.reduce(0) { $0 + $1.residual } / total : nil)
    }
    return Feedback(
      scope: scope, boundaries: boundaries, matrices: matrices, unexplained: unexplained,
      fittedUnrests: fittedUnrests)
  }
}
