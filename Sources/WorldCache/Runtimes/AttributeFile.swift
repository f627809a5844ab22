/// `{"attributes": {…}, "policy": …}`.
struct AttributeFile {
  let attributes: Members
  let policy: Field?

  static func text(_ attributes: [(String, JSONValue)], of spec: PolicySpec) -> String {
    JSONValue.object([("attributes", .object(attributes)), ("policy", .string(spec.description))]).text
  }

  /// Nil for a file of another kind: one without attributes, or without the attribute `mark` among them.
  init?(_ path: String, _ names: [String], mark: String) throws {
    let whole = try Document.read(path)
    guard whole.isMapping, let entry = try whole.entries().first(where: { $0.key == "attributes" }),
      try entry.field.entries().contains(where: { $0.key == mark })
    else { return nil }
    policy = try whole.members(["attributes", "policy"])["policy"]
    attributes = try entry.field.members(names)
  }
}
