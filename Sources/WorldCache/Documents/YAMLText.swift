import Yams

/// Reads YAML 1.1 through Yams; what a scalar means is left to whoever reads the field.
enum YAMLText {
  static func parse(_ text: String, of name: String) throws -> Document {
    let node: Node?
    do {
      node = try compose(yaml: text)
    } catch let error as YamlError {
      throw fault(error, name)
    }
    guard let node else { throw PolicyError("\(name), line 1: the file is empty") }
    return try document(node, name)
  }

  private static func document(_ node: Node, _ name: String) throws -> Document {
    let line = node.mark?.line ?? 1
    switch node {
    case .scalar(let scalar):
      let isQuoted = scalar.style == .singleQuoted || scalar.style == .doubleQuoted
      return Document(value: .scalar(scalar.string, isQuoted: isQuoted), line: line)
    case .sequence(let sequence):
      return Document(value: .list(try sequence.map { try document($0, name) }), line: line)
    case .mapping(let mapping):
      return Document(
        value: .mapping(
          try mapping.map { key, value in
            guard case .scalar(let scalar) = key else {
              throw PolicyError("\(name), line \(key.mark?.line ?? line): a key must be a word")
            }
            return (scalar.string, try document(value, name))
          }), line: line)
    case .alias:
      throw PolicyError("\(name), line \(line): references to other places are not read here")
    }
  }

  private static func fault(_ error: YamlError, _ name: String) -> PolicyError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      PolicyError("\(name), line \(mark.line): this is not YAML: \(problem)")
    case .duplicatedKeysInMapping(let keys, let context):
      PolicyError(
        "\(name), line \(context.mark.line): "
          + keys.map { "\($0)" }.joined(separator: ", ") + " is given twice")
    default: PolicyError("\(name): this is not YAML")
    }
  }
}
