/// Whether a recording lies where a ``Feedback`` was fitted (``Feedback/isBeyondFit(_:)``).
public enum FitRange: String, Hashable, Sendable, Codable, CaseIterable {
  case within, beyond

  public init(isBeyond: Bool) { self = isBeyond ? .beyond : .within }
}
