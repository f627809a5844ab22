import Testing
import Trace

@Suite struct HalfFormatTests {
  /// Rounding to bfloat16 by the definition: the nearer of the two neighbours, the even one of a tie.
  static func bfloat16(_ value: Float) -> Float {
    let below = Float(bitPattern: value.bitPattern & 0xffff_0000)
    let above = Float(bitPattern: (value.bitPattern & 0xffff_0000) &+ 0x1_0000)
    let (down, up) = (abs(Double(value) - Double(below)), abs(Double(above) - Double(value)))
    if down != up { return down < up ? below : above }
    return below.bitPattern & 0x1_0000 == 0 ? below : above
  }

  @Test func bfloat16ByHand() {
    // 1 is 0x3f80; the next number is 1 + 2^-7. Ties go to the even one.
    #expect(
      bits([1, 1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1.2p-8, -1], .bfloat16) == [
        0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xbf80,
      ])
    #expect(bits([.infinity, -0.0, 0x1p-133], .bfloat16) == [0x7f80, 0x8000, 0x0001])
    // A NaN whose payload lies in the bits that go stays a NaN.
    #expect(bits([Float(bitPattern: 0x7f80_0001)], .bfloat16) == [0x7fc0])
  }

  // Float16 of the processor or the compiler's library is the oracle.
  @Test func float16RoundsAsTheStandardSays() {
    var random = SystemRandomNumberGenerator()
    var values: [Float] = [
      0, 65519, -65519, 0x1p-24, 0x1p-25, 0x1.8p-25, 0x1.ffcp-15, 0x1.ffep-15, .infinity,
    ]
    for _ in 0..<20_000 {
      let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &random))
      if value.isInfinite || value.magnitude < 65520 { values.append(value) }
      values.append(Float.random(in: -4...4, using: &random) * 0x1p-14)
    }
    for (value, bits) in zip(values, bits(values, .float16)) {
      #expect(bits == Float16(value).bitPattern, "\(value)")
    }
  }

  @Test func bfloat16RoundsToTheNearest() {
    var random = SystemRandomNumberGenerator()
    let values = (0..<20_000).map { _ in
      Float(bitPattern: UInt32.random(in: 0..<0x7f7f_0000, using: &random))
    }
    for (value, bits) in zip(values, bits(values, .bfloat16)) {
      #expect(UInt32(bits) << 16 == Self.bfloat16(value).bitPattern, "\(value)")
    }
  }

  @Test(arguments: [
    (HalfFormat.float16, Float(65519.996), Float(65520)),
    (.bfloat16, Float(0x1.fefffep127), Float(0x1.ffp127)),
  ])
  func valuesThatWouldBecomeInfiniteAreRefused(format: HalfFormat, largest: Float, tooLarge: Float) {
    #expect(bits([1, -largest, .infinity], format) != nil)
    #expect(bits([1, tooLarge], format) == nil)
    #expect(bits([-tooLarge], format) == nil)
    #expect(bits([.nan, -.infinity], format) != nil)
  }

  private func bits(_ values: [Float], _ format: HalfFormat) -> [UInt16]? {
    var bits = [UInt16](repeating: 0, count: values.count)
    let isWhole = values.withUnsafeBufferPointer { values in
      bits.withUnsafeMutableBufferPointer { format.narrow(values, into: $0) }
    }
    return isWhole ? bits : nil
  }

  private func bits(_ values: [Float], _ format: HalfFormat) -> [UInt16] {
    bits(values, format) ?? []
  }
}
