/// Where in its error bound a measured number is taken: to see whether a decision would turn out otherwise.
///
/// The bound of a squared norm from distances is ``DistanceTable/roundingUnits`` units of rounding of the terms
/// that it is the difference of; that of a sum of changes the same part of itself. Filtered values bring a bound of
/// their own (``ChangeTable/rounding(at:branch:)``).
package enum Deviation: Hashable, Sendable {
  /// As measured.
  case none
  /// At its upper or lower end.
  case up, down
  /// At one end or the other, in no order.
  case scattered

  package static let all: [Deviation] = [.up, .down, .scattered]

  /// Bounds to add to the number at `place`: 0, 1 or −1.
  @inline(__always)
  package func sign(_ place: Int) -> Double {
    switch self {
    case .none: 0
    case .up: 1
    case .down: -1
    case .scattered: (UInt64(place) &* 0x9e37_79b9_7f4a_7c15) >> 63 == 0 ? 1 : -1
    }
  }

  /// What a sum at `place` is multiplied by; `direction` is 1, or −1 for what moves the other way.
  package func factor(_ direction: Double, _ place: Int) -> Double {
    1 + direction * sign(place) * DistanceTable.roundingUnits * Double.ulpOfOne
  }
}
