public import Trace

/// How finely a trace's numbers are stored, for what must not be read out of their rounding.
public struct StoredPrecision: Sendable {
  public var dtype: StorageType
  /// How far the numbers of a tap may be from the recorded ones, `[call ordinal]`; taps that are exact are left out.
  public var bounds: [Tap: [Double]]

  public init(dtype: StorageType, bounds: [Tap: [Double]] = [:]) {
    self.dtype = dtype
    self.bounds = bounds
  }

  /// What a trace says.
  public init(_ trace: TraceReader) throws {
    dtype = trace.dtype
    bounds = [:]
    guard trace.lossy != nil else { return }
    for tap in trace.taps { bounds[tap] = try trace.bounds(of: tap) }
  }

  /// Largest relative rounding error of a stored number: 2⁻ᵖ with p significant bits.
  var unit: Double {
    switch dtype {
    case .float32: 0x1p-24
    case .float16: 0x1p-11
    case .bfloat16: 0x1p-8
    }
  }

  /// The bound of a tap at a call; 0 where it is exact.
  func bound(_ tap: Tap, call: Int) -> Double { bounds[tap].map { $0[call] } ?? 0 }
}
