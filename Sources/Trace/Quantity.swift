/// A value that decision rules look at: the tensor at a tap, or the difference of two taps.
public struct Quantity: Hashable, Sendable, CustomStringConvertible {
  public var tap: Tap
  /// Subtracted from it, where given; of the same layout.
  public var minus: Tap?

  public init(_ tap: Tap, minus: Tap? = nil) {
    self.tap = tap
    self.minus = minus
  }

  /// The tap from which on the value is known within a call.
  public var station: Tap { minus.map { max($0, tap) } ?? tap }

  public var description: String { minus.map { "\(tap)-\($0)" } ?? tap.name }
}

/// Which changes of which quantity a policy asks for.
public struct ChangeRequest: Hashable, Sendable {
  /// Between which calls of a stream changes are measured.
  public enum Pairs: UInt8, Hashable, Sendable {
    /// Each call and the one before.
    case adjacent
    /// Any two calls.
    case all
  }

  public var quantity: Quantity
  public var pairs: Pairs
  /// Applied to the value at every call first.
  public var filter: SpectralFilter?

  public init(_ quantity: Quantity, _ pairs: Pairs, filter: SpectralFilter? = nil) {
    self.quantity = quantity
    self.pairs = pairs
    self.filter = filter
  }
}
