/// Sums over tokens, in eight running sums: the same order of additions on every processor.
package enum FixedOrder {
  package static func sum(_ values: [Double]) -> Double { values.withUnsafeBufferPointer { sum($0) } }

  package static func sum(_ values: UnsafeBufferPointer<Double>) -> Double {
    var lanes = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= values.count {
      lanes += UnsafeRawPointer(values.baseAddress! + index).loadUnaligned(as: SIMD8<Double>.self)
      index += 8
    }
    var sum = lanes.sum()
    while index < values.count {
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
