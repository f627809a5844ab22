/// A rule's file with the parameters that it declares, whose values may be set from a command.
struct RuleFile: Sendable {
  let parameters: [Parameter]
  /// The parameter that stands where the signal is compared and nowhere else; nil when there is none.
  let threshold: Threshold?
  private let whole: Field

  static let version = 1

  init(_ path: String) throws {
    whole = try Document.read(path)
    let members = try whole.members(Rule.keys)
    let version = try members.required("rule", "the version of this format, \(RuleFile.version)")
    guard try version.integer(in: 1...Int.max) == RuleFile.version else {
      throw version.refused("\(RuleFile.version), the version of this format")
    }
    _ = try members["summary"]?.text()
    parameters = try members["parameters"].map { try RuleFile.parameters($0) } ?? []
    var uses: [String: Int] = [:]
    let defaults = Dictionary(uniqueKeysWithValues: parameters.map { ($0.key, $0.defaultValue!) })
    let comparison = try RuleFile.rule(whole, parameters, settings: defaults) { uses[$0, default: 0] += 1 }
      .comparison
    threshold = RuleFile.bound(in: members).flatMap { uses[$0] == 1 ? Threshold($0, comparison) : nil }
    if let idle = parameters.first(where: { uses[$0.key] == nil }) {
      throw members["parameters"]!.fault(
        "the parameter \(idle.key) is not used; write $\(idle.key) where it belongs")
    }
  }

  /// The rule with these values of its parameters.
  func rule(settings: [String: String]) throws -> Rule {
    try RuleFile.rule(whole, parameters, settings: settings) { _ in }
  }

  // The parameter that the signal is compared with.
  private static func bound(in members: Members) -> String? {
    for key in ["predict-while", "compute-when"] {
      guard case .mapping(let words)? = members[key]?.document.value,
        case .scalar(let text, _)? = words.first?.value.value, text.hasPrefix("$")
      else { continue }
      return String(text.dropFirst())
    }
    return nil
  }

  // `use` is told of each parameter that stands in the rule.
  private static func rule(
    _ whole: Field, _ parameters: [Parameter], settings: [String: String], use: (String) -> Void
  ) throws -> Rule {
    guard case .mapping(let members) = whole.document.value else { preconditionFailure("checked when read") }
    // Declarations are no uses.
    let rest = Document(value: .mapping(members.filter { $0.key != "parameters" }), line: whole.document.line)
    let document = try rest.replacing { name, line in
      guard let value = settings[name] else {
        let names = parameters.map(\.key)
        throw PolicyError(
          "\(whole.file), line \(line): there is no parameter '\(name)'\(Spelling.hint(for: name, in: names)); "
            + (names.isEmpty
              ? "none is declared under parameters" : "declared are \(names.joined(separator: ", "))"))
      }
      use(name)
      return value
    }
    return try Rule(Field(file: whole.file, name: "", document: document))
  }

  private static func parameters(_ field: Field) throws -> [Parameter] {
    try field.entries().map { key, field in
      guard Parameter.isName(key), key != "file" else {
        throw field.fault(
          "'\(key)' cannot be a parameter's name; it takes small letters, digits and -, but not 'file'")
      }
      guard field.isMapping else {
        return Parameter(key, .scalar, default: try scalar(field), "set where the file writes $\(key)")
      }
      let members = try field.members(["default", "help"])
      return Parameter(
        key, .scalar, default: try scalar(members.required("default", "a number or a word")),
        try members["help"]?.text() ?? "set where the file writes $\(key)")
    }
  }

  private static func scalar(_ field: Field) throws -> String {
    ParameterValues.scalar(try field.text("a number or a word"))
  }
}
