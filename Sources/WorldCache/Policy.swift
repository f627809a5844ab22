public import Trace

/// A caching method: at each decision compute or predict, with the reason; and how to predict.
///
/// A policy is a value that owns its counters. Both drivers, replay and a live cache, talk to it in the
/// same order for every position of a stream: ``decide(at:)``; then, when the call is to be predicted,
/// ``prediction(at:)``, or, when it was computed, ``computed(at:signals:)``.
public protocol Policy: Sendable {
  /// The canonical spelling, with every parameter; can be pasted back into a command.
  var spec: PolicySpec { get }
  /// What it caches.
  var site: Site { get }
  /// Fewest calls of a stream that it accepts: a policy with a warm-up wants calls after it.
  var minimumCallCount: Int { get }
  /// How it predicts, for the ideal schedule of the same predictor; nil when it never predicts.
  var predictor: (any Predictor)? { get }

  /// Starts a stream of calls, from position 0 on.
  mutating func begin(callCount: Int)
  /// Compute or predict.
  mutating func decide(at position: Int) -> Decision
  /// What to emit at a position decided as predicted; asked once, since policies keep count here.
  mutating func prediction(at position: Int) -> Prediction
  /// Takes note of a computed call; `signals` answers for every computed call up to this one.
  mutating func computed(at position: Int, signals: some Signals)
}

/// Cheap values that a policy may ask for: in replay from the geometry, live from tensors.
public protocol Signals {
  /// Norms of a combination of values at computed calls, one per token.
  ///
  /// Tokens of all guidance branches are pooled, branch after branch. Asking for a call that has not
  /// been computed is a bug of the policy.
  func norms(of combination: Combination) -> [Double]
}

/// One decision with what led to it.
public struct Decision: Hashable, Sendable {
  public enum Action: String, Hashable, Sendable, Codable { case compute, predict }

  /// Why, in the words every policy shares.
  public enum Reason: String, Hashable, Sendable, Codable {
    /// The policy computes every call.
    case always
    /// One of the first calls, computed by rule.
    case warmUp = "warm-up"
    /// The last call, computed by rule.
    case lastCall = "last-call"
    /// Too few computed calls to predict from.
    case history
    /// The signal decided.
    case threshold
    /// The streak has reached its longest length.
    case cap
    /// A fixed timetable says so.
    case schedule
  }

  public var action: Action
  public var reason: Reason
  /// The signal that was compared, and with what, where the policy has one.
  public var signal: Double?
  public var threshold: Double?

  public init(_ action: Action, _ reason: Reason, signal: Double? = nil, threshold: Double? = nil) {
    self.action = action
    self.reason = reason
    self.signal = signal
    self.threshold = threshold
  }
}

/// What a skipped call emits: one combination of computed values for each group of tokens.
public struct Prediction: Hashable, Sendable {
  public var combinations: [Combination]
  /// Index into `combinations` of every pooled token; nil when one combination serves all.
  public var groups: [UInt8]?

  public init(_ combination: Combination) {
    combinations = [combination]
    groups = nil
  }

  public init(_ combinations: [Combination], groups: [UInt8]) {
    self.combinations = combinations
    self.groups = groups
  }

  /// Index of the combination of a pooled token.
  func group(of token: Int) -> Int { groups.map { Int($0[token]) } ?? 0 }
}
