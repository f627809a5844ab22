import Synchronization
import Trace

/// The group of every token, made once and compared by identity.
public final class TokenGroups: Hashable, Sendable {
  /// One entry per token, branch after branch.
  public let indices: [UInt8]
  // Members of the groups that have been asked for.
  private let known = Mutex([[Int]: [Int]]())

  /// Where the groups are ranges of ranks: the ranking, and where one group ends and the next begins.
  let ranked: (ranking: RankedTokens, cuts: [Int])?

  public init(_ indices: [UInt8]) {
    self.indices = indices
    ranked = nil
  }

  /// Groups of tokens between neighbouring `cuts`, which ascend.
  init(_ ranking: RankedTokens, cuts: [Int]) {
    var indices = [UInt8](repeating: 0, count: ranking.count)
    for (group, begin) in cuts.enumerated() {
      let end = group + 1 < cuts.count ? cuts[group + 1] : ranking.count
      for rank in begin..<end { indices[ranking.order[rank]] = UInt8(group + 1) }
    }
    self.indices = indices
    ranked = (ranking, cuts)
  }

  /// The ranks of a group; nil where groups are not ranges of ranks.
  func ranks(of group: Int) -> Range<Int>? {
    guard let (ranking, cuts) = ranked else { return nil }
    return (group == 0 ? 0 : cuts[group - 1])..<(group < cuts.count ? cuts[group] : ranking.count)
  }

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
