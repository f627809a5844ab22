/// Sums over tokens, in eight running sums: the same order of additions on every processor.
package enum FixedOrder {
  package static func sum(_ values: [Double]) -> Double {
    values.withUnsafeBufferPointer { $0.baseAddress.map { sum($0, values.count) } ?? 0 }
  }

  static func sum(_ values: UnsafePointer<Double>, _ count: Int) -> Double {
    var (sum, index) = (0.0, 0)
    if count >= 8 {
      var lanes = SIMD8<Double>.zero
      while index + 8 <= count {
        lanes += SIMD8(loading: UnsafeBufferPointer(start: values, count: count), at: index)
        index += 8
      }
      sum = lanes.sum()
    }
    while index < count {
      sum += values[index]
      index += 1
    }
    return sum
  }

  /// Adds `factor` times each value to its total.
  package static func add(_ values: [Double], times factor: Double, to totals: inout [Double]) {
    precondition(values.count == totals.count)
    values.withUnsafeBufferPointer { values in
      totals.withUnsafeMutableBufferPointer { totals in
        for index in values.indices { totals[index] += factor * values[index] }
      }
    }
  }

  /// The largest of zero and the values.
  package static func largest(_ values: [Double]) -> Double {
    values.withUnsafeBufferPointer { values in
      var lanes = SIMD8<Double>.zero
      var index = 0
      while index + 8 <= values.count {
        for lane in 0..<8 { lanes[lane] = Swift.max(lanes[lane], values[index + lane]) }
        index += 8
      }
      var largest = lanes.max()
      while index < values.count {
        largest = Swift.max(largest, values[index])
        index += 1
      }
      return largest
    }
  }
}
