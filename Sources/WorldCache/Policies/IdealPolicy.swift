public import Trace

/// The exact best schedule of one predictor at a given number of computed calls: a bound, not a method.
///
/// It is handed the future: the schedule is found on the very chunk that it is replayed on.
public struct IdealPolicy: Policy {
  static let entry = PolicyEntry(
    name: "ideal",
    summary: "The exact best schedule of one predictor at a given number of computed calls (a bound).",
    source:
      "Dynamic programming over the trace it runs on. A bound only for its own predictor, site and objective.",
    parameters: [
      Parameter(
        "predictor", .choice(["hold", "taylor", "hermite", "damped", "worldcache"]), default: "hold",
        "how skipped calls are predicted"),
      Parameter("calls", .counts, default: nil, "computed calls of each chunk"),
      Parameter(
        "objective", .choice(Objective.exact.map(\.rawValue)), default: "streak",
        "error summed within each streak (streak) or call by call (additive); the largest one of a call (minimax), "
          + "and then the second largest and so on (lexicographic)"),
      .site(),
      Parameter(
        "tokens", .text("all, a modality or frame.N"), default: "all", "whose errors the objective counts",
        isQuiet: true),
      Parameter(
        "power", .real(0.01...1000), default: "2", "power to which errors are raised before they add up",
        when: .init(key: "objective", choices: ["streak", "additive"]), isQuiet: true),
      Parameter(
        "weights", .choice(["none", "solver"]), default: "none",
        "a call's error relative to its tensor (none) or to the final latent, times the solver's weight",
        when: .init(key: "objective", choices: ["additive", "minimax", "lexicographic"]), isQuiet: true),
      Parameter(
        "warmup", .integer(1...1_000_000), default: "1", "calls computed at the start", isQuiet: true),
      Parameter(
        "longest-streak", .integer(0...1_000_000), default: "0",
        "most predicted calls in a row; 0 for as many as the predictor is defined for", isQuiet: true),
      Parameter(
        "last", .choice(["free", "computed"]), default: "free", "whether the last call is computed",
        isQuiet: true),
      Parameter(
        "order", .integer(0...2), default: "1", "highest order of the differences",
        when: .predictor("taylor", "hermite")),
      Parameter(
        "first-enhance", .integer(1...1_000_000), default: "1",
        "calls at the start whose differences are not used, plus 1",
        when: .predictor("taylor", "hermite")),
      Parameter(
        "n-max", .integer(1...Int.max), default: "6", "longest streak of predicted calls",
        when: .predictor("damped", "worldcache")),
      Parameter("sigma", .real(0...1000), default: "0.5", "contraction σ", when: .predictor("hermite")),
      Parameter(
        "basis", .choice(HermitePredictor.Basis.allCases.map(\.rawValue)), default: "hermite",
        "polynomials of the weights", when: .predictor("hermite")),
    ] + GroupedPredictor.parameters(when: .predictor("worldcache")),
    kind: .oracle(
      predictor: { try PredictorChoice.predictor($0) }, site: { $0.site("site") },
      make: { try IdealPolicy($0, $1, place: $2) }))

  public let spec: PolicySpec
  private var forecaster: Forecaster
  private let computed: Set<Int>

  init(_ values: ParameterValues, _ geometry: Geometry, place: Int) throws {
    spec = values.spec
    site = values.site("site")
    let predictor = try PredictorChoice.predictor(values)
    forecaster = Forecaster(predictor)
    let counts = values.counts("calls")
    // `Replay` has checked that there are as many numbers as chunks.
    let calls = counts.count == 1 ? counts[0] : counts[place]
    guard calls <= geometry.callCount else {
      throw PolicyError("\(spec) asks for \(calls) computed calls; the chunk has \(geometry.callCount)")
    }
    let search = try IdealSearch(
      [geometry], predictor, IdealPolicy.aim(values), IdealPolicy.constraints(values), upTo: calls,
      set: IdealPolicy.set(values.text("tokens"), geometry, spec))
    guard let schedule = search.schedule(computing: calls) else {
      let reason =
        calls < predictor.minimumAnchorCount
        ? "it needs \(predictor.minimumAnchorCount) computed calls to predict from"
        : "its streaks are too short"
      throw PolicyError(
        "\(spec) has no schedule of \(calls) computed calls over \(geometry.callCount): \(reason)")
    }
    computed = Set(schedule)
  }

  /// The place of a named token set among the geometry's.
  static func set(_ name: String, _ geometry: Geometry, _ spec: PolicySpec) throws -> Int {
    func spelling(_ set: TokenSet) -> String { set.kind == .frame ? "frame.\(set.name)" : set.name }
    if let place = geometry.sets.firstIndex(where: { spelling($0) == name }) { return place }
    throw PolicyError(
      "\(spec) counts the errors of tokens=\(name); this trace has "
        + geometry.sets.map(spelling).joined(separator: ", "))
  }

  /// The specification of the ideal of another policy's predictor, with the computed calls of each chunk.
  static func spec(
    for predictor: any Predictor, site: Site, calls: [Int], objective: Objective? = nil
  ) -> PolicySpec {
    let objective = objective ?? (IdealSearch.refusal(Aim(), site) == nil ? .streak : .additive)
    var settings: [PolicySpec.Setting] = [
      .init("predictor", predictor.name), .init("calls", calls.map(String.init).joined(separator: "+")),
      .init("objective", objective.rawValue), .init("site", site.name),
    ]
    settings += PredictorChoice.settings(of: predictor)
    return PolicySpec(name: "ideal", settings: settings)
  }

  static func aim(_ values: ParameterValues) -> Aim {
    let objective = Objective(rawValue: values.choice("objective"))!
    return Aim(
      objective, power: objective.isSum ? values.real("power") : 2,
      isWeighted: objective != .streak && values.choice("weights") == "solver")
  }

  static func constraints(_ values: ParameterValues) -> ScheduleConstraints {
    let longest = values.integer("longest-streak")
    return ScheduleConstraints(
      warmUp: values.integer("warmup"), longestStreak: longest == 0 ? nil : longest,
      lastComputed: values.choice("last") == "computed")
  }

  public let site: Site?
  public var predictor: (any Predictor)? { forecaster.predictor }

  public mutating func begin(_ stream: CallStream) { forecaster.reset() }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    Decision(computed.contains(position) ? .compute : .predict, .schedule)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
