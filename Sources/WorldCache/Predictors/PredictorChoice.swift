import Trace

/// Predictors by name, for policies that leave open how skipped calls are predicted.
enum PredictorChoice {
  /// `predictor` and the settings that belong to each.
  static let parameters: [Parameter] = [
    Parameter("predictor", .choice(names), default: "hold", "how skipped calls are predicted"),
    Parameter("order", .integer(0...4), default: "1", "highest order of the differences", when: ["taylor"]),
    Parameter(
      "n-max", .integer(1...Int.max), default: "6", "calls over which the velocity fades",
      when: ["damped", "worldcache"]),
    Parameter(
      "p-stable", .real(0...1), default: "0.3", "quantile of curvature below which tokens hold",
      when: ["worldcache"]),
    Parameter(
      "p-chaotic", .real(0...1), default: "0.6", "quantile of curvature from which tokens are damped",
      when: ["worldcache"]),
  ]

  static let names = ["hold", "taylor", "damped", "worldcache"]

  static func predictor(_ values: ParameterValues) throws -> any Predictor {
    switch values.choice("predictor") {
    case "hold": HoldPredictor()
    case "taylor": TaylorPredictor(order: values.integer("order"))
    case "damped": DampedPredictor(nMax: values.integer("n-max"))
    case "worldcache": try GroupedPredictor(values)
    default: preconditionFailure("a predictor is declared but not made")
    }
  }
}

extension Parameter {
  fileprivate init(
    _ key: String, _ kind: Kind, default value: String, _ help: String, when predictors: [String]
  ) {
    self.init(
      key, kind, default: value, help, when: Condition(key: "predictor", choices: predictors))
  }
}
