import Trace

/// Predictors by name, for policies that leave open how skipped calls are predicted.
enum PredictorChoice {
  /// `predictor` and the settings that belong to each.
  static let parameters: [Parameter] =
    [
      Parameter("predictor", .choice(names), default: "hold", "how skipped calls are predicted"),
      Parameter(
        "order", .integer(0...4), default: "1", "highest order of the differences",
        when: .predictor("taylor", "hermite")),
      Parameter("sigma", .real(0...1000), default: "0.5", "contraction σ", when: .predictor("hermite")),
      Parameter(
        "n-max", .integer(1...Int.max), default: "6", "calls over which the velocity fades",
        when: .predictor("damped", "worldcache")),
    ] + GroupedPredictor.parameters(when: .predictor("worldcache"))

  static let names = ["hold", "taylor", "hermite", "damped", "worldcache"]

  static func predictor(_ values: ParameterValues) throws -> any Predictor {
    switch values.choice("predictor") {
    case "hold": HoldPredictor()
    case "taylor": TaylorPredictor(order: values.integer("order"))
    case "hermite": HermitePredictor(order: values.integer("order"), sigma: values.real("sigma"))
    case "damped": DampedPredictor(nMax: values.integer("n-max"))
    case "worldcache": try GroupedPredictor(values)
    default: preconditionFailure("a predictor is declared but not made")
    }
  }
}

extension Parameter.Condition {
  /// For the parameters of some choices of `predictor`.
  static func predictor(_ choices: String...) -> Parameter.Condition {
    Parameter.Condition(key: "predictor", choices: choices)
  }
}
