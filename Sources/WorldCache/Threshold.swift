/// How a value is held against a threshold; NaN compares false.
public enum Comparison: Hashable, Sendable {
  case predictBelow, predictAtMost, computeAbove, computeAtLeast

  /// Whether the call is predicted.
  public func predicts(_ value: Double, _ threshold: Double) -> Bool {
    switch self {
    case .predictBelow: value < threshold
    case .predictAtMost: value <= threshold
    case .computeAbove: !(value > threshold)
    case .computeAtLeast: !(value >= threshold)
    }
  }
}

/// A parameter that a policy does nothing with but hold signals against it, so that the policy has finitely many
/// behaviours over the parameter's whole range (docs/tuning.md).
///
/// The larger it is, the more is predicted; every decision that is taken by it states the signal and what it
/// was compared with.
public struct Threshold: Sendable {
  public var key: String
  /// Parameters whose product with this one is compared, each with signals of its own; none when the
  /// parameter is compared as it is.
  public var factorKeys: [String]
  /// Values from which on the policy goes by another rule without comparing anything, such as the smallest
  /// above 0 where 0 stands for none.
  public var breaks: [Double]
  /// How its decisions compare, with these values of the other parameters.
  public var comparison: @Sendable (ParameterValues) -> Comparison

  public init(
    _ key: String, factors: [String] = [], breaks: [Double] = [],
    _ comparison: @escaping @Sendable (ParameterValues) -> Comparison
  ) {
    self.key = key
    factorKeys = factors
    self.breaks = breaks
    self.comparison = comparison
  }

  public init(_ key: String, factors: [String] = [], breaks: [Double] = [], _ comparison: Comparison) {
    self.init(key, factors: factors, breaks: breaks) { _ in comparison }
  }
}
