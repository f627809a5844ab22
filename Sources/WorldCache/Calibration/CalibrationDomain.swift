public import Trace

/// What a calibration is valid for: the model, the calls of a chunk with their noise levels, and the solver.
public struct CalibrationDomain: Hashable, Sendable {
  /// The model's name.
  public var model: String
  /// Digest of the weights, empty when unknown.
  public var weightsDigest: String
  /// The solver's name.
  public var solver: String
  /// Shift of the noise schedule, as recorded; ``sigmas`` are what counts.
  public var shift: Double
  /// Guidance scale of the first step; 1 without guidance.
  public var guidance: Double
  /// Guidance branches of a step.
  public var branchCount: Int
  /// Noise level of every call of a chunk, one entry for each step and stage.
  public var sigmas: [Double]
  /// The expert of every call.
  public var experts: [Int]

  /// Calls of a chunk, those of one branch.
  public var callCount: Int { sigmas.count }

  public init(
    model: String, weightsDigest: String, solver: String, shift: Double, guidance: Double, branchCount: Int,
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

  /// What a chunk was recorded with; throws a ``PolicyError`` when its geometry does not say.
  public init(_ geometry: Geometry) throws {
    guard let header = geometry.header else {
      throw PolicyError(
        "the geometry does not say which model and solver it is of; remove it and measure the trace anew")
    }
    let calls = geometry.calls[0]
    self.init(
      model: header.model, weightsDigest: header.weightsDigest, solver: header.solver, shift: header.shift,
      guidance: calls[0].guidance, branchCount: header.branchCount, sigmas: calls.map(\.sigma),
      experts: calls.map(\.expert))
  }

  /// Noise levels that are the same to this share of the largest count as equal: recorders round them.
  static let sigmaTolerance = 1e-4

  /// A way in which something else was recorded, and whether what was calibrated still means something.
  struct Difference: Hashable, Sendable {
    /// Such as `28 calls instead of 50`.
    var text: String
    /// Whether numbers of the calibration would be off; otherwise it is only worth knowing.
    var isGrave: Bool
  }

  /// How a chunk differs from what the calibration was made with; empty when it does not.
  func differences(from geometry: Geometry) -> [Difference] {
    guard let other = try? CalibrationDomain(geometry) else {
      return sigmaDifferences(geometry.calls[0].map(\.sigma))
        + [
          Difference(
            text: "an unknown model and solver: the geometry does not say which", isGrave: false)
        ]
    }
    return differences(from: other)
  }

  func differences(from other: CalibrationDomain) -> [Difference] {
    var found: [Difference] = []
    func compare(_ what: String, _ mine: String, _ theirs: String, grave: Bool) {
      if mine != theirs {
        found.append(Difference(text: "\(what) \(theirs) instead of \(mine)", isGrave: grave))
      }
    }
    compare("model", model, other.model, grave: true)
    compare("solver", solver, other.solver, grave: true)
    compare("guidance branches", "\(branchCount)", "\(other.branchCount)", grave: true)
    found += sigmaDifferences(other.sigmas)
    if other.callCount == callCount, other.experts != experts {
      found.append(Difference(text: "experts that begin at other calls", isGrave: true))
    }
    if !weightsDigest.isEmpty, !other.weightsDigest.isEmpty, model == other.model {
      compare("weights", weightsDigest, other.weightsDigest, grave: false)
    }
    compare("guidance scale", guidance.shortest, other.guidance.shortest, grave: false)
    return found
  }

  /// Whether calls have the calibration's noise levels, to ``sigmaTolerance``.
  func hasLevels(_ others: [Double]) -> Bool { sigmaDifferences(others).isEmpty }

  private func sigmaDifferences(_ others: [Double]) -> [Difference] {
    guard others.count == callCount else {
      return [Difference(text: "\(others.count) calls instead of \(callCount)", isGrave: true)]
    }
    let scale = sigmas.map(abs).max() ?? 0
    let worst = zip(sigmas, others).enumerated().max {
      abs($0.element.0 - $0.element.1) < abs($1.element.0 - $1.element.1)
    }!
    guard abs(worst.element.0 - worst.element.1) > CalibrationDomain.sigmaTolerance * scale else { return [] }
    return [
      Difference(
        text: "other noise levels (call \(worst.offset): \(worst.element.1.shortest) instead of "
          + "\(worst.element.0.shortest))", isGrave: true)
    ]
  }
}
