/// The two 16-bit floats that a trace may hold, taken from and to `Float` bit by bit.
///
/// Written without branches, so that the compiler works on several numbers at once. Every 16-bit
/// pattern, signalling NaNs included, becomes a `Float` and the same pattern again.
package enum HalfFormat: Sendable {
  /// IEEE half precision: 5 bits of exponent, 10 of fraction.
  case float16
  /// The upper half of a `Float`: 8 bits of exponent, 7 of fraction.
  case bfloat16

  /// The bits of a quiet NaN.
  package var nan: UInt16 { self == .float16 ? 0x7e00 : 0x7fc0 }

  /// Rounds to the nearest numbers, ties to even; false when a finite value is too large for the format.
  package func narrow(_ values: UnsafeBufferPointer<Float>, into bits: UnsafeMutableBufferPointer<UInt16>)
    -> Bool
  {
    precondition(values.count == bits.count)
    guard let source = values.baseAddress, let target = bits.baseAddress else { return true }
    var overflows: Int32 = 0
    switch self {
    case .float16:
      for index in 0..<values.count {
        let number = Int32(bitPattern: source[index].bitPattern)
        let magnitude = number & 0x7fff_ffff
        // Half a step above the largest number, 65504.
        overflows |= magnitude >= 0x477f_f000 && magnitude < 0x7f80_0000 ? 1 : 0
        target[index] = UInt16(truncatingIfNeeded: Self.float16(number, magnitude))
      }
    case .bfloat16:
      for index in 0..<values.count {
        let number = Int32(bitPattern: source[index].bitPattern)
        let magnitude = number & 0x7fff_ffff
        overflows |= magnitude >= 0x7f7f_8000 && magnitude < 0x7f80_0000 ? 1 : 0
        target[index] = UInt16(truncatingIfNeeded: Self.bfloat16(number, magnitude))
      }
    }
    return overflows == 0
  }

  /// The exact values.
  package func widen(_ bits: UnsafeBufferPointer<UInt16>, into values: UnsafeMutableBufferPointer<Float>) {
    precondition(values.count == bits.count)
    guard let source = bits.baseAddress, let target = values.baseAddress else { return }
    switch self {
    case .float16:
      for index in 0..<bits.count {
        let half = UInt32(source[index])
        // Exponent and fraction in place; the factor 2^112 corrects the exponent's origin, denormals included.
        let magnitude = (half & 0x7fff) &<< 13
        let finite = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
        let value = half & 0x7c00 == 0x7c00 ? magnitude | 0x7f80_0000 : finite
        target[index] = Float(bitPattern: value | (half & 0x8000) &<< 16)
      }
    case .bfloat16:
      for index in 0..<bits.count { target[index] = Float(bitPattern: UInt32(source[index]) &<< 16) }
    }
  }

  @inline(__always)
  private static func float16(_ number: Int32, _ magnitude: Int32) -> Int32 {
    let odd = (magnitude &>> 13) & 1
    let normal = (magnitude &- 0x3800_0000 &+ 0xfff &+ odd) &>> 13
    // Below the smallest normal number: adding 0.5 lets the processor round at 2^-24.
    let small = Float(bitPattern: UInt32(bitPattern: magnitude)) + 0.5
    let denormal = Int32(bitPattern: small.bitPattern) &- 0x3f00_0000
    let finite = magnitude < 0x3880_0000 ? denormal : min(normal, 0x7c00)
    let payload = (magnitude &>> 13) & 0x3ff
    let special = magnitude == 0x7f80_0000 ? 0x7c00 : 0x7c00 | (payload == 0 ? 0x200 : payload)
    return (magnitude >= 0x7f80_0000 ? special : finite) | ((number &>> 16) & 0x8000)
  }

  @inline(__always)
  private static func bfloat16(_ number: Int32, _ magnitude: Int32) -> Int32 {
    let finite = (magnitude &+ 0x7fff &+ ((magnitude &>> 16) & 1)) &>> 16
    let payload = (magnitude &>> 16) & 0x7f
    let special = magnitude == 0x7f80_0000 ? 0x7f80 : 0x7f80 | (payload == 0 ? 0x40 : payload)
    return (magnitude >= 0x7f80_0000 ? special : finite) | ((number &>> 16) & 0x8000)
  }
}
