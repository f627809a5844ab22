import Trace

/// Numbers with what they are valid for, in a policy's hands: refuses recordings where they would be off, or says how
/// those differ.
struct ValidityUse: Sendable {
  typealias Kind = ValidityDomain.Difference.Kind

  /// What the numbers are, such as `the calibration model.json`.
  let subject: String
  let domain: ValidityDomain
  /// Differences with which the numbers are not used, unless that is allowed; others are told.
  let refused: Set<Kind>
  /// What to do about them, such as `calibrate anew`.
  let remedy: String
  /// Whether differences are told instead of refused; nil where that cannot be asked for.
  let isAllowedElsewhere: Bool?

  /// What makes other calls of the same ones: a timetable, or weights by call, mean nothing there.
  static let otherCalls: Set<Kind> = [.branches, .calls, .levels, .experts]

  /// The parameter of policies whose numbers may be allowed elsewhere.
  static func parameter(_ what: String) -> Parameter {
    Parameter(
      "elsewhere", .choice(["refuse", "allow"]), default: "refuse",
      "recordings of another \(what)", isQuiet: true)
  }

  /// Why the numbers are not used, in words; nil where they are.
  func misfit(_ geometry: Geometry) -> String? {
    let grave = domain.differences(from: geometry).filter { refused.contains($0.kind) }.map(\.text)
    return grave.isEmpty ? nil : grave.joined(separator: ", ")
  }

  /// Throws where the numbers would be off, unless that is allowed.
  ///
  /// Numbers that belong to a call each (`isByCall`) mean nothing at another number of calls, allowed or not.
  func check(_ geometry: Geometry, isByCall: Bool = false) throws {
    guard isAllowedElsewhere != true, let misfit = misfit(geometry) else { return }
    let isUseless = isByCall && geometry.callCount != domain.callCount
    throw PolicyError(
      "\(subject) is not valid here: this recording has \(misfit); \(remedy)"
        + (isAllowedElsewhere == nil || isUseless ? "" : ", or set elsewhere=allow to use it all the same"))
  }

  /// How a recording differs from what the numbers were made with.
  func findings(on geometry: Geometry, _ policy: PolicySpec) -> [Finding] {
    let differences = domain.differences(from: geometry).map(\.text)
    guard !differences.isEmpty else { return [] }
    let isOtherCount = geometry.callCount != domain.callCount
    return [
      Finding(
        rule: isOtherCount ? Finding.wrongStepCount : Finding.calibratedElsewhere, policy: policy.description,
        meaning: "\(subject) was made elsewhere: this recording has " + differences.joined(separator: ", "),
        remedy: "\(remedy) from recordings like this one")
    ]
  }
}
