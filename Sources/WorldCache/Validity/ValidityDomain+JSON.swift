import Trace

/// The member `valid_for` of files: written in full precision, read strictly.
extension ValidityDomain {
  /// Throws a ``PolicyError`` with the line of what is wrong.
  init(_ field: Field) throws {
    let members = try field.members([
      "model", "weights_digest", "solver", "shift", "guidance", "branches", "sigmas", "experts",
    ])
    let sigmas = try members.required("sigmas", "the noise level of every call").reals()
    guard !sigmas.isEmpty, sigmas.count <= 1_000_000 else {
      throw members["sigmas"]!.fault(
        "\(members["sigmas"]!.name) is empty; it has one number for every call of a chunk")
    }
    let experts = try members.required("experts", "the expert of every call").items()
      .map { try $0.integer(in: 0...1000) }
    guard experts.count == sigmas.count else {
      throw members["experts"]!.fault(
        "\(members["experts"]!.name) has \(experts.count) numbers beside \(sigmas.count) sigmas; it takes as many"
      )
    }
    let guidance = try members.required("guidance", "a number or null")
    self.init(
      model: try ValidityDomain.words(members.required("model", "the model's name")),
      weightsDigest: try ValidityDomain.words(
        members.required("weights_digest", "a digest, or an empty text")),
      solver: try ValidityDomain.words(members.required("solver", "the solver's name")),
      shift: try members.required("shift", "a number").real(),
      guidance: try guidance.isNull ? nil : guidance.real(),
      branchCount: try members.required("branches", "a whole number").integer(in: 0...1000),
      sigmas: sigmas, experts: experts)
  }

  // A text that may be empty.
  private static func words(_ field: Field) throws -> String {
    if case .scalar("", isQuoted: true) = field.document.value { return "" }
    return try field.text()
  }

  /// As ``init(_:)`` reads it.
  var json: JSONValue {
    .object([
      ("model", .string(model)), ("weights_digest", .string(weightsDigest)), ("solver", .string(solver)),
      ("shift", .number(shift)), ("guidance", guidance.map { .number($0) } ?? .null),
      ("branches", .integer(branchCount)),
      ("sigmas", .array(sigmas.map { .number($0) })), ("experts", .array(experts.map { .integer($0) })),
    ])
  }
}
