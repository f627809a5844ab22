/// The two 16-bit floats that a trace may hold, taken from and to `Float` bit by bit.
///
/// Loops have no branches, so that the compiler works on several numbers at once. Every 16-bit
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
    var isWhole = true
    for start in stride(from: 0, to: values.count, by: 1024) {
      let range = start..<min(start + 1024, values.count)
      switch self {
      case .float16:
        guard !Self.narrowToFloat16(source, range, into: target) else { continue }
        for index in range {
          let number = Int32(bitPattern: source[index].bitPattern)
          let magnitude = number & 0x7fff_ffff
          if magnitude >= Self.tooLargeForFloat16, magnitude < 0x7f80_0000 { isWhole = false }
          if magnitude >= 0x7f80_0000 { target[index] = Self.special(number, fraction: 10) }
        }
      case .bfloat16:
        guard !Self.narrowToBFloat16(source, range, into: target) else { continue }
        for index in range {
          let number = Int32(bitPattern: source[index].bitPattern)
          let magnitude = number & 0x7fff_ffff
          if magnitude >= Self.tooLargeForBFloat16, magnitude < 0x7f80_0000 { isWhole = false }
          if magnitude >= 0x7f80_0000 { target[index] = Self.special(number, fraction: 7) }
        }
      }
    }
    return isWhole
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

  // Half a step above the largest finite numbers.
  private static let tooLargeForFloat16: Int32 = 0x477f_f000
  private static let tooLargeForBFloat16: Int32 = 0x7f7f_8000

  // False when there is a number that is infinite, NaN or too large, and so has the wrong bits.
  private static func narrowToFloat16(
    _ source: UnsafePointer<Float>, _ range: Range<Int>, into target: UnsafeMutablePointer<UInt16>
  ) -> Bool {
    var signs: Int32 = 0
    for index in range {
      let number = Int32(bitPattern: source[index].bitPattern)
      let magnitude = number & 0x7fff_ffff
      signs |= tooLargeForFloat16 &- 1 &- magnitude
      // Adding a power of two, 2^15 above the number, or above 2^-14 for the denormals, makes the
      // processor round where the fraction of a half ends.
      let exponent = max(magnitude & 0x7f80_0000, 0x3880_0000) &+ 0x0780_0000
      let sum =
        Float(bitPattern: UInt32(bitPattern: exponent)) + Float(bitPattern: UInt32(bitPattern: magnitude)) * 4
      let bits = Int32(bitPattern: sum.bitPattern)
      target[index] = UInt16(
        truncatingIfNeeded: ((bits &>> 13) & 0x7c00) &+ (bits & 0xfff) | ((number &>> 16) & 0x8000))
    }
    return signs >= 0
  }

  private static func narrowToBFloat16(
    _ source: UnsafePointer<Float>, _ range: Range<Int>, into target: UnsafeMutablePointer<UInt16>
  ) -> Bool {
    var signs: Int32 = 0
    for index in range {
      let number = source[index].bitPattern
      signs |= tooLargeForBFloat16 &- 1 &- Int32(bitPattern: number & 0x7fff_ffff)
      target[index] = UInt16(truncatingIfNeeded: (number &+ 0x7fff &+ ((number &>> 16) & 1)) &>> 16)
    }
    return signs >= 0
  }

  // Infinities and NaNs; a payload that lies in the bits that go becomes another one.
  private static func special(_ number: Int32, fraction: Int32) -> UInt16 {
    let quiet: Int32 = 1 &<< (fraction - 1)
    let payload = (number &>> (23 - fraction)) & (2 &* quiet - 1)
    let isNaN = number & 0x7f_ffff != 0
    let exponent = 0x7fff & ~(2 &* quiet - 1)
    return UInt16(
      truncatingIfNeeded: exponent | (isNaN && payload == 0 ? quiet : payload) | ((number &>> 16) & 0x8000))
  }
}
