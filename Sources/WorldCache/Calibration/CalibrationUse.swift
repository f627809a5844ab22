import Trace

/// A calibration in a policy's hands: refuses recordings that it is not valid for, or says how they differ.
struct CalibrationUse: Sendable {
  let path: String
  let domain: CalibrationDomain
  /// Whether differences are told instead of refused.
  let isAllowedElsewhere: Bool

  /// The parameter of policies that can be calibrated, for those that are not.
  static let none = Parameter(
    "calibration", .text("a file of 'wctrace calibrate', or none"), default: "none",
    "numbers for your own model in place of published ones; with elsewhere=allow also for recordings that "
      + "they were not made for", isQuiet: true)

  /// The parameters of policies that are calibrated.
  static let parameters = [
    Parameter("calibration", .text("a file of 'wctrace calibrate'"), default: nil, "numbers for your model"),
    Parameter(
      "elsewhere", .choice(["refuse", "allow"]), default: "refuse",
      "recordings of another model, number of calls, noise levels or solver than the calibration's",
      isQuiet: true),
  ]

  /// The file that a specification names; nil when it names none.
  static func path(in spec: PolicySpec) -> String? {
    spec.settings.first { $0.key == "calibration" && $0.value != "none" }?.value
  }

  /// One method's part of a calibration.
  static func part<Part>(
    _ method: Calibration.Method, of calibration: Calibration, _ path: String,
    _ part: KeyPath<Calibration, Part?>
  ) throws -> Part {
    guard let part = calibration[keyPath: part] else {
      throw PolicyError(
        "\(path) is no calibration of \(method.rawValue); it has "
          + calibration.methods.map(\.rawValue).joined(separator: ", "))
    }
    return part
  }

  init(_ values: ParameterValues, _ domain: CalibrationDomain) {
    path = values.text("calibration")
    self.domain = domain
    isAllowedElsewhere = values.choice("elsewhere") == "allow"
  }

  /// Throws where the numbers would be off, unless that is allowed.
  func check(_ geometry: Geometry) throws {
    guard !isAllowedElsewhere else { return }
    let grave = domain.differences(from: geometry).filter(\.isGrave).map(\.text)
    guard !grave.isEmpty else { return }
    throw PolicyError(
      "the calibration \(path) is not valid here: this recording has \(grave.joined(separator: ", ")); calibrate "
        + "anew, or set elsewhere=allow to use it all the same")
  }

  /// How a recording differs from what the calibration was made with.
  func findings(on geometry: Geometry, _ policy: PolicySpec) -> [Finding] {
    let differences = domain.differences(from: geometry).map(\.text)
    guard !differences.isEmpty else { return [] }
    let isOtherCount = geometry.callCount != domain.callCount
    return [
      Finding(
        rule: isOtherCount ? Finding.wrongStepCount : Finding.calibratedElsewhere, policy: policy.description,
        meaning: "the calibration \(path) was made elsewhere: this recording has "
          + differences.joined(separator: ", "),
        remedy: "calibrate anew from recordings like this one")
    ]
  }

  /// The expert of a position of a chunk with so many calls, by the share of calls done.
  func expert(at position: Int, of callCount: Int) -> Int {
    domain.experts[callCount == domain.callCount ? position : position * domain.callCount / callCount]
  }
}
