import Trace

/// Computes the calls that are written into the specification.
enum MaskPolicy {
  static let entry = PolicyEntry(
    name: "mask", summary: "Computes the calls that you write down (an explicit mask).",
    source: "Your timetable; cache-dit calls it steps_computation_mask (vipshop/cache-dit f86744a).",
    parameters: [Parameter("calls", .text(allowed), default: nil, "which calls are computed")]
      + PredictorChoice.parameters + [.site()],
    kind: .ordinary { values in
      let text = values.text("calls")
      guard let calls = calls(text) else {
        throw PolicyError("calls=\(text) of policy 'mask' is not allowed; it takes \(allowed)")
      }
      return FixedSchedule(
        spec: values.spec, site: values.site("site"), predictor: try PredictorChoice.predictor(values),
        calls: calls, source: "\(values.spec)")
    })

  /// The specification that computes those positions and predicts the others at a site.
  static func spec(computing positions: [Int], _ predictor: any Predictor, site: Site) -> PolicySpec {
    PolicySpec(
      name: "mask",
      settings: [.init("calls", positions.map(String.init).joined(separator: "+"))]
        + (PredictorChoice.settings(predictor, at: site) ?? []))
  }

  static let allowed =
    "a 1 for each computed call and a 0 for each predicted one, such as 1101, or computed positions in "
    + "ascending order joined by +, such as 0+1+3"

  /// The first call is always computed, so that a mask begins with 1 and a list of positions with 0.
  static func calls(_ text: String) -> FixedSchedule.Calls? {
    if text.first == "1" {
      return text.allSatisfy { $0 == "0" || $0 == "1" } ? .mask(text.map { $0 == "1" }) : nil
    }
    let parts = text.split(separator: "+", omittingEmptySubsequences: false)
    let positions = parts.compactMap { Int($0) }
    guard positions.count == parts.count, positions.first == 0,
      zip(positions, positions.dropFirst()).allSatisfy({ $0 < $1 }),
      zip(parts, positions).allSatisfy({ $0 == String($1) })
    else { return nil }
    return .positions(positions)
  }
}
