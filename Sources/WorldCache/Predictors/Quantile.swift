/// Quantiles as `torch.quantile` and NumPy define them by default: linear interpolation between the two
/// nearest ranks, rank `p (n − 1)` from 0.
public enum Quantile {
  public static func linear(_ p: Double, ofSorted values: [Double]) -> Double {
    precondition(!values.isEmpty, "a quantile needs values")
    return interpolated(p, count: values.count) { values[$0] }
  }

  /// Quantiles of values in any order, each of which is zero or positive.
  ///
  /// Cost: three passes over the values and a sort of the few that share a quantile's bin; no full sort.
  public static func linear(_ ps: [Double], of values: [Double]) -> [Double] {
    let ranks = Ranks(values)
    return ps.map { p in interpolated(p, count: values.count) { ranks.value($0) } }
  }

  private static func interpolated(_ p: Double, count: Int, _ value: (Int) -> Double) -> Double {
    let rank = p * Double(count - 1)
    let low = Int(rank.rounded(.down))
    let high = min(low + 1, count - 1)
    let (a, b) = (value(low), value(high))
    if a == b { return a }
    return a + (b - a) * (rank - Double(low))
  }

  /// Finds values by rank: bins over the bit patterns, which have the order of non-negative numbers.
  private struct Ranks {
    private static let binCount = 1024
    private let values: [Double]
    private let lowest: UInt64
    private let shift: UInt64
    /// Values in the bins before each bin.
    private var before: [Int]

    init(_ values: [Double]) {
      precondition(!values.isEmpty, "a quantile needs values")
      self.values = values
      var (low, high) = (UInt64.max, UInt64.zero)
      for value in values {
        // Adding zero turns −0 into 0.
        let bits = (value + 0).bitPattern
        low = min(low, bits)
        high = max(high, bits)
      }
      precondition(high <= Double.infinity.bitPattern, "values must be zero or positive")
      lowest = low
      shift = UInt64(max(0, 64 - (high - low).leadingZeroBitCount - 10))
      var counts = [Int](repeating: 0, count: Ranks.binCount + 1)
      for value in values { counts[Int(((value + 0).bitPattern - low) >> shift) + 1] += 1 }
      for bin in 1...Ranks.binCount { counts[bin] += counts[bin - 1] }
      before = counts
    }

    func value(_ rank: Int) -> Double {
      var (low, high) = (0, Ranks.binCount)
      while high - low > 1 {
        let middle = (low + high) / 2
        if before[middle] <= rank { low = middle } else { high = middle }
      }
      var members: [Double] = []
      members.reserveCapacity(before[low + 1] - before[low])
      for value in values where Int(((value + 0).bitPattern - lowest) >> shift) == low {
        members.append(value)
      }
      members.sort()
      return members[rank - before[low]]
    }
  }
}
