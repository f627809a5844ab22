/// What is wrong with a policy as written, or with the trace it was asked to run on: names what was
/// given and what is allowed.
public struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}
