extension JSONValue {
  /// On one line, for programs that read line by line.
  var line: String {
    switch self {
    case .null, .bool, .integer, .number, .string: text
    case .array(let items): "[" + items.map(\.line).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { JSONValue.string($0).line + ": " + $1.line }.joined(separator: ", ") + "}"
    }
  }
}
