/// The order of bytes that compresses: first bytes of all numbers, then all second bytes, and so on.
///
/// One pass over memory each way. The planes may be longer than the numbers; then only their leading
/// parts are touched.
package enum ByteShuffle {
  /// Splits numbers into byte planes.
  package static func scatter(
    _ numbers: UnsafeRawBufferPointer, into planes: UnsafeMutableRawBufferPointer, elementByteCount: Int
  ) {
    let count = numbers.count / elementByteCount
    let stride = planes.count / elementByteCount
    guard count > 0, let source = numbers.baseAddress, let target = planes.baseAddress else { return }
    let bytes = target.assumingMemoryBound(to: UInt8.self)
    switch elementByteCount {
    case 2: split(source.assumingMemoryBound(to: UInt16.self), count, bytes, stride)
    case 4: split(source.assumingMemoryBound(to: UInt32.self), count, bytes, stride)
    case 8: split(source.assumingMemoryBound(to: UInt64.self), count, bytes, stride)
    default: target.copyMemory(from: source, byteCount: numbers.count)
    }
  }

  /// Joins byte planes back into numbers, from the one on that begins at byte `start`.
  package static func gather(
    _ planes: UnsafeRawBufferPointer, from start: Int = 0, into numbers: UnsafeMutableRawBufferPointer,
    elementByteCount: Int
  ) {
    let count = numbers.count / elementByteCount
    let stride = planes.count / elementByteCount
    guard count > 0, let source = planes.baseAddress, let target = numbers.baseAddress else { return }
    let bytes = source.assumingMemoryBound(to: UInt8.self) + start / elementByteCount
    switch elementByteCount {
    case 2: join(bytes, stride, target.assumingMemoryBound(to: UInt16.self), count)
    case 4: join(bytes, stride, target.assumingMemoryBound(to: UInt32.self), count)
    case 8: join(bytes, stride, target.assumingMemoryBound(to: UInt64.self), count)
    default: target.copyMemory(from: bytes, byteCount: numbers.count)
    }
  }

  @inline(__always)
  private static func split<Number: FixedWidthInteger>(
    _ source: UnsafePointer<Number>, _ count: Int, _ target: UnsafeMutablePointer<UInt8>, _ stride: Int
  ) {
    for byte in 0..<MemoryLayout<Number>.size {
      let plane = target + byte * stride
      let shift = Number(truncatingIfNeeded: 8 * byte)
      for index in 0..<count { plane[index] = UInt8(truncatingIfNeeded: source[index] &>> shift) }
    }
  }

  // Spelled out for the widths of features, in the form that the compiler turns into vectors.
  private static func join(
    _ source: UnsafePointer<UInt8>, _ stride: Int, _ target: UnsafeMutablePointer<UInt16>, _ count: Int
  ) {
    let upper = source + stride
    for index in 0..<count { target[index] = UInt16(source[index]) | UInt16(upper[index]) &<< 8 }
  }

  private static func join(
    _ source: UnsafePointer<UInt8>, _ stride: Int, _ target: UnsafeMutablePointer<UInt32>, _ count: Int
  ) {
    let (second, third, fourth) = (source + stride, source + 2 * stride, source + 3 * stride)
    for index in 0..<count {
      let lower = UInt32(source[index]) | UInt32(second[index]) &<< 8
      target[index] = lower | UInt32(third[index]) &<< 16 | UInt32(fourth[index]) &<< 24
    }
  }

  @inline(__always)
  private static func join<Number: FixedWidthInteger>(
    _ source: UnsafePointer<UInt8>, _ stride: Int, _ target: UnsafeMutablePointer<Number>, _ count: Int
  ) {
    for index in 0..<count {
      var number: Number = 0
      for byte in 0..<MemoryLayout<Number>.size {
        number |=
          Number(truncatingIfNeeded: source[byte * stride + index]) &<< Number(truncatingIfNeeded: 8 * byte)
      }
      target[index] = number
    }
  }
}
