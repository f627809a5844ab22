import Synchronization

/// Sums over the tokens of each of several groups, kept as far as they have been asked for.
public final class GroupTotals: Sendable {
  private let table: DistanceTable
  private let groups: ArraySlice<UInt8>
  private let groupCount: Int
  private let known = Mutex([Int: [Double]]())

  /// `groups` has one entry below `groupCount` for each token of the table.
  public init(_ table: DistanceTable, groups: ArraySlice<UInt8>, groupCount: Int) {
    precondition(groups.count == table.tokenCount && groups.allSatisfy { $0 < groupCount })
    self.table = table
    self.groups = groups
    self.groupCount = groupCount
  }

  /// Squared norms summed over all tokens, each group having its own combination.
  ///
  /// Cost: one pass over the tokens for every pair of points that is new here.
  public func sumOfSquaredNorms(of combinations: [[(point: Int, weight: Double)]]) -> Double {
    let form = QuadraticForms(combinations, origin: table.origin)
    var (plus, minus) = ([Double](repeating: 0, count: groupCount), [Double](repeating: 0, count: groupCount))
    for pair in form.pairs {
      let totals = totals(pair.first, pair.second)
      for (group, factor) in pair.factors {
        if factor > 0 {
          plus[group] += factor * totals[group]
        } else {
          minus[group] -= factor * totals[group]
        }
      }
    }
    return zip(plus, minus).reduce(0) { $0 + DistanceTable.settled($1.0, $1.1) }
  }

  private func totals(_ u: Int, _ v: Int) -> [Double] {
    let key = u * (table.origin + 1) + v
    if let totals = known.withLock({ $0[key] }) { return totals }
    let totals = table.totals(u, v, by: groups, count: groupCount)
    known.withLock { $0[key] = totals }
    return totals
  }
}
