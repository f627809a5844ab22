import Foundation

/// A reproducible source of random numbers (SplitMix64: Steele, Lea, Flood, OOPSLA 2014).
public struct SeededGenerator: Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  /// A generator for one purpose of a seed, independent of the seed's other purposes.
  public init(seed: Int, purpose: UInt64) {
    state = UInt64(bitPattern: Int64(seed)) &* 0xD134_2543_DE82_EF95 ^ purpose &* 0x9E37_79B9_7F4A_7C15
    _ = next()
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  public mutating func uniform(_ range: ClosedRange<Float>) -> Float {
    range.lowerBound + Float(unit()) * (range.upperBound - range.lowerBound)
  }

  /// Uniform in 0 ..< count.
  public mutating func index(_ count: Int) -> Int { min(Int(unit() * Double(count)), count - 1) }

  /// Standard normal (Box and Muller, one of the pair).
  public mutating func normal() -> Float {
    let radius = (-2 * log(1 - unit())).squareRoot()
    return Float(radius * cos(2 * Double.pi * unit()))
  }
}
