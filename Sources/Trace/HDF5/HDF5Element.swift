import CHDF5

/// The number types that a trace's datasets may hold, all little-endian.
package enum HDF5Element: Hashable, Sendable, CaseIterable {
  case uint8, uint16, uint32, int32, float16, bfloat16, float32, float64

  /// Bytes of one number.
  package var byteCount: Int {
    switch self {
    case .uint8: 1
    case .uint16, .float16, .bfloat16: 2
    case .uint32, .int32, .float32: 4
    case .float64: 8
    }
  }

  /// Lends the library's type; call only under the lock.
  func withType<Result, Failure: Error>(
    _ body: (hid_t) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch self {
    case .uint8: return try body(wct_type_u8le())
    case .uint16: return try body(wct_type_u16le())
    case .uint32: return try body(wct_type_u32le())
    case .int32: return try body(wct_type_i32le())
    case .float32: return try body(wct_type_f32le())
    case .float64: return try body(wct_type_f64le())
    case .float16, .bfloat16:
      let type = self == .float16 ? wct_new_type_f16le() : wct_new_type_bf16le()
      defer { H5Tclose(type) }
      return try body(type)
    }
  }
}
