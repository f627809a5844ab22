import Synchronization

/// Sums over ranges of ranks, block of ranks by block, kept as far as they have been asked for.
///
/// The same sums come out whatever was asked before: a block is added up whole, or by itself where a range
/// ends within it.
package final class RankSums: Sendable {
  package static let blockSize = 128
  private let count: Int
  // NaN where a block has not been added up.
  private let known: Mutex<[Double]>

  package init(count: Int) {
    self.count = count
    known = Mutex([Double](repeating: .nan, count: (count + RankSums.blockSize - 1) / RankSums.blockSize))
  }

  /// The sum over `ranks`; `make` adds up those ranges, ascending, that are not known.
  package func sum(over ranks: Range<Int>, _ make: ([Range<Int>]) -> [Double]) -> Double {
    guard !ranks.isEmpty else { return 0 }
    let size = RankSums.blockSize
    let blocks = (ranks.lowerBound / size)..<((ranks.upperBound - 1) / size + 1)
    var sums = known.withLock { Array($0[blocks]) }
    var parts: [Range<Int>] = []
    var places: [Int] = []
    for block in blocks {
      let whole = (block * size)..<min((block + 1) * size, count)
      let part = whole.clamped(to: ranks)
      guard part != whole || sums[block - blocks.lowerBound].isNaN else { continue }
      parts.append(part)
      places.append(block - blocks.lowerBound)
    }
    if !parts.isEmpty {
      let made = make(parts)
      for (place, sum) in zip(places, made) { sums[place] = sum }
      known.withLock { known in
        for (part, sum) in zip(parts, made) {
          let block = part.lowerBound / size
          if part == (block * size)..<min((block + 1) * size, count) { known[block] = sum }
        }
      }
    }
    return sums.reduce(0, +)
  }
}
