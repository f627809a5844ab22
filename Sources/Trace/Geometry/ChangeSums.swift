/// Sums of absolute values and of squares, with eight running sums.
package enum ChangeSums {
  package static func of(_ values: TensorDifference) -> (absolute: Double, squared: Double) {
    if let whole = values.whole { return of(whole) }
    return values.lending { values in
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
    if let a = a.whole, let b = b.whole { return between(a, b) }
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

  // Most tensors have nothing taken off them; their loops need not ask.

  private static func of(_ values: [Float]) -> (absolute: Double, squared: Double) {
    values.withUnsafeBufferPointer { values in
      sum(values.count) { index in
        SIMD8(loading: values, at: index)
      } tail: {
        Double(values[$0])
      }
    }
  }

  private static func between(_ a: [Float], _ b: [Float]) -> (absolute: Double, squared: Double) {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        sum(a.count) { index in
          SIMD8<Double>(loading: b, at: index) - SIMD8<Double>(loading: a, at: index)
        } tail: {
          Double(b[$0]) - Double(a[$0])
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
