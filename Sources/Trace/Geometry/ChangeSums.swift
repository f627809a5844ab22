/// Sums over the numbers of a tensor, or over the changes from one to another, in double precision.
package enum ChangeSums {
  /// Sums over `|x|` and `x²`.
  package typealias Sums = (absolute: Double, squared: Double)

  package static func of(_ values: TensorDifference) -> Sums { sums(of: values) }

  package static func between(_ a: TensorDifference, _ b: TensorDifference) -> Sums { sums(between: a, b) }

  // The same sums one at a time, for about two thirds of the work; nothing of the other is worked out.

  package static func absolute(of values: TensorDifference) -> Double { sums(of: values).absolute }
  package static func squared(of values: TensorDifference) -> Double { sums(of: values).squared }

  package static func absolute(between a: TensorDifference, _ b: TensorDifference) -> Double {
    sums(between: a, b).absolute
  }

  package static func squared(between a: TensorDifference, _ b: TensorDifference) -> Double {
    sums(between: a, b).squared
  }

  // Most tensors have nothing taken off them; their loops need not ask.

  @inline(__always)
  private static func sums(of values: TensorDifference) -> Sums {
    if let whole = values.whole {
      return whole.withUnsafeBufferPointer { values in
        sum(values.count) { index in
          SIMD8(loading: values, at: index)
        } tail: {
          Double(values[$0])
        }
      }
    }
    return values.lending { values in
      sum(values.count) {
        values.eight(at: $0)
      } tail: {
        values.one(at: $0)
      }
    }
  }

  @inline(__always)
  private static func sums(between a: TensorDifference, _ b: TensorDifference) -> Sums {
    if let a = a.whole, let b = b.whole {
      return a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          sum(a.count) { index in
            SIMD8<Double>(loading: b, at: index) - SIMD8<Double>(loading: a, at: index)
          } tail: {
            Double(b[$0]) - Double(a[$0])
          }
        }
      }
    }
    return a.lending { a in
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
  ) -> Sums {
    var absolute = SIMD8<Double>.zero
    var squared = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= count {
      let x = lanes(index)
      absolute += x.magnitudes
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
