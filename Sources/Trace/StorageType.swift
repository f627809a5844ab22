/// The number type in which a trace keeps its features; chunks' final latents are always float32.
public enum StorageType: String, Hashable, Sendable, CaseIterable {
  case float32
  /// Half the size; each value is rounded to the nearest half-precision number.
  case float16

  var element: HDF5Element {
    switch self {
    case .float32: .float32
    case .float16: .float16
    }
  }
}
