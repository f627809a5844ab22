import Trace

/// ‖value − reference‖ / ‖reference‖ over some tensors.
struct RelativeError {
  private var error = 0.0
  private var norm = 0.0

  /// 0 where nothing differs, infinite where only the reference is 0.
  var value: Double { norm > 0 ? (error / norm).squareRoot() : error > 0 ? .infinity : 0 }

  /// Throws `invalid` for tensors of different sizes.
  mutating func add(_ value: Tensor, _ reference: Tensor) throws {
    guard value.values.count == reference.values.count else {
      throw TraceError(.invalid, "the traces hold tensors of different sizes")
    }
    for (a, b) in zip(value.values, reference.values) {
      error += Double(a - b) * Double(a - b)
      norm += Double(b) * Double(b)
    }
  }
}
