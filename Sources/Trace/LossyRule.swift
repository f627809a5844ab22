/// How far stored features may be from the recorded ones: a fraction of what changes between calls.
///
/// At each call and tap, the change of a token is the root mean square, over its channels, of the
/// difference to the last fresh value of the same stream. The bound of the call is at most `fraction`
/// times a low percentile of the tokens' changes, so that hardly any token loses more than that. The
/// first values of a stream are exact. The bounds are in the trace.
public struct LossyRule: Hashable, Sendable, Codable {
  /// Above 0, at most 1.
  public var fraction: Double
  /// 0 to 100.
  public var percentile: Double

  public init(fraction: Double, percentile: Double = 5) {
    self.fraction = fraction
    self.percentile = percentile
  }

  /// The largest allowed bound of a call whose tokens changed so much: half a power of two, or 0.
  func bound(changes: [Double]) -> Double {
    let sorted = changes.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return 0 }
    let change = sorted[Int(percentile / 100 * Double(sorted.count - 1))]
    return Self.bound(below: fraction * change)
  }

  // Multiples of the quantum, twice the bound, must be exact in float32 arithmetic.
  private static let smallest = 0x1p-100
  private static let largest = 0x1p100

  /// The largest power of two that is not above a positive number, 0 where that is too small.
  static func bound(below limit: Double) -> Double {
    guard limit >= smallest else { return 0 }
    return min(Double(sign: .plus, exponent: limit.exponent, significand: 1), largest)
  }

  /// Whether a trace may state this bound.
  static func isBound(_ value: Double) -> Bool { value == 0 || bound(below: value) == value }

  /// What is wrong with the rule, in words.
  var problem: String? {
    guard fraction > 0, fraction <= 1, (0...100).contains(percentile) else {
      return "lossy storage needs a fraction above 0 and up to 1 and a percentile of 0 to 100, not "
        + "\(fraction) and \(percentile)"
    }
    return nil
  }
}
