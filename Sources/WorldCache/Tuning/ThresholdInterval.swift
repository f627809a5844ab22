import Foundation

/// A half-open stretch of a threshold's range over which nothing changes.
public struct ThresholdInterval: Hashable, Sendable {
  public var lower: Double
  /// The first value that no longer belongs to it; nil when it goes on to the end of the range.
  public var upper: Double?

  public init(lower: Double, upper: Double?) {
    self.lower = lower
    self.upper = upper
  }

  public func contains(_ value: Double) -> Bool { value >= lower && upper.map { value < $0 } ?? true }

  /// The value to write down: the shortest one near the middle, so that a runtime that compares in less
  /// precision does the same.
  ///
  /// Where the interval has no end it is twice the beginning; where it holds one number only, that number.
  public var published: Double {
    let middle = middle
    for digits in 0..<17 {
      guard let value = Double(String(format: "%.\(digits)e", middle)), value.isFinite else { continue }
      let slack = upper.map { ($0 - lower) / 4 } ?? abs(middle) / 4
      if abs(value - middle) <= slack, contains(value), contains(Double(Float(value))), value > lower {
        return value
      }
    }
    return contains(middle) ? middle : lower
  }

  /// How far the published value is from the nearer edge, relative to itself; nil when there is no edge, or
  /// when it is 0.
  ///
  /// A runtime rounds signals and threshold to 1 part in 256 in bfloat16, and in 16 million in float32.
  public var margin: Double? {
    let value = published
    guard value != 0 else { return nil }
    let below = lower > -.greatestFiniteMagnitude ? value - lower : .infinity
    let nearest = min(below, upper.map { $0 - value } ?? .infinity)
    return nearest.isFinite ? nearest / abs(value) : nil
  }

  private var middle: Double {
    guard let upper else { return lower > 0 ? 2 * lower : 1 }
    if lower == -.greatestFiniteMagnitude { return upper - max(abs(upper), 1) }
    return lower + (upper - lower) / 2
  }
}
