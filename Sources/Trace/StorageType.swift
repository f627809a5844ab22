/// The number type in which a trace keeps its features; chunks' final latents are always float32.
public enum StorageType: String, Hashable, Sendable, CaseIterable {
  case float32
  /// Half the size; each value is rounded to the nearest half-precision number.
  case float16
  /// Half the size with the range of float32; each value is rounded to 8 significant bits.
  case bfloat16

  /// Bytes of one stored number.
  public var byteCount: Int { halfFormat == nil ? 4 : 2 }

  var element: HDF5Element {
    switch self {
    case .float32: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    }
  }

  /// How stored numbers become `Float`; nil when they are.
  var halfFormat: HalfFormat? {
    switch self {
    case .float32: nil
    case .float16: .float16
    case .bfloat16: .bfloat16
    }
  }
}
