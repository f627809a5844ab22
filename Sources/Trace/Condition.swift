/// Something that a rollout was conditioned on, as it was given: a prompt, camera commands, a guidance scale.
public struct Condition: Hashable, Sendable, Codable {
  /// What it is, such as `prompt`; each name occurs once in a trace.
  public var name: String
  public var value: Value

  public enum Value: Hashable, Sendable, Codable {
    case text(String)
    /// In an order that the name implies.
    case numbers([Double])
  }

  public init(_ name: String, _ text: String) {
    self.name = name
    value = .text(text)
  }

  public init(_ name: String, _ numbers: [Double]) {
    self.name = name
    value = .numbers(numbers)
  }
}
