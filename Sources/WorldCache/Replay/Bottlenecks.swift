import Trace

/// The tokens that carry the error, and the groups in which a policy had them.
public struct Bottlenecks: Sendable {
  /// Tokens by falling share of the squared error of all; empty when there is no error.
  public let ranking: [(token: Int, share: Double)]
  /// The groups that predictions told apart; empty when they told none.
  public let groups: [Group]
  private let tokenCount: Int
  private let groupCounts: [[Int]]

  /// One group of tokens, over all predicted calls.
  public struct Group: Sendable {
    public let name: String
    /// Part of all tokens' predicted calls that were spent in it.
    public let tokenShare: Double
    /// Part of the squared error that came from it; nil when there is none.
    public let errorShare: Double?
    /// Part of the predicted calls of the tokens that carry half of the error that were spent in it, over
    /// ``tokenShare``: 1 is chance. Nil when it is always empty, or there is no error.
    public let lift: Double?
  }

  init(_ streams: [StreamDetails], groupNames: [String]) {
    tokenCount = streams[0].sets[0].members.count
    var squares = [Double](repeating: 0, count: tokenCount)
    let count = streams.map(\.groupCounts.count).max() ?? 0
    var counts = Array(repeating: [Int](repeating: 0, count: tokenCount), count: count)
    var groupSquares = [Double](repeating: 0, count: count)
    for stream in streams {
      for branch in stream.tokenSquaredErrors[.all]! {
        for token in squares.indices { squares[token] += branch[token] }
      }
      for group in stream.groupCounts.indices {
        groupSquares[group] += stream.groupSquaredErrors[group]
        for token in squares.indices { counts[group][token] += stream.groupCounts[group][token] }
      }
    }
    let total = squares.reduce(0, +)
    let hasError = total > 0 && total.isFinite
    ranking =
      hasError
      ? squares.indices.sorted { squares[$0] != squares[$1] ? squares[$0] > squares[$1] : $0 < $1 }
        .map { ($0, squares[$0] / total) } : []
    let hot = ranking.prefix(Bottlenecks.count(carrying: 0.5, of: ranking.map(\.share))).map(\.token)
    let everything = counts.joined().reduce(0, +)
    let hotEverything = counts.reduce(0) { sum, row in hot.reduce(sum) { $0 + row[$1] } }
    groups = counts.indices.map { group in
      let share = Double(counts[group].reduce(0, +)) / Double(max(everything, 1))
      let hotShare = Double(hot.reduce(0) { $0 + counts[group][$1] }) / Double(max(hotEverything, 1))
      return Group(
        name: groupNames.indices.contains(group) ? groupNames[group] : "group \(group)", tokenShare: share,
        errorShare: hasError ? groupSquares[group] / groupSquares.reduce(0, +) : nil,
        lift: hasError && share > 0 ? hotShare / share : nil)
    }
    groupCounts = counts
  }

  /// The smallest part of the tokens that together carry `part` of the error; nil when there is none.
  public func fraction(carrying part: Double) -> Double? {
    ranking.isEmpty
      ? nil
      : Double(Bottlenecks.count(carrying: part, of: ranking.map(\.share))) / Double(tokenCount)
  }

  /// Part of its predicted calls that a token spent in each group.
  public func groupShares(of token: Int) -> [Double] {
    let all = groupCounts.reduce(0) { $0 + $1[token] }
    return groupCounts.map { all == 0 ? 0 : Double($0[token]) / Double(all) }
  }

  // How many of the largest shares add up to `part`; a few units of rounding may be missing.
  private static func count(carrying part: Double, of shares: [Double]) -> Int {
    var sum = 0.0
    for (index, share) in shares.enumerated() {
      sum += share
      if sum >= part - 1e-12 { return index + 1 }
    }
    return shares.count
  }
}
