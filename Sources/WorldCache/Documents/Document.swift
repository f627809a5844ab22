import Foundation

/// A value of a JSON or YAML text, with the line on which it stands.
struct Document: Sendable {
  indirect enum Value: Sendable {
    /// Keys in the order written.
    case mapping([(key: String, value: Document)])
    case list([Document])
    /// A number, a word or a quoted text, as written.
    case scalar(String, isQuoted: Bool)
  }

  var value: Value
  /// Counted from 1.
  var line: Int

  /// Reads a file by the ending of its name; throws a ``PolicyError`` with the line that is wrong.
  static func read(_ path: String) throws -> Field {
    let text = try text(of: path)
    switch URL(filePath: path).pathExtension.lowercased() {
    case "json": return Field(file: path, name: "", document: try JSONText.parse(text, of: path))
    case "yaml", "yml": return Field(file: path, name: "", document: try YAMLText.parse(text, of: path))
    default:
      throw PolicyError(
        "\(path): its name must end in .json, .yaml or .yml, so that it is known how to read it")
    }
  }

  /// A file's whole text.
  static func text(of path: String) throws -> String {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
      throw PolicyError("\(path): there is no such file")
    }
    if attributes[.type] as? FileAttributeType == .typeDirectory {
      throw PolicyError("\(path): this is a folder; name a file")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw PolicyError("\(path): the file cannot be read")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw PolicyError("\(path): the file is not UTF-8 text")
    }
    return text
  }

  /// In a few words, for errors.
  var shown: String {
    switch value {
    case .mapping: "a group of keys"
    case .list: "a list"
    case .scalar("", isQuoted: false): "empty"
    case .scalar(let text, _): "'\(text.count > 60 ? text.prefix(60) + "…" : text)'"
    }
  }

  /// Puts a setting in place of every `$name`.
  func replacing(_ settings: (String, _ line: Int) throws -> String) rethrows -> Document {
    switch value {
    case .mapping(let members):
      Document(value: .mapping(try members.map { ($0.key, try $0.value.replacing(settings)) }), line: line)
    case .list(let items):
      Document(value: .list(try items.map { try $0.replacing(settings) }), line: line)
    case .scalar(let text, let isQuoted):
      if text.hasPrefix("$") {
        Document(value: .scalar(try settings(String(text.dropFirst()), line), isQuoted: false), line: line)
      } else {
        Document(value: .scalar(text, isQuoted: isQuoted), line: line)
      }
    }
  }
}
