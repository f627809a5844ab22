import Trace

/// A fitted schedule as JSON: written in full precision, read strictly.
///
/// Files of version 1 say noise levels and branches in place of all that the schedule is valid for.
public enum FittedFile {
  static let format = "wctrace fitted schedule"
  static let version = 2

  /// Reads a file; throws a ``PolicyError`` that names the line and what is allowed.
  static func read(_ path: String) throws -> [FittedSchedule] {
    let whole = Field(file: path, name: "", document: try JSONText.parse(Document.text(of: path), of: path))
    let members = try whole.members(["format", "version", "schedules"])
    let version = try members.require(format: format, of: "a fitted schedule", versions: 1...version)
    let list = try members.required("schedules", "a list, one entry for each way to sample")
    let schedules = try list.items().map { try schedule($0, version: version) }
    guard let site = schedules.first?.site, schedules.allSatisfy({ $0.site == site }) else {
      throw list.fault("schedules takes one schedule or more, all of one site")
    }
    return schedules
  }

  private static func schedule(_ field: Field, version: Int) throws -> FittedSchedule {
    let members = try field.members(
      ["site", "mask", "predictions", "found"] + (version == 1 ? ["sigmas", "branches"] : ["valid_for"]))
    let site = try members.required("site", "what is cached").site()
    let domain =
      version == 1
      ? try olderDomain(members, site)
      : try ValidityDomain(members.required("valid_for", "model, calls and solver"))
    let sigmas = domain.sigmas
    let maskField = try members.required("mask", "a 1 for each computed call and a 0 for each other")
    let mask = Array(try maskField.text())
    guard mask.count == sigmas.count, mask.first == "1", mask.allSatisfy({ $0 == "0" || $0 == "1" }) else {
      throw maskField.fault(
        "\(maskField.name) takes a 1 or 0 for each of the \(sigmas.count) calls that have sigmas, beginning with 1"
      )
    }
    return FittedSchedule(
      site: site, domain: domain, computed: mask.indices.filter { mask[$0] == "1" },
      combinations: try combinations(members.required("predictions", "a list"), mask))
  }

  // The branches are those that are cached, at the site `guided` one.
  private static func olderDomain(_ members: Members, _ site: Site) throws -> ValidityDomain {
    let sigmas = try members.required("sigmas", "the noise level of every call").reals()
    let branchCount = try members.required("branches", "a whole number").integer(in: 1...1000)
    return ValidityDomain(
      model: "", weightsDigest: "", solver: "", shift: 1, guidance: nil,
      branchCount: site == .guided ? 0 : branchCount, sigmas: sigmas, experts: sigmas.map { _ in 0 })
  }

  private static func combinations(_ field: Field, _ mask: [Character]) throws -> [Int: Combination] {
    var combinations: [Int: Combination] = [:]
    for item in try field.items("a list with one entry for each predicted call") {
      let members = try item.members(["call", "from", "weights"])
      let callField = try members.required("call", "a predicted call")
      let call = try callField.integer(in: 0...(mask.count - 1))
      guard mask[call] == "0", combinations[call] == nil else {
        throw callField.fault(
          "\(callField.name) is \(call), which is "
            + (mask[call] == "1" ? "computed according to mask" : "predicted twice"))
      }
      let fromField = try members.required("from", "computed calls")
      let weightsField = try members.required("weights", "numbers")
      let from = try fromField.items("a list of computed calls").map { item in
        let position = try item.integer(in: 0...(mask.count - 1))
        guard position < call, mask[position] == "1" else {
          throw item.fault("\(item.name) is \(position); it takes a computed call before call \(call)")
        }
        return position
      }
      let weights = try weightsField.reals()
      guard from.count == weights.count, !from.isEmpty, Set(from).count == from.count else {
        throw fromField.fault(
          "\(fromField.name) names \(from.count) calls beside \(weights.count) weights; it takes as many, each once"
        )
      }
      combinations[call] = zip(from, weights).reduce(Combination()) {
        $0 + Combination(valueAt: $1.0) * $1.1
      }
    }
    if let lacking = mask.indices.first(where: { mask[$0] == "0" && combinations[$0] == nil }) {
      throw field.fault(
        "\(field.name) has no entry for call \(lacking), which is predicted according to mask")
    }
    return combinations
  }

  /// The text of a file; `found` says where the schedule is from.
  public static func text(_ schedule: FittedSchedule, found: [(String, JSONValue)]) -> String {
    let computed = Set(schedule.computed)
    let one = JSONValue.object([
      ("site", .string(schedule.site.name)), ("valid_for", schedule.domain.json),
      ("mask", .string(String(schedule.sigmas.indices.map { computed.contains($0) ? "1" : "0" }))),
      (
        "predictions",
        .array(
          schedule.combinations.keys.sorted().map { call in
            let terms = schedule.combinations[call]!.terms
            return .object([
              ("call", .integer(call)), ("from", .array(terms.map { .integer($0.position) })),
              ("weights", .array(terms.map { .number($0.weight) })),
            ])
          })
      ),
      ("found", .object(found)),
    ])
    return JSONValue.object([
      ("format", .string(format)), ("version", .integer(version)), ("schedules", .array([one])),
    ]).text + "\n"
  }
}
