/// A tensor's numbers, or those of one minus those of another, in double precision and without being made: the
/// numbers stay where they are.
package struct TensorDifference: Sendable {
  private let minuend: [Float]
  private let subtrahend: [Float]?

  /// Both must have as many numbers.
  package init(_ minuend: [Float], minus subtrahend: [Float]? = nil) {
    precondition(subtrahend.map { $0.count == minuend.count } ?? true)
    (self.minuend, self.subtrahend) = (minuend, subtrahend)
  }

  package var count: Int { minuend.count }

  /// The tensor's own numbers, when nothing is taken off them.
  var whole: [Float]? { subtrahend == nil ? minuend : nil }

  /// The numbers of some rows.
  package func rows(_ rows: [Int], channels: Int) -> TensorDifference {
    func gather(_ values: [Float]) -> [Float] {
      rows.flatMap { values[($0 * channels)..<(($0 + 1) * channels)] }
    }
    return TensorDifference(gather(minuend), minus: subtrahend.map(gather))
  }

  /// Lends the numbers for one pass over them.
  @inline(__always)
  func lending<Result>(_ body: (Lent) -> Result) -> Result {
    minuend.withUnsafeBufferPointer { minuend in
      guard let subtrahend else { return body(Lent(minuend: minuend, subtrahend: nil)) }
      return subtrahend.withUnsafeBufferPointer { body(Lent(minuend: minuend, subtrahend: $0)) }
    }
  }

  struct Lent {
    fileprivate let minuend: UnsafeBufferPointer<Float>
    fileprivate let subtrahend: UnsafeBufferPointer<Float>?

    @inline(__always)
    var count: Int { minuend.count }

    @inline(__always)
    func one(at index: Int) -> Double {
      Double(minuend[index]) - (subtrahend.map { Double($0[index]) } ?? 0)
    }

    /// Eight numbers from `index` on, all of which must be there.
    @inline(__always)
    func eight(at index: Int) -> SIMD8<Double> {
      let values = SIMD8<Double>(loading: minuend, at: index)
      guard let subtrahend else { return values }
      return values - SIMD8<Double>(loading: subtrahend, at: index)
    }

    /// Sixteen numbers from `index` on, all of which must be there; a difference is rounded to single precision.
    @inline(__always)
    func sixteen(at index: Int) -> SIMD16<Float> {
      let values = SIMD16<Float>(loading: minuend, at: index)
      guard let subtrahend else { return values }
      return values - SIMD16<Float>(loading: subtrahend, at: index)
    }
  }
}
