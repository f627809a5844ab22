/// Values of which some are asked for by rank, without sorting them all.
///
/// Bins over the bit patterns, which have the order of non-negative numbers, narrow a rank down to a few
/// values.
package struct RankedValues {
  private static let binCount = 4096
  private let values: [Double]
  private let bins: [UInt16]
  /// Values in the bins before each bin.
  private let before: [Int32]

  /// Takes values that are zero or positive, in any order.
  package init(_ values: [Double]) {
    precondition(!values.isEmpty, "a rank needs values")
    self.values = values
    var (low, high) = (Double.infinity, 0.0)
    var isSound = true
    var bins = [UInt16](repeating: 0, count: values.count)
    var before = [Int32](repeating: 0, count: RankedValues.binCount + 1)
    values.withUnsafeBufferPointer { values in
      for value in values {
        low = value < low ? value : low
        high = value > high ? value : high
        isSound = isSound && value >= 0
      }
      // Adding zero turns −0 into 0.
      let first = (low + 0).bitPattern
      let width = 64 - ((high + 0).bitPattern - first).leadingZeroBitCount
      let shift = UInt64(max(0, width - RankedValues.binCount.trailingZeroBitCount))
      bins.withUnsafeMutableBufferPointer { bins in
        before.withUnsafeMutableBufferPointer { before in
          for index in 0..<values.count where isSound {
            let bin = Int(truncatingIfNeeded: ((values[index] + 0).bitPattern &- first) >> shift)
            bins[index] = UInt16(truncatingIfNeeded: bin)
            before[bin + 1] += 1
          }
          for bin in 1...RankedValues.binCount { before[bin] += before[bin - 1] }
        }
      }
    }
    precondition(isSound, "values must be zero or positive")
    self.bins = bins
    self.before = before
  }

  package var count: Int { values.count }

  /// The values of two ranks, `low` at most `high`, counted from 0.
  package func values(_ low: Int, _ high: Int) -> (Double, Double) {
    let (first, last) = (bin(of: low), bin(of: high))
    let start = Int(before[first])
    let count = Int(before[last + 1]) - start
    // One place more than members: what does not belong is written there and overwritten.
    var members = [Double](unsafeUninitializedCapacity: count + 1) { members, filled in
      var place = 0
      values.withUnsafeBufferPointer { values in
        bins.withUnsafeBufferPointer { bins in
          for index in values.indices {
            members[place] = values[index]
            place += bins[index] >= UInt16(first) && bins[index] <= UInt16(last) ? 1 : 0
          }
        }
      }
      filled = count
    }
    members.sort()
    return (members[low - start], members[high - start])
  }

  private func bin(of rank: Int) -> Int {
    var (low, high) = (0, RankedValues.binCount)
    while high - low > 1 {
      let middle = (low + high) / 2
      if before[middle] <= rank { low = middle } else { high = middle }
    }
    return low
  }
}
