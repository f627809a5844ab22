import Synchronization

/// Distances of pairs summed over ranges of ranks: for groups of tokens that lie between quantiles.
///
/// Sums are kept block of ranks by block, so that groupings by other quantiles share them.
package final class RankedTotals: Sendable {
  private let table: DistanceTable
  /// The table's tokens by rank, and their ranks among all that were ranked together.
  private let tokens: [Int]
  private let ranks: [Int]
  // Whether these are all that were ranked.
  private let isWhole: Bool
  private let known = Mutex([Int: RankSums]())

  /// `first` is the place of the table's first token among those that were ranked.
  package init(_ table: DistanceTable, _ ranking: RankedTokens, first: Int) {
    self.table = table
    isWhole = ranking.count == table.tokenCount
    if isWhole {
      tokens = ranking.order
      ranks = []
    } else {
      let own = first..<(first + table.tokenCount)
      ranks = ranking.order.indices.filter { own.contains(ranking.order[$0]) }
      tokens = ranks.map { ranking.order[$0] - first }
    }
  }

  /// Squared norms summed over all tokens, those between two neighbouring `cuts` having their own combination.
  ///
  /// Cost: for every pair of points of a combination one pass over its tokens, the first time.
  package func sumOfSquaredNorms(of combinations: [[(point: Int, weight: Double)]], cuts: [Int]) -> Double {
    precondition(combinations.count == cuts.count + 1)
    var sum = 0.0
    var begin = 0
    for (place, weights) in combinations.enumerated() {
      let end = place < cuts.count ? self.place(of: cuts[place]) : tokens.count
      defer { begin = end }
      guard begin < end else { continue }
      var (plus, minus) = (0.0, 0.0)
      for (first, second, factor) in QuadraticForm(weights, origin: table.origin).pairs {
        let term = factor * total(first, second, over: begin..<end)
        plus += max(term, 0)
        minus -= min(term, 0)
      }
      sum += DistanceTable.settled(plus, minus)
    }
    return sum
  }

  /// How many of the table's tokens have a rank below `cut`.
  private func place(of cut: Int) -> Int {
    if isWhole { return cut }
    var (low, high) = (0, ranks.count)
    while low < high {
      let middle = (low + high) / 2
      if ranks[middle] < cut { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func total(_ u: Int, _ v: Int, over range: Range<Int>) -> Double {
    let key = u * (table.origin + 1) + v
    let sums = known.withLock { known in
      if let sums = known[key] { return sums }
      let sums = RankSums(count: tokens.count)
      known[key] = sums
      return sums
    }
    return sums.sum(over: range) { parts in
      table.squaredDistances(u, v).withUnsafeBufferPointer { row in
        tokens.withUnsafeBufferPointer { tokens in parts.map { RankedTotals.gather(row, tokens, $0) } }
      }
    }
  }

  // Four running sums, so that additions do not wait for one another.
  private static func gather(
    _ row: UnsafeBufferPointer<Double>, _ tokens: UnsafeBufferPointer<Int>, _ range: Range<Int>
  ) -> Double {
    var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
    var place = range.lowerBound
    while place + 4 <= range.upperBound {
      a += row[tokens[place]]
      b += row[tokens[place + 1]]
      c += row[tokens[place + 2]]
      d += row[tokens[place + 3]]
      place += 4
    }
    while place < range.upperBound {
      a += row[tokens[place]]
      place += 1
    }
    return (a + b) + (c + d)
  }
}
