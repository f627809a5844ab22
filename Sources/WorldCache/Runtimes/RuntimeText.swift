/// Numbers and texts of settings as JSON and YAML have them.
enum RuntimeText {
  /// A setting's canonical text as a JSON value: a number where it is one.
  static func json(_ text: String) -> JSONValue {
    if let number = Int(text) { return .integer(number) }
    if let number = Double(text) { return .number(number) }
    return .string(text)
  }

  /// Numbers joined by `+`.
  static func numbers(_ text: String) -> JSONValue {
    .array(text.split(separator: "+").map { json(String($0)) })
  }

  static func bits(_ bits: [Bool]) -> JSONValue { .array(bits.map { .integer($0 ? 1 : 0) }) }

  /// A number of a file as a setting's text.
  static func number(_ field: Field) throws -> String { try field.real().shortest }

  static func joined(_ field: Field) throws -> String {
    try field.reals().map(\.shortest).joined(separator: "+")
  }

  /// A setting from a file, where the file has it.
  static func setting(_ key: String, _ field: Field?) throws -> [PolicySpec.Setting] {
    guard let field, !field.isNull else { return [] }
    return [.init(key, try number(field))]
  }

  /// A specification within a file, of that policy; its settings stand for what the file has no word for.
  static func policy(_ field: Field?, _ name: String) throws -> PolicySpec {
    guard let field else { return PolicySpec(name: name) }
    let spec = try PolicySpec(parsing: field.text())
    guard spec.name == name else {
      throw field.fault("\(field.name) is \(spec.name); these settings are those of \(name)")
    }
    return spec
  }
}

extension PolicySpec {
  /// With these settings in place of its own of the same keys.
  func with(_ others: [Setting]) -> PolicySpec {
    PolicySpec(
      name: name,
      settings: settings.filter { setting in !others.contains { $0.key == setting.key } } + others)
  }
}
