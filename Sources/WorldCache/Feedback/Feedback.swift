public import Trace

/// How a model's output answers to a changed latent, to first order: what open-loop replay leaves out.
///
/// For every call, branch, modality and class of tokens a matrix A (C, C) takes the change δ of a token's latent
/// to the change A δ of its output; other tokens' changes are left out. Classes are those of two things together:
/// quantiles of how much a token's one-step estimate of the final latent still moves (``TokenUnrest``), since tokens that
/// the model has to make up answer otherwise than tokens that it is shown; and how large a token's change is beside those
/// of all, since one that stands out is put right otherwise than one that all share. Twice the change is twice
/// the answer. Fitted by ``FeedbackFit`` from uncached rollouts and cached or otherwise disturbed ones of the same start;
/// no paper, our own.
///
/// Letters: T calls of a chunk, B branches, M modalities, K classes, C channels of a modality.
public struct Feedback: Sendable {
  /// The recordings that it is valid for.
  public let scope: FeedbackScope
  /// Per modality the boundaries between classes of unrest, ascending.
  public let boundaries: [[Double]]
  /// The boundaries between classes of size, ascending: the root mean square of a token's change over that of the
  /// whole change.
  public let sizeBoundaries: [Double]
  /// Per call, branch and modality, in that order, K matrices (C, C), row-major: entry (i, j) is what the input
  /// channel i adds to the output channel j.
  let matrices: [[Float]]
  /// Per call, the part of ‖δ output‖² that the matrices leave unexplained in the rollouts they were fitted on;
  /// nil at calls without any.
  public let unexplained: [Double?]
  /// The unrest of the first chunk of every uncached rollout that it was fitted on (``TokenUnrest/whole(_:final:_:)``),
  /// ascending.
  public let fittedUnrests: [Double]

  /// Part by which an unrest may exceed the largest that was fitted: the same rollout recorded with other threads
  /// or rounded differs in its last digits.
  public static let unrestSlack = 1e-3

  /// Whether a chunk moves more on its way than any that the feedback was fitted on, or is not finite.
  ///
  /// There the response is extrapolated (docs/open-and-closed-loop.md has what that did on the bundled model).
  public func isBeyondFit(_ unrest: Double) -> Bool {
    guard let largest = fittedUnrests.last else { return false }
    return !(unrest <= largest * (1 + Feedback.unrestSlack))
  }

  /// The least and largest unrest that it was fitted on, in words.
  public var unrestRange: String {
    let ends = [fittedUnrests.first, fittedUnrests.last].map { Table.decimal($0 ?? 0, 3) }
    return "\(ends[0]) to \(ends[1])"
  }

  /// Throws a ``PolicyError`` where it was fitted on something else than the recording is of, and as
  /// ``FeedbackScope/init(of:)``.
  public func check(_ source: some FeatureSource) throws {
    guard let mismatch = scope.mismatch(try FeedbackScope(of: source)) else { return }
    throw PolicyError("\(source.path): \(mismatch), so that this feedback does not hold for it")
  }

  /// K: classes of unrest times classes of size.
  public var classCount: Int { ((boundaries.first?.count ?? 0) + 1) * sizeCount }
  var sizeCount: Int { sizeBoundaries.count + 1 }

  /// The place of the matrices of a call's branch and modality.
  func place(_ position: Int, branch: Int, modality: Int) -> Int {
    (position * scope.branchCount + branch) * scope.modalities.count + modality
  }

  /// The class of unrest of every row; padding rows get 0.
  func unrestClasses(of unrest: [Double], _ layout: TokenTable) -> [Int] {
    layout.tokens.indices.map { row in
      let token = layout.tokens[row]
      return token.isValid ? boundaries[token.modality].count { unrest[row] >= $0 } : 0
    }
  }

  /// The class of every row under a change of the latent, from its class of unrest; padding rows get 0.
  func classes(_ unrestClasses: [Int], of change: [Float], _ layout: TokenTable) -> [Int] {
    let whole = RecordedChunk.rootMeanSquare(change)
    let width = layout.channelCount
    return layout.tokens.indices.map { row in
      let token = layout.tokens[row]
      guard token.isValid, whole > 0 else { return 0 }
      var square = 0.0
      for index in (row * width)..<(row * width + token.validChannels) {
        square += Double(change[index]) * Double(change[index])
      }
      let size = (square / Double(max(1, token.validChannels))).squareRoot() / whole
      return unrestClasses[row] * sizeCount + sizeBoundaries.count { size >= $0 }
    }
  }

