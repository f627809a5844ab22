/// A policy as text: `name:key=value,key=value`.
///
/// A value with a comma or a double quote in it stands in double quotes, with `\` before each of its double
/// quotes and backslashes: `program:command="python3 rule.py --bands 1,2"`.
public struct PolicySpec: Hashable, Sendable, CustomStringConvertible {
  public var name: String
  /// Keys and values in the order written, or in the order declared when printed by a policy.
  public var settings: [Setting]

  public struct Setting: Hashable, Sendable {
    public var key: String
    public var value: String

    public init(_ key: String, _ value: String) {
      self.key = key
      self.value = value
    }
  }

  public init(name: String, settings: [Setting] = []) {
    self.name = name
    self.settings = settings
  }

  /// Reads a spelling; throws a ``PolicyError`` that shows the expected form.
  public init(parsing text: String) throws {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    guard !name.isEmpty || parts.count == 1 else {
      throw PolicyError("'\(text)' does not begin with a policy's name; write name or name:key=value,…")
    }
    settings = []
    guard parts.count == 2, !parts[1].isEmpty else {
      if parts.count == 2 {
        throw PolicyError("'\(text)' ends after the colon; write \(name) or \(name):key=value,…")
      }
      return
    }
    for item in PolicySpec.items(of: parts[1]) {
      let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, !pair[0].isEmpty, !pair[1].isEmpty else {
        throw PolicyError("'\(item)' in '\(text)' is not key=value")
      }
      if settings.contains(where: { $0.key == pair[0] }) {
        throw PolicyError("'\(pair[0])' is given twice in '\(text)'")
      }
      guard let value = PolicySpec.unquoted(pair[1]), !value.isEmpty else {
        throw PolicyError(
          "the value of '\(pair[0])' in '\(text)' begins with a double quote; it must end with one, and have "
            + "something between them")
      }
      settings.append(Setting(String(pair[0]), value))
    }
  }

  // What stands between the commas that are not within double quotes.
  static func items(of text: Substring) -> [Substring] {
    var items: [Substring] = []
    var start = text.startIndex
    var (isQuoted, isEscaped) = (false, false)
    for index in text.indices {
      switch text[index] {
      case _ where isEscaped: isEscaped = false
      case "\\" where isQuoted: isEscaped = true
      // A double quote opens only where a value begins.
      case "\"" where isQuoted || index > start && text[text.index(before: index)] == "=": isQuoted.toggle()
      case "," where !isQuoted:
        items.append(text[start..<index])
        start = text.index(after: index)
      default: break
      }
    }
    return items + [text[start...]]
  }

  // Nil when a quoted value does not end where its quotes do.
  private static func unquoted(_ text: Substring) -> String? {
    guard text.first == "\"" else { return String(text) }
    var value = ""
    var isEscaped = false
    for (place, character) in text.enumerated().dropFirst() {
      if isEscaped || character != "\\" && character != "\"" {
        value.append(character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        return place == text.count - 1 ? value : nil
      }
    }
    return nil
  }

  private static func quoted(_ value: String) -> String {
    guard value.contains(where: { $0 == "," || $0 == "\"" }) else { return value }
    return "\"" + value.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] } + "\""
  }

  public var description: String {
    settings.isEmpty
      ? name : name + ":" + settings.map { "\($0.key)=\(PolicySpec.quoted($0.value))" }.joined(separator: ",")
  }
}
