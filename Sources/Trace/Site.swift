/// What a policy caches: the stretch of the line of taps that it skips.
///
/// The cached quantity is the value at `to` minus the value at `from`; a skipped call emits the fresh
/// value at `from` plus the prediction.
public struct Site: Hashable, Sendable {
  /// Where the skipped stretch begins; nil when nothing of the call is kept.
  public var from: Tap?
  /// Where the call goes on after a skip.
  public var to: Tap
  /// The station at which compute or predict is decided.
  public var decidesAt: Tap

  public init(from: Tap?, to: Tap, decidesAt: Tap) {
    self.from = from
    self.to = to
    self.decidesAt = decidesAt
  }

  /// The whole network: its output is predicted from earlier outputs (WorldCache, TaylorSeer-Lite).
  public static let output = Site(from: nil, to: .output, decidesAt: .latent)
}
