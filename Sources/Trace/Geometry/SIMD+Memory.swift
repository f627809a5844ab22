/// Eight numbers at a time, from and to memory of any alignment.
extension SIMD8<Double> {
  @inline(__always)
  init(loading buffer: UnsafeBufferPointer<Double>, at index: Int) {
    self = UnsafeRawPointer(buffer.baseAddress! + index).loadUnaligned(as: SIMD8<Double>.self)
  }

  @inline(__always)
  init(loading buffer: UnsafeMutableBufferPointer<Double>, at index: Int) {
    self.init(loading: UnsafeBufferPointer(buffer), at: index)
  }

  @inline(__always)
  init(loading buffer: UnsafeBufferPointer<Float>, at index: Int) {
    self.init(UnsafeRawPointer(buffer.baseAddress! + index).loadUnaligned(as: SIMD8<Float>.self))
  }

  @inline(__always)
  func store(to buffer: UnsafeMutableBufferPointer<Double>, at index: Int) {
    for lane in 0..<8 { buffer[index + lane] = self[lane] }
  }

  /// `|x|`, by taking the sign bits away.
  @inline(__always)
  var magnitudes: SIMD8<Double> {
    unsafeBitCast(
      unsafeBitCast(self, to: SIMD8<UInt64>.self) & 0x7fff_ffff_ffff_ffff, to: SIMD8<Double>.self)
  }
}

extension SIMD8<Float> {
  @inline(__always)
  func store(to buffer: UnsafeMutableBufferPointer<Float>, at index: Int) {
    UnsafeMutableRawPointer(buffer.baseAddress! + index).storeBytes(of: self, as: SIMD8<Float>.self)
  }
}

/// Sixteen numbers of single precision at a time, likewise.
extension SIMD16<Float> {
  @inline(__always)
  init(loading buffer: UnsafeBufferPointer<Float>, at index: Int) {
    self = UnsafeRawPointer(buffer.baseAddress! + index).loadUnaligned(as: SIMD16<Float>.self)
  }

  @inline(__always)
  func store(to buffer: UnsafeMutableBufferPointer<Float>, at index: Int) {
    UnsafeMutableRawPointer(buffer.baseAddress! + index).storeBytes(of: self, as: SIMD16<Float>.self)
  }
}
