import Synchronization

/// The group of every token, made once and compared by identity.
public final class TokenGroups: Hashable, Sendable {
  /// One entry per token, branch after branch.
  public let indices: [UInt8]
  // Members of the groups that have been asked for.
  private let known = Mutex([UInt8: [Int]]())

  public init(_ indices: [UInt8]) { self.indices = indices }

  /// Places of the tokens of a group, ascending.
  public func members(of group: UInt8) -> [Int] {
    if let members = known.withLock({ $0[group] }) { return members }
    let members = indices.indices.filter { indices[$0] == group }
    known.withLock { $0[group] = members }
    return members
  }

  public static func == (a: TokenGroups, b: TokenGroups) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
