/// Rounds values to multiples of a power of two.
struct Quantizer {
  private let quantum: Float
  private let inverse: Float

  /// Multiples of twice the bound, so that no value moves by more than it; `bound` is a power of two.
  init(bound: Double) {
    quantum = Float(2 * bound)
    inverse = 1 / quantum
  }

  /// The nearest multiple, ties to even. Not finite values stay as they are.
  @inline(__always)
  func rounded(_ value: Float) -> Float {
    let scaled = value * inverse
    let magnitude = abs(scaled)
    // From 2^23 on there are no fractions; below, adding it makes the processor round.
    let whole = (magnitude + 0x1p23) - 0x1p23
    let signed = Float(bitPattern: whole.bitPattern | scaled.bitPattern & 0x8000_0000)
    return magnitude < 0x1p23 ? signed * quantum : value
  }

  /// Rounds in place and returns the largest distance moved.
  func round(_ values: UnsafeMutableBufferPointer<Float>) -> Float {
    var largest: Float = 0
    for index in values.indices {
      let value = values[index]
      let result = rounded(value)
      values[index] = result
      let distance = abs(result - value)
      // False for values that are not finite, whose distance is no number.
      if distance > largest { largest = distance }
    }
    return largest
  }

  /// Whether every finite number, of a 16-bit format where one is named, is a multiple.
  func holds(_ numbers: UnsafeMutableRawBufferPointer, _ format: HalfFormat?) -> Bool {
    guard let format else { return holds(UnsafeBufferPointer(numbers.assumingMemoryBound(to: Float.self))) }
    let bits = UnsafeBufferPointer(numbers.assumingMemoryBound(to: UInt16.self))
    let values = [Float](unsafeUninitializedCapacity: bits.count) { values, count in
      format.widen(bits, into: UnsafeMutableBufferPointer(rebasing: values[..<bits.count]))
      count = bits.count
    }
    return values.withUnsafeBufferPointer { holds($0) }
  }

  private func holds(_ values: UnsafeBufferPointer<Float>) -> Bool {
    values.allSatisfy { !$0.isFinite || rounded($0) == $0 }
  }
}
