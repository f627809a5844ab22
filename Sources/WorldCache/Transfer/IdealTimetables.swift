import Trace

/// Timetables that are ideal for some traces together, to be run on any as masks.
struct IdealTimetables {
  private let predictor: any Predictor
  private let site: Site
  private let positions: [[Int]]

  /// Searches for each number of computed calls, all when `counts` is nil; `plan` is of the policy `ideal`.
  ///
  /// Throws a ``PolicyError`` when chunks differ in length or the search is not defined for them.
  init(_ plan: PolicyPlan, over geometries: [Geometry], counts: [Int]?) throws {
    guard let predictor = try plan.predictor() else { preconditionFailure("an ideal always predicts") }
    self.predictor = predictor
    site = plan.values.site("site")
    let lengths = Set(geometries.map(\.callCount))
    guard lengths.count == 1, let length = lengths.first else {
      let list = lengths.sorted().map(String.init).joined(separator: " and ")
      throw PolicyError(
        "one timetable for several traces needs as many calls in each chunk; there are \(list) (--group-by steps)"
      )
    }
    let wanted = counts ?? Array(1...length)
    let sets = try Set(
      geometries.map { try IdealPolicy.set(plan.values.text("tokens"), $0, plan.spec) })
    guard sets.count == 1, let set = sets.first else {
      throw PolicyError(
        "\(plan.spec) counts the errors of tokens=\(plan.values.text("tokens")); the traces have other sets beside "
          + "it")
    }
    let search = try IdealSearch(
      geometries, predictor, IdealPolicy.aim(plan.values), IdealPolicy.constraints(plan.values),
      upTo: wanted.max(), set: set)
    positions = wanted.compactMap { $0 <= length ? search.schedule(computing: $0) : nil }
  }

  /// The timetables as policies.
  func specs() -> [PolicySpec] {
    positions.map { MaskPolicy.spec(computing: $0, predictor, site: site) }
  }
}
