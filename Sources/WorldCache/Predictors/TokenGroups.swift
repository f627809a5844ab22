import Synchronization

/// The group of every token, made once and compared by identity.
public final class TokenGroups: Hashable, Sendable {
  /// One entry per token, branch after branch.
  public let indices: [UInt8]
  // Members of the groups that have been asked for.
  private let known = Mutex([[Int]: [Int]]())

  public init(_ indices: [UInt8]) { self.indices = indices }

  /// Places of the tokens of some groups, ascending.
  public func members(of groups: [Int]) -> [Int] {
    if let members = known.withLock({ $0[groups] }) { return members }
    let isMember = (0...Int(UInt8.max)).map(groups.contains)
    let members = indices.indices.filter { isMember[Int(indices[$0])] }
    known.withLock { $0[groups] = members }
    return members
  }

  public static func == (a: TokenGroups, b: TokenGroups) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