  /// The change of a branch's output that a change of the latent causes, row by row.
  func response(
    to change: [Float], position: Int, branch: Int, unrestClasses: [Int], _ layout: TokenTable
  ) -> [Float] {
    var response = [Float](repeating: 0, count: change.count)
    let width = layout.channelCount
    let classes = classes(unrestClasses, of: change, layout)
    for (row, token) in layout.tokens.enumerated() where token.isValid {
      let channels = token.validChannels
      let matrix = matrices[place(position, branch: branch, modality: token.modality)]
      let start = classes[row] * channels * channels
      for i in 0..<channels {
        let factor = change[row * width + i]
        guard factor != 0 else { continue }
        let from = start + i * channels
        for j in 0..<channels { response[row * width + j] += factor * matrix[from + j] }
      }
    }
    return response
  }
}

/// What recordings must agree in for the same feedback to hold.
public struct FeedbackScope: Hashable, Sendable, Codable {
  public struct Modality: Hashable, Sendable, Codable {
    public var name: String
    public var channelCount: Int
  }

  public var model: String
  public var weightsDigest: String
  public var solver: String
  /// Noise level of every call of a chunk.
  public var sigmas: [Double]
  /// Guidance scale; 1 with a single branch.
  public var guidance: Double
  public var branchCount: Int
  public var modalities: [Modality]

  /// Reads it off a recording; throws `lacking` where the latent or the output was not recorded, and `invalid`
  /// where rows of one modality differ in their channels.
  public init(of source: some FeatureSource) throws(TraceError) {
    let layout = try source.layout(of: .output)
    guard try source.layout(of: .latent) == layout else {
      throw TraceError(
        .invalid, path: source.path, "the latent must have the layout of the output, to add one to the other")
    }
    let first = source.calls.filter { $0.chunk == source.calls.first?.chunk }
    model = source.header.model
    weightsDigest = source.header.weightsDigest
    solver = source.header.solver
    sigmas = first.filter { $0.branch == 0 }.map(\.sigma)
    guidance = first.first?.guidance ?? 1
    branchCount = source.header.branchCount
    modalities = []
    for (index, name) in layout.modalities.enumerated() {
      let counts = Set(layout.tokens.filter { $0.isValid && $0.modality == index }.map(\.validChannels))
      guard counts.count <= 1 else {
        throw TraceError(
          .invalid, path: source.path,
          "the tokens of the modality \(name) have \(counts.sorted()) channels; "
            + "feedback needs as many in each")
      }
      modalities.append(Modality(name: name, channelCount: counts.first ?? 0))
    }
  }

  init(
    model: String, weightsDigest: String, solver: String, sigmas: [Double], guidance: Double,
    branchCount: Int, modalities: [Modality]
  ) {
    self.model = model
    self.weightsDigest = weightsDigest
    self.solver = solver
    self.sigmas = sigmas
    self.guidance = guidance
    self.branchCount = branchCount
    self.modalities = modalities
  }

  /// Why a recording of `other` cannot be told with feedback of this scope; nil when it can.
  public func mismatch(_ other: FeedbackScope) -> String? {
    if model != other.model { return "the model is \(other.model), not \(model)" }
    if weightsDigest != other.weightsDigest {
      return "the weights have the digest \(other.weightsDigest), not \(weightsDigest)"
    }
    if solver != other.solver { return "the solver is \(other.solver), not \(solver)" }
    if sigmas.count != other.sigmas.count {
      return "a chunk has \(other.sigmas.count) calls, not \(sigmas.count)"
    }
    if sigmas != other.sigmas { return "the noise levels of the calls differ" }
    if guidance != other.guidance || branchCount != other.branchCount {
      return "the guidance scale is \(other.guidance), not \(guidance)"
    }
    return modalities == other.modalities ? nil : "modalities or their channels differ"
  }
}
