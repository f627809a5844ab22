/// The difference of a number to the one before, both taken as integers in the order of the floats.
///
/// Lossless for all bit patterns: ordering and difference wrap around. Small differences of either
/// sign become small numbers.
enum StepDelta {
  /// Writes the differences of `numbers` to `earlier`; both of this width in bytes.
  static func encode(
    _ numbers: UnsafeRawBufferPointer, after earlier: UnsafeRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer, elementByteCount: Int
  ) {
    precondition(numbers.count == earlier.count && numbers.count == target.count)
    if elementByteCount == 2 {
      encode(numbers.bindMemory(to: UInt16.self), earlier.bindMemory(to: UInt16.self), target)
    } else {
      encode(numbers.bindMemory(to: UInt32.self), earlier.bindMemory(to: UInt32.self), target)
    }
  }

  /// Replaces `numbers`, the earlier ones, by those that follow after these differences.
  static func advance(
    _ numbers: UnsafeMutableRawBufferPointer, by differences: UnsafeRawBufferPointer, elementByteCount: Int
  ) {
    precondition(numbers.count == differences.count)
    if elementByteCount == 2 {
      advance(numbers.bindMemory(to: UInt16.self), differences)
    } else {
      advance(numbers.bindMemory(to: UInt32.self), differences)
    }
  }

  @inline(__always)
  private static func encode<Bits: FixedWidthInteger & UnsignedInteger>(
    _ numbers: UnsafeBufferPointer<Bits>, _ earlier: UnsafeBufferPointer<Bits>,
    _ target: UnsafeMutableRawBufferPointer
  ) {
    let target = target.bindMemory(to: Bits.self)
    for index in numbers.indices {
      let difference = ordered(numbers[index]) &- ordered(earlier[index])
      let sign = 0 &- (difference &>> Bits(Bits.bitWidth - 1))
      target[index] = difference &<< 1 ^ sign
    }
  }

  @inline(__always)
  private static func advance<Bits: FixedWidthInteger & UnsignedInteger>(
    _ numbers: UnsafeMutableBufferPointer<Bits>, _ differences: UnsafeRawBufferPointer
  ) {
    let differences = differences.bindMemory(to: Bits.self)
    for index in numbers.indices {
      let folded = differences[index]
      let difference = folded &>> 1 ^ (0 &- (folded & 1))
      numbers[index] = unordered(ordered(numbers[index]) &+ difference)
    }
  }

  // Negative floats turned around, positive ones above them.
  @inline(__always)
  private static func ordered<Bits: FixedWidthInteger & UnsignedInteger>(_ bits: Bits) -> Bits {
    let top: Bits = 1 &<< Bits(Bits.bitWidth - 1)
    return bits ^ ((0 &- (bits &>> Bits(Bits.bitWidth - 1))) | top)
  }

  @inline(__always)
  private static func unordered<Bits: FixedWidthInteger & UnsignedInteger>(_ place: Bits) -> Bits {
    let top: Bits = 1 &<< Bits(Bits.bitWidth - 1)
    return place ^ (((place &>> Bits(Bits.bitWidth - 1)) &- 1) | top)
  }
}
