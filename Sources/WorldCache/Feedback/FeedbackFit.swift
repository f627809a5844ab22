public import Trace

/// Fits ``Feedback`` to pairs of rollouts: an uncached one, and others of the same start whose latents differ from
/// it, because calls were predicted or because something was added.
///
/// Per call, branch, modality and class it gathers G = Σ δx δxᵀ and H = Σ δx δyᵀ over tokens, where δx is the change
/// of the latent and δy that of a freshly computed output, each call divided by the root mean square of its δx so
/// that large and small disturbances count alike. The matrix is ridge regression towards the scalar response
/// c = tr H / tr G: A = c I + (G + λ I)⁻¹ (H − c G) with λ = ridge · tr G / C. Calls without any change take the
/// matrices of the nearest call that has some.
public struct FeedbackFit: Sendable {
  public let classCount: Int
  public let ridge: Double
  private var scope: FeedbackScope?
  private var boundaries: [[Double]] = []
  private var sums: [ResponseSums] = []
  /// Pairs so far, and calls of them that told something.
  public private(set) var pairCount = 0
  public private(set) var callCount = 0

  public init(classCount: Int = 4, ridge: Double = 1e-3) {
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
    }
    // Later chunks start from other contexts, so that only the first of a chain is of the same start.
    let chunk = uncached.calls.map(\.chunk).min() ?? 0
    let recorded = try RecordedChunk(uncached, chunk: chunk)
    let layout = recorded.layout
    let feedback = Feedback(scope: scope, boundaries: boundaries, matrices: [], unexplained: [])
    let classes = feedback.classes(of: recorded.unrest, layout)
    for source in disturbed {
      let groups = RecordedChunk.groups(source.calls, chunk: chunk)
      guard groups.count == recorded.groups.count else {
        throw PolicyError("\(source.path) has \(groups.count) calls in a chunk, not \(recorded.groups.count)")
      }
      pairCount += 1
      for (position, group) in groups.enumerated() {
        for (branch, call) in group.enumerated()
        where try source.state(of: .output, call: call.ordinal) == .fresh {
          let rows = 0..<layout.tokens.count
          let change = RecordedChunk.difference(
            try source.rows(rows, of: .latent, call: group[0].ordinal), recorded.latent[position])
          let size = RecordedChunk.rootMeanSquare(change)
          guard size > 0 else { continue }
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
    let known = scope.sigmas.indices.filter { position in
      sums[(position * kinds)..<((position + 1) * kinds)].contains { $0.hasSamples }
    }
    let solved = known.map { position in
      sums[(position * kinds)..<((position + 1) * kinds)].map { $0.solution(ridge: ridge) }
    }
    var matrices: [[Float]] = []
    var unexplained: [Double?] = []
    for position in scope.sigmas.indices {
      let nearest = known.indices.min {
        (abs(known[$0] - position), known[$0]) < (abs(known[$1] - position), known[$1])
      }!
      matrices += solved[nearest].map(\.matrices)
      let (residual, total) = solved[nearest].reduce((0.0, 0.0)) { ($0.0 + $1.residual, $0.1 + $1.total) }
      unexplained.append(known[nearest] == position && total > 0 ? residual / total : nil)
    }
    return Feedback(scope: scope, boundaries: boundaries, matrices: matrices, unexplained: unexplained)
  }
}

extension RecordedChunk {
  static func difference(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 - $1 } }

  static func rootMeanSquare(_ values: [Float]) -> Double {
    (values.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(1, values.count))).squareRoot()
  }
}
