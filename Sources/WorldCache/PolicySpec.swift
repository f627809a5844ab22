/// A policy as text: `name:key=value,key=value`.
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
    for item in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
      let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, !pair[0].isEmpty, !pair[1].isEmpty else {
        throw PolicyError("'\(item)' in '\(text)' is not key=value")
      }
      if settings.contains(where: { $0.key == pair[0] }) {
        throw PolicyError("'\(pair[0])' is given twice in '\(text)'")
      }
      settings.append(Setting(String(pair[0]), String(pair[1])))
    }
  }

  public var description: String {
    settings.isEmpty ? name : name + ":" + settings.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
  }
}
