import Trace

/// A calibration in a policy's hands: refuses recordings that it is not valid for, or says how they differ.
struct CalibrationUse: Sendable {
  let path: String
  private let use: ValidityUse

  var domain: ValidityDomain { use.domain }

  /// The parameter of policies that can be calibrated, for those that are not.
  static let none = Parameter(
    "calibration", .text("a file of 'wctrace calibrate', or none"), default: "none",
    "numbers for your own model in place of published ones; with elsewhere=allow also for recordings that "
      + "they were not made for", isQuiet: true)

  /// The parameters of policies that are calibrated.
  static let parameters = [
    Parameter("calibration", .text("a file of 'wctrace calibrate'"), default: nil, "numbers for your model"),
    ValidityUse.parameter("model, number of calls, noise levels or solver than the calibration's"),
  ]

  /// The parameter of timetables over edges: a third of the calls unless given, or as few as the edges allow.
  static func calls(_ edges: EdgeCosts, help: String) -> Parameter {
    Parameter(
      "calls", .integer(1...edges.callCount), default: "\(max(edges.fewestComputed, edges.callCount / 3))",
      help)
  }

  /// The file that a specification names; nil when it names none.
  static func path(in spec: PolicySpec) -> String? {
    spec.settings.first { $0.key == "calibration" && $0.value != "none" }?.value
  }

  /// The settings beside those of the calibration, with others in front.
  static func settings(_ values: ParameterValues, _ others: [PolicySpec.Setting]) -> [PolicySpec.Setting] {
    others + values.spec.settings.filter { setting in !parameters.contains { $0.key == setting.key } }
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

  init(_ values: ParameterValues, _ domain: ValidityDomain) {
    path = values.text("calibration")
    use = ValidityUse(
      subject: "the calibration \(path)", domain: domain,
      refused: ValidityUse.otherCalls.union([.model, .solver]),
      remedy: "calibrate anew", isAllowedElsewhere: values.choice("elsewhere") == "allow")
  }

  /// Throws where the numbers would be off, unless that is allowed.
  func check(_ geometry: Geometry) throws { try use.check(geometry) }

  /// The same for numbers that belong to a call each: of another number of calls they mean nothing, wherever they
  /// are allowed. `what` names them.
  func checkByCall(_ geometry: Geometry, _ what: String) throws {
    try use.check(geometry, isByCall: true)
    guard geometry.callCount == domain.callCount else {
      throw PolicyError(
        "the \(what) of \(path) are by call, for \(domain.callCount) of them; this recording has "
          + "\(geometry.callCount)")
    }
  }

  /// How a recording differs from what the calibration was made with.
  func findings(on geometry: Geometry, _ policy: PolicySpec) -> [Finding] {
    use.findings(on: geometry, policy)
  }

  /// The expert of a position of a chunk with so many calls, by the share of calls done.
  func expert(at position: Int, of callCount: Int) -> Int {
    domain.experts[callCount == domain.callCount ? position : position * domain.callCount / callCount]
  }
}
