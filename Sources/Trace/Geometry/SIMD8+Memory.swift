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
}
