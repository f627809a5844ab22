public import Trace

/// Fits ``Feedback`` to pairs of rollouts: an uncached one, and others of the same start whose latents differ from
/// it, because calls were predicted or because something was added.
///
/// Per call, branch, modality and class it gathers G = Σ δx δxᵀ and H = Σ δx δyᵀ over tokens, where δx is the change
/// of the latent and δy that of a freshly computed output, each call divided by the root mean square of its δx so
/// that large and small disturbances count alike. The matrix is ridge regression towards the scalar response
/// c = tr H / tr G: A = c I + (G + λ I)⁻¹ (H − c G) with λ = ridge · tr G / C. Where a call has no change for a branch,
/// modality and class it takes the matrix of the nearest size in the same class of unrest, or of the nearest call that has one. Changes of less than ``leastChange`` of the
/// latent are rounding, such as that of another number of threads, and count as none.
public struct FeedbackFit: Sendable {
  /// Classes of unrest.
  public let classCount: Int
  public let sizeBoundaries: [Double]
  public let ridge: Double
  /// Root mean square of a change that counts, over that of the latent.
  public static let leastChange = 1e-4
  private var scope: FeedbackScope?
  private var boundaries: [[Double]] = []
  // Of every uncached rollout whose disturbed ones told something.
  private var fittedUnrests: Set<Double> = []
  private var sums: [ResponseSums] = []
  /// Pairs so far, and calls of them that told something.
  public private(set) var pairCount = 0
  public private(set) var callCount = 0

  /// Errors of policies that were not fitted have other directions than those that were. On the bundled model a
  /// ridge of 0.001 explains more of the fitted rollouts than 0.3, and much less of others
  /// (docs/open-and-closed-loop.md).
  public static let defaultRidge = 0.3
  public static let defaultClassCount = 8
  /// With these Spectrum's estimates meet the truth on the bundled model, which one response for all sizes leaves a
  /// quarter too large (docs/open-and-closed-loop.md).
  public static let defaultSizeBoundaries = [0.25, 0.5, 1, 2, 4]

  /// `sizeBoundaries` must ascend.
  public init(
    classCount: Int = defaultClassCount, sizeBoundaries: [Double] = defaultSizeBoundaries,
    ridge: Double = defaultRidge
  ) {
    precondition(classCount > 0 && ridge > 0 && sizeBoundaries == sizeBoundaries.sorted())
    self.classCount = classCount
    self.sizeBoundaries = sizeBoundaries
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
      for chunk in Set(source.calls.map(\.chunk)).sorted() {
        let recorded = try RecordedChunk(source, chunk: chunk)
        let values = recorded.unrest
        for (row, token) in recorded.layout.tokens.enumerated() where token.isValid {
          unrest[token.modality].append(values[row])
        }
      }
    }
    self.scope = scope
    boundaries = unrest.map { values in
      let sorted = values.sorted()
      return (1..<classCount).map { sorted.isEmpty ? 0 : sorted[sorted.count * $0 / classCount] }
    }
    sums = scope.sigmas.indices.flatMap { _ in
      (0..<scope.branchCount).flatMap { _ in
        scope.modalities.map {
          ResponseSums(channelCount: $0.channelCount, classCount: classCount * sizeCount)
        }
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
      scope: scope, boundaries: boundaries, sizeBoundaries: sizeBoundaries, matrices: [], unexplained: [],
      fittedUnrests: [])
    let unrest = recorded.unrest
    let unrestClasses = feedback.unrestClasses(of: unrest, layout)
    let knownCount = callCount
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
          let classes = feedback.classes(unrestClasses, of: change, layout)
          for modality in scope.modalities.indices {
            sums[feedback.place(position, branch: branch, modality: modality)].add(
              change, answer, scale: 1 / size, modality: modality, classes: classes, layout)
          }
        }
      }
    }
    if callCount > knownCount { fittedUnrests.insert(recorded.wholeUnrest(unrest)) }
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
          (0..<classCount * sizeCount).flatMap { place -> ArraySlice<Float> in
            let square = scope.modalities[kind % scope.modalities.count].channelCount
            let size = square * square
            guard let found = nearest(position, kind, kinds, place, scope.sigmas.count),
              let own = solved[found.position * kinds + kind]
            else { return ArraySlice(repeating: 0, count: size) }
            return own.matrices[(found.place * size)..<((found.place + 1) * size)]
          })
      }
      let own = solved[(position * kinds)..<((position + 1) * kinds)].compactMap { $0 }
      let total = own.reduce(0) { $0 + $1.total }
      unexplained.append(total > 0 ? own.reduce(0) { $0 + $1.residual } / total : nil)
    }
    return Feedback(
      scope: scope, boundaries: boundaries, sizeBoundaries: sizeBoundaries, matrices: matrices,
      unexplained: unexplained,
      fittedUnrests: fittedUnrests.sorted())
  }

  private var sizeCount: Int { sizeBoundaries.count + 1 }

  // Where a class has samples: itself at this call, the nearest class of size of the same unrest at this call, or one
  // of these at the nearest call that has any.
  private func nearest(
    _ position: Int, _ kind: Int, _ kinds: Int, _ place: Int, _ callCount: Int
  ) -> (position: Int, place: Int)? {
    let first = place / sizeCount * sizeCount
    let places = (first..<(first + sizeCount)).sorted { (abs($0 - place), $0) < (abs($1 - place), $1) }
    for other in (0..<callCount).sorted(by: { (abs($0 - position), $0) < (abs($1 - position), $1) }) {
      let sums = sums[other * kinds + kind]
      if let found = places.first(where: { sums.hasSamples(of: $0) }) { return (other, found) }
    }
    return nil
  }
}
