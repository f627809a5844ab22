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
      Parameter(
        "first-enhance", .integer(1...1_000_000), default: "1",
        "calls at the start whose differences are not used, plus 1", when: .predictor("taylor", "hermite"),
        isQuiet: true),
      Parameter("sigma", .real(0...1000), default: "0.5", "contraction σ", when: .predictor("hermite")),
      Parameter(
        "basis", .choice(HermitePredictor.Basis.allCases.map(\.rawValue)), default: "hermite",
        "polynomials of the weights", when: .predictor("hermite"), isQuiet: true),
      Parameter(
        "n-max", .integer(1...Int.max), default: "6", "calls over which the velocity fades",
        when: .predictor("damped", "worldcache")),
    ] + GroupedPredictor.parameters(when: .predictor("worldcache"))

  static let names = ["hold", "taylor", "hermite", "damped", "worldcache"]

  static func predictor(_ values: ParameterValues) throws -> any Predictor {
    switch values.choice("predictor") {
    case "hold": HoldPredictor()
    case "taylor":
      TaylorPredictor(order: values.integer("order"), firstEnhance: values.integer("first-enhance"))
    case "hermite":
      HermitePredictor(
        order: values.integer("order"), sigma: values.real("sigma"),
        basis: HermitePredictor.Basis(rawValue: values.choice("basis"))!,
        firstEnhance: values.integer("first-enhance"))
    case "damped": DampedPredictor(nMax: values.integer("n-max"))
    case "worldcache": try GroupedPredictor(values)
    default: preconditionFailure("a predictor is declared but not made")
    }
  }

  /// All settings of a schedule that predicts so at a site, `predictor` and `site` among them; nil for predictors that
  /// have no name here.
  static func settings(_ predictor: any Predictor, at site: Site) -> [PolicySpec.Setting]? {
    guard names.contains(predictor.name) else { return nil }
    return [.init("predictor", predictor.name)] + settings(of: predictor) + [.init("site", site.name)]
  }

  /// Settings as a file of a schedule has them.
  static func json(_ settings: [PolicySpec.Setting]) -> JSONValue {
    .object(
      settings.map { setting in
        (setting.key, Double(setting.value).map { JSONValue.number($0) } ?? .string(setting.value))
      })
  }

  /// The settings beside `predictor` that make a predictor, in canonical spelling.
  static func settings(of predictor: any Predictor) -> [PolicySpec.Setting] {
    switch predictor {
    case let taylor as TaylorPredictor:
      [.init("order", "\(taylor.order)"), .init("first-enhance", "\(taylor.firstEnhance)")]
    case let damped as DampedPredictor: [.init("n-max", "\(damped.nMax)")]
    case let hermite as HermitePredictor:
      [
        .init("order", "\(hermite.order)"), .init("first-enhance", "\(hermite.firstEnhance)"),
        .init("sigma", hermite.sigma.shortest), .init("basis", hermite.basis.rawValue),
      ]
    case let grouped as GroupedPredictor: grouped.settings
    default: []
    }
  }
}

extension Parameter.Condition {
  /// For the parameters of some choices of `predictor`.
  static func predictor(_ choices: String...) -> Parameter.Condition {
    Parameter.Condition(key: "predictor", choices: choices)
  }
}
