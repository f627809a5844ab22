public import Trace

/// What numbers made from recordings are valid for: the model, the calls of a chunk with their noise levels, and the
/// solver.
public struct ValidityDomain: Hashable, Sendable, CustomStringConvertible {
  /// The model's name, empty when unknown.
  public var model: String
  /// Digest of the weights, empty when unknown.
  public var weightsDigest: String
  /// The solver's name, empty when unknown.
  public var solver: String
  /// Shift of the noise schedule, as recorded; ``sigmas`` are what counts.
  public var shift: Double
  /// Guidance scale of the first step, 1 without guidance; nil when unknown.
  public var guidance: Double?
  /// Guidance branches of a step, 0 when unknown.
  public var branchCount: Int
  /// Noise level of every call of a chunk, one entry for each step and stage.
  public var sigmas: [Double]
  /// The expert of every call.
  public var experts: [Int]

  /// Calls of a chunk, those of one branch.
  public var callCount: Int { sigmas.count }

  public init(
    model: String, weightsDigest: String, solver: String, shift: Double, guidance: Double?, branchCount: Int,
    sigmas: [Double], experts: [Int]
  ) {
    self.model = model
    self.weightsDigest = weightsDigest
    self.solver = solver
    self.shift = shift
    self.guidance = guidance
    self.branchCount = branchCount
    self.sigmas = sigmas
    self.experts = experts
  }

  /// What a chunk was recorded with, as far as its geometry says.
  public init(of geometry: Geometry) {
    let (header, calls) = (geometry.header, geometry.calls[0])
    self.init(
      model: header?.model ?? "", weightsDigest: header?.weightsDigest ?? "", solver: header?.solver ?? "",
      shift: header?.shift ?? 1, guidance: header.map { _ in calls[0].guidance },
      branchCount: header?.branchCount ?? geometry.recordedBranchCount, sigmas: calls.map(\.sigma),
      experts: calls.map(\.expert))
  }

  /// What a chunk was recorded with; throws a ``PolicyError`` when its geometry does not say.
  public init(_ geometry: Geometry) throws {
    guard geometry.header != nil else {
      throw PolicyError(
        "the geometry does not say which model and solver it is of; remove it and measure the trace anew")
    }
    self.init(of: geometry)
  }

  /// What some chunks were recorded with; nil where they differ in more than weights and guidance scale.
  ///
  /// What they differ in, or one of them does not know, is left out: numbers from all of them hold for each.
  public static func common(to geometries: [Geometry]) -> ValidityDomain? {
    var common = ValidityDomain(of: geometries[0])
    for geometry in geometries.dropFirst() {
      let other = ValidityDomain(of: geometry)
      guard common.differences(from: other).allSatisfy(\.isOfModelState) else { return nil }
      if other.model.isEmpty { common.model = "" }
      if other.solver.isEmpty { common.solver = "" }
      if other.weightsDigest != common.weightsDigest { common.weightsDigest = "" }
      if other.guidance != common.guidance { common.guidance = nil }
    }
    return common
  }

  /// Such as `room-dit, 50 calls of 2 branches, solver euler, shift 3`.
  public var description: String {
    "\(model.isEmpty ? "an unknown model" : model), \(callCount) calls of \(branchCount) branches, solver "
      + "\(solver.isEmpty ? "unknown" : solver), shift \(shift.shortest)"
  }

  /// Noise levels that are the same to this share of the largest count as equal: recorders round them.
  static let sigmaTolerance = 1e-4

  /// A way in which something else was recorded.
  struct Difference: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
      case model, solver, branches, calls, levels, experts, weights, guidance
      /// The recording does not say of which model and solver it is.
      case unknown
    }

    var kind: Kind
    /// Such as `28 calls instead of 50`.
    var text: String

    /// Whether it is in weights or guidance scale alone.
    var isOfModelState: Bool { kind == .weights || kind == .guidance }
  }

  /// How a chunk differs from what the numbers were made with; empty when it does not.
  func differences(from geometry: Geometry) -> [Difference] {
    let told = differences(from: ValidityDomain(of: geometry))
    guard geometry.header == nil, !model.isEmpty else { return told }
    let unknown = "an unknown model and solver: the geometry does not say which"
    return told + [Difference(kind: .unknown, text: unknown)]
  }

  /// What one of the two does not know is not compared.
  func differences(from other: ValidityDomain) -> [Difference] {
    var found: [Difference] = []
    func compare(_ kind: Difference.Kind, _ what: String, _ mine: String, _ theirs: String) {
      if mine != theirs, !mine.isEmpty, !theirs.isEmpty {
        found.append(Difference(kind: kind, text: "\(what) \(theirs) instead of \(mine)"))
      }
    }
    func text(_ count: Int) -> String { count == 0 ? "" : "\(count)" }
    compare(.model, "model", model, other.model)
    compare(.solver, "solver", solver, other.solver)
    compare(.branches, "guidance branches", text(branchCount), text(other.branchCount))
    found += sigmaDifferences(other.sigmas)
    if other.callCount == callCount, other.experts != experts {
      found.append(Difference(kind: .experts, text: "experts that begin at other calls"))
    }
    if model == other.model { compare(.weights, "weights", weightsDigest, other.weightsDigest) }
    compare(
      .guidance, "guidance scale", guidance.map(\.shortest) ?? "", other.guidance.map(\.shortest) ?? "")
    return found
  }

  /// Whether calls have these noise levels, to ``sigmaTolerance``.
  func hasLevels(_ others: [Double]) -> Bool { sigmaDifferences(others).isEmpty }

  private func sigmaDifferences(_ others: [Double]) -> [Difference] {
    guard others.count == callCount else {
      return [Difference(kind: .calls, text: "\(others.count) calls instead of \(callCount)")]
    }
    let scale = sigmas.map(abs).max() ?? 0
    let worst = zip(sigmas, others).enumerated().max {
      abs($0.element.0 - $0.element.1) < abs($1.element.0 - $1.element.1)
    }!
    guard abs(worst.element.0 - worst.element.1) > ValidityDomain.sigmaTolerance * scale else { return [] }
    return [
      Difference(
        kind: .levels,
        text: "other noise levels (call \(worst.offset): \(worst.element.1.shortest) instead of "
          + "\(worst.element.0.shortest))")
    ]
  }
}
