/// Sums of absolute values and of squares, with eight running sums.
package enum ChangeSums {
  package static func of(_ values: [Double]) -> (absolute: Double, squared: Double) {
    values.withUnsafeBufferPointer { values in
      sum(values.count) { index in
        SIMD8(loading: values, at: index)
      } tail: {
        values[$0]
      }
    }
  }

  package static func between(_ a: [Double], _ b: [Double]) -> (absolute: Double, squared: Double) {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        sum(a.count) { index in
          SIMD8(loading: b, at: index) - SIMD8(loading: a, at: index)
        } tail: {
          b[$0] - a[$0]
        }
      }
    }
  }

  package static func of(_ values: TensorDifference) -> (absolute: Double, squared: Double) {
    values.lending { values in
      sum(values.count) {
        values.eight(at: $0)
      } tail: {
        values.one(at: $0)
      }
    }
  }

  package static func between(
    _ a: TensorDifference, _ b: TensorDifference
  ) -> (absolute: Double, squared: Double) {
    a.lending { a in
      b.lending { b in
        sum(a.count) {
          b.eight(at: $0) - a.eight(at: $0)
        } tail: {
          b.one(at: $0) - a.one(at: $0)
        }
      }
    }
  }

  @inline(__always)
  private static func sum(
    _ count: Int, _ lanes: (Int) -> SIMD8<Double>, tail: (Int) -> Double
  ) -> (absolute: Double, squared: Double) {
    var absolute = SIMD8<Double>.zero
    var squared = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= count {
      let x = lanes(index)
      absolute += x.replacing(with: -x, where: x .< 0)
      squared += x * x
      index += 8
    }
    var (sum, squares) = (absolute.sum(), squared.sum())
    while index < count {
      let x = tail(index)
      sum += abs(x)
      squares += x * x
      index += 1
    }
    return (sum, squares)
  }
}
