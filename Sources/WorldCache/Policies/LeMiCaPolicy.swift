import Trace

/// Computes the calls of the path over edges whose sorted costs are least, largest first, and holds between
/// (LeMiCa).
///
/// An edge's cost is what holding over it does to the final latent (``EdgeCosts``). LeMiCa measures it by running
/// the model with that one stretch cached; a recording gives the open-loop form. Costs are measured on the very
/// trace that is replayed: then the policy has seen what it is to predict. A calibration (docs/calibration.md)
/// gives costs that were averaged over other recordings.
struct LeMiCaPolicy: Policy {
  static let entry = PolicyEntry(
    name: "lemica",
    summary:
      "The path whose worst held stretch costs least (LeMiCa); an oracle, unless calibrated on others.",
    source:
      "arXiv 2511.00090; UnicomAI/LeMiCa 992c80a holds no code. Differs: edges cost what the skipped calls alone do to "
      + "the final latent (open loop); LeMiCa runs the model for every edge.",
    standIn: "LeMiCa's costs include how later calls answer to a stretch; those of a recording do not.",
    parameters: [
      Parameter("calls", .integer(1...1_000_000), default: nil, "computed calls of each chunk"),
      Parameter(
        "site", .choice(sites), default: sites[0], "what is cached and predicted; the solver integrates it"),
      CalibrationUse.none,
    ],
    kind: .oracle(
      predictor: { _ in HoldPredictor() }, site: { site($0) },
      make: { values, geometry, _ in try LeMiCaPolicy(values, geometry) })
  ).loading { spec in try CalibrationUse.path(in: spec).map { try LeMiCaPolicy.load($0) } }

  private static let sites = EdgeCosts.sites(.lemica).map(\.name)
  private static func site(_ values: ParameterValues) -> Site { Site(name: values.choice("site"))! }

  private static func load(_ path: String) throws -> PolicyEntry.Loaded {
    let calibration = try CalibrationFile.read(path)
    let edges = try CalibrationUse.part(.lemica, of: calibration, path, \.lemica)
    return PolicyEntry.Loaded(
      parameters: CalibrationUse.parameters + [
        CalibrationUse.calls(edges, help: "computed calls of a chunk")
      ],
      writtenOut: .init(source: path, domain: calibration.domain) { values in
        let timetable = try edges.path(
          computing: values.integer("calls"), .lexicographic, of: path)
        return MaskPolicy.spec(computing: timetable.computed, HoldPredictor(), site: edges.site)
      }
    ) { try LeMiCaPolicy($0, edges, CalibrationUse($0, calibration.domain)) }
  }

  let spec: PolicySpec
  let site: Site?
  private let computed: Set<Int>
  private let calibrated: CalibrationUse?
  private var forecaster = Forecaster(HoldPredictor())

  init(_ values: ParameterValues, _ geometry: Geometry) throws {
    spec = values.spec
    calibrated = nil
    site = LeMiCaPolicy.site(values)
    let costs = try EdgeCosts.relative(
      .lemica, over: geometry, longest: geometry.callCount,
      to: geometry.finalSquaredNorms.isEmpty ? 1 : FixedOrder.sum(geometry.finalSquaredNorms))
    computed = Set(
      try EdgeCosts(.lemica, geometry.site, [costs]).path(
        computing: values.integer("calls"), .lexicographic, of: "\(values.spec)"
      ).computed)
  }

  /// With costs of a calibration; nothing of the recording is looked at.
  private init(_ values: ParameterValues, _ edges: EdgeCosts, _ use: CalibrationUse) throws {
    spec = values.spec
    calibrated = use
    site = edges.site
    computed = Set(
      try edges.path(computing: values.integer("calls"), .lexicographic, of: use.path).computed)
  }

  func check(_ geometry: Geometry) throws { try calibrated?.checkByCall(geometry, "edge costs") }
  func findings(on geometry: Geometry) -> [Finding] { calibrated?.findings(on: geometry, spec) ?? [] }

  var predictor: (any Predictor)? { forecaster.predictor }

  mutating func begin(_ stream: CallStream) { forecaster.reset() }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    Decision(computed.contains(position) ? .compute : .predict, position == 0 ? .warmUp : .schedule)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
