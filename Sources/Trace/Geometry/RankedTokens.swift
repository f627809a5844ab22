/// Tokens in the order of a value that each has, so that groups between quantiles are ranges of ranks.
///
/// Equal values stand in the order of tokens. Made once and compared by identity.
package final class RankedTokens: Hashable, Sendable {
  /// The token of each rank.
  package let order: [Int]
  /// The value of each rank, ascending.
  package let sorted: [Double]

  /// Takes values that are zero or positive, one per token.
  ///
  /// Cost: a few passes over the values and a sort of the few that share one of as many bins.
  package init(_ values: [Double]) {
    precondition(!values.isEmpty, "a rank needs values")
    let count = values.count
    // Bit patterns have the order of non-negative numbers; adding zero turns −0 into 0.
    var (low, high, isSound) = (Double.infinity, 0.0, true)
    for value in values {
      low = value < low ? value : low
      high = value > high ? value : high
      isSound = isSound && value >= 0
    }
    precondition(isSound, "values must be zero or positive")
    let first = (low + 0).bitPattern
    let width = 64 - ((high + 0).bitPattern - first).leadingZeroBitCount
    let bits = Int.bitWidth - count.leadingZeroBitCount
    let shift = UInt64(max(0, width - bits))
    var starts = [Int32](repeating: 0, count: Int(truncatingIfNeeded: 1 << bits) + 1)
    var order = [Int](repeating: 0, count: count)
    var sorted = [Double](repeating: 0, count: count)
    values.withUnsafeBufferPointer { values in
      starts.withUnsafeMutableBufferPointer { starts in
        order.withUnsafeMutableBufferPointer { order in
          sorted.withUnsafeMutableBufferPointer { sorted in
            func bin(_ value: Double) -> Int { Int(truncatingIfNeeded: (value.bitPattern &- first) >> shift) }
            for token in 0..<count { starts[bin(values[token] + 0) + 1] &+= 1 }
            var largest: Int32 = 0
            for bin in 1..<starts.count {
              largest = max(largest, starts[bin])
              starts[bin] &+= starts[bin - 1]
            }
            for token in 0..<count {
              let value = values[token] + 0
              let bin = bin(value)
              let place = Int(starts[bin])
              order[place] = token
              sorted[place] = value
              starts[bin] &+= 1
            }
            // Each bin now ends where the next one began; within it tokens are ascending.
            if largest > RankedTokens.fewest {
              RankedTokens.sortFullBins(starts, order, sorted)
            }
            RankedTokens.settle(order, sorted)
          }
        }
      }
    }
    self.order = order
    self.sorted = sorted
  }

  package static func == (a: RankedTokens, b: RankedTokens) -> Bool { a === b }
  package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

  package var count: Int { order.count }

  /// How many values are below `bound`.
  package func count(below bound: Double) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < bound { low = middle + 1 } else { high = middle }
    }
    return low
  }

  // Members of a bin that are worth a sort of their own.
  private static let fewest = 32

  private static func sortFullBins(
    _ ends: UnsafeMutableBufferPointer<Int32>, _ order: UnsafeMutableBufferPointer<Int>,
    _ sorted: UnsafeMutableBufferPointer<Double>
  ) {
    var begin = 0
    for bin in 0..<(ends.count - 1) {
      let end = Int(ends[bin])
      if end - begin > fewest {
        var members: [(value: Double, token: Int)] = []
        for place in begin..<end { members.append((sorted[place], order[place])) }
        members.sort { a, b in (a.value, a.token) < (b.value, b.token) }
        for (offset, member) in members.enumerated() {
          sorted[begin + offset] = member.value
          order[begin + offset] = member.token
        }
      }
      begin = end
    }
  }

  // Moves what is left out of place, by a few places each, behind all that is not larger.
  private static func settle(
    _ order: UnsafeMutableBufferPointer<Int>, _ sorted: UnsafeMutableBufferPointer<Double>
  ) {
    for place in 1..<max(1, sorted.count) {
      let value = sorted[place]
      guard sorted[place - 1] > value else { continue }
      let token = order[place]
      var target = place
      repeat {
        sorted[target] = sorted[target - 1]
        order[target] = order[target - 1]
        target -= 1
      } while target > 0 && sorted[target - 1] > value
      sorted[target] = value
      order[target] = token
    }
  }
}
