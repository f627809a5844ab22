import CHDF5

/// The number types that a trace's datasets may hold, all little-endian.
package enum HDF5Element: Hashable, Sendable, CaseIterable {
  case uint8, int32, float16, float32, float64

  /// Bytes of one number.
  package var byteCount: Int {
    switch self {
    case .uint8: 1
    case .float16: 2
    case .int32, .float32: 4
    case .float64: 8
    }
  }

  /// Lends the library's type; call only under the lock.
  func withType<Result, Failure: Error>(
    _ body: (hid_t) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch self {
    case .uint8: return try body(wct_type_u8le())
    case .int32: return try body(wct_type_i32le())
    case .float32: return try body(wct_type_f32le())
    case .float64: return try body(wct_type_f64le())
    case .float16:
      let type = wct_new_type_f16le()
      defer { H5Tclose(type) }
      return try body(type)
    }
  }
}
