/// Reads how skipped calls are predicted: `hold`, or `{taylor: {order: 2}}` and the like.
enum RulePredictor {
  private static let names = ["hold", "taylor", "damped", "groups"]

  static func read(_ field: Field) throws -> any Predictor {
    guard field.isMapping else {
      switch try field.choice(names) {
      case "hold": return HoldPredictor()
      case "taylor": return TaylorPredictor(order: 1)
      case "damped": return DampedPredictor(nMax: 6)
      default: throw field.fault("\(field.name) is 'groups', which needs by, quantiles and predictors")
      }
    }
    let members = try field.members(names)
    guard members.fields.count == 1, let (name, settings) = members.fields.first else {
      throw field.fault("\(field.name) needs exactly one of " + names.joined(separator: ", "))
    }
    switch name {
    case "hold":
      guard settings.isNull else { throw settings.fault("hold has no settings; write \(field.name): hold") }
      return HoldPredictor()
    case "taylor":
      let settings = try settings.members(["order", "first-enhance"])
      return TaylorPredictor(
        order: try settings["order"]?.integer(in: 0...4) ?? 1,
        firstEnhance: try settings["first-enhance"]?.integer(in: 1...1_000_000) ?? 1)
    case "damped":
      return DampedPredictor(nMax: try settings.members(["n-max"])["n-max"]?.integer(in: 1...Int.max) ?? 6)
    default: return try groups(settings)
    }
  }

  private static func groups(_ field: Field) throws -> QuantileGroupsPredictor {
    let members = try field.members(["by", "quantiles", "predictors"])
    let grouping = try grouping(members)
    let quantiles = grouping.quantiles
    let predictors = try members.required("predictors", "a list of predictors, one for each group").items()
    guard predictors.count == quantiles.count + 1 else {
      throw members["predictors"]!.fault(
        "\(field.name).predictors has \(predictors.count) entries; \(quantiles.count) quantiles make "
          + "\(quantiles.count + 1) groups")
    }
    return QuantileGroupsPredictor(
      grouping: grouping,
      predictors: try predictors.map { field in
        let predictor = try read(field)
        if predictor is QuantileGroupsPredictor { throw field.fault("\(field.name): groups do not nest") }
        return predictor
      })
  }

  /// `by` and `quantiles`.
  static func grouping(_ members: Members) throws -> TokenGrouping {
    let criteria = TokenGrouping.Criterion.allCases.map(\.rawValue)
    let by = try members["by"]?.choice(criteria) ?? "curvature"
    let field = try members.required("quantiles", "a list of ascending numbers from 0 to 1")
    let quantiles = try field.items("a list of ascending numbers from 0 to 1").map { try $0.real(in: 0...1) }
    guard (1...254).contains(quantiles.count), quantiles == quantiles.sorted() else {
      throw field.fault("\(field.name) must be 1 to 254 numbers in ascending order")
    }
    return TokenGrouping(criterion: TokenGrouping.Criterion(rawValue: by)!, quantiles: quantiles)
  }
}
