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
    values.withUnsafeBufferPointer { values in
      starts.withUnsafeMutableBufferPointer { starts in
        order.withUnsafeMutableBufferPointer { order in
          func bin(_ token: Int) -> Int {
            Int(truncatingIfNeeded: ((values[token] + 0).bitPattern &- first) >> shift)
          }
          for token in 0..<count { starts[bin(token) + 1] &+= 1 }
          for bin in 1..<starts.count { starts[bin] &+= starts[bin - 1] }
          for token in 0..<count {
            let bin = bin(token)
            order[Int(starts[bin])] = token
            starts[bin] &+= 1
          }
          // Each bin now ends where it began counting the next; within it tokens are ascending.
          var begin = 0
          for bin in 0..<(starts.count - 1) {
            let end = Int(starts[bin])
            RankedTokens.sort(UnsafeMutableBufferPointer(rebasing: order[begin..<end]), values)
            begin = end
          }
        }
      }
    }
    self.order = order
    sorted = order.map { values[$0] + 0 }
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

  // Sorts the tokens of one bin by value, those of equal ones as they are; few are out of place.
  private static func sort(
    _ tokens: UnsafeMutableBufferPointer<Int>, _ values: UnsafeBufferPointer<Double>
  ) {
    if tokens.count > 32 {
      let sorted = tokens.sorted { values[$0] != values[$1] ? values[$0] < values[$1] : $0 < $1 }
      for (place, token) in sorted.enumerated() { tokens[place] = token }
      return
    }
    guard tokens.count > 1 else { return }
    for place in 1..<tokens.count {
      let token = tokens[place]
      var target = place
      while target > 0, values[tokens[target - 1]] > values[token] {
        tokens[target] = tokens[target - 1]
        target -= 1
      }
      tokens[target] = token
    }
  }
}
