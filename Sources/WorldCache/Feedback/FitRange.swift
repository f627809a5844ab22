/// Whether a recording lies where a ``Feedback`` was fitted (``Feedback/isBeyondFit(_:)``).
public enum FitRange: String, Hashable, Sendable, Codable, CaseIterable {
  case within, beyond

  public init(isBeyond: Bool) { self = isBeyond ? .beyond : .within }
}

extension Feedback {
  /// The least and largest unrest that it was fitted on, in words.
  public var unrestRange: String {
    let ends = [fittedUnrests.first, fittedUnrests.last].map { Table.decimal($0 ?? 0, 3) }
    return "\(ends[0]) to \(ends[1])"
  }
}
