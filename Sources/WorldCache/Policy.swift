public import Trace

/// A caching method: at each decision compute or predict, with the reason; and how to predict.
///
/// A policy is a value that owns its counters. Both drivers, replay and a live cache, talk to it in the
/// same order for every position of a stream: ``decide(at:signals:)``; then, when the call is to be
/// predicted, ``prediction(at:signals:)``, or, when it was computed, ``computed(at:signals:)``. A call may
/// be computed although the policy would have predicted it, because another guidance branch asked for it
/// (``Coupling/either``): only `computed` says what happened.
public protocol Policy: Sendable {
  /// The canonical spelling, with every parameter; can be pasted back into a command.
  var spec: PolicySpec { get }
  /// What it caches; nil when it caches nothing.
  var site: Site? { get }
  /// How the cached value is split into frequency bands, for policies that predict them apart.
  var split: BandSplit? { get }
  /// The tap at which it decides: what a predicted call still has to compute.
  var station: Tap { get }
  /// Which calls one decision covers.
  var coupling: Coupling { get }
  /// The changes its decision rule looks at, in a model with `blockCount` blocks.
  func changes(blockCount: Int) -> [ChangeRequest]
  /// Fewest calls of a stream that it accepts: a policy with a warm-up wants calls after it.
  var minimumCallCount: Int { get }
  /// Throws a ``PolicyError`` when it does not fit a chunk for other reasons than the number of calls.
  func check(_ geometry: Geometry) throws
  /// What a reader of its results on a chunk should know of how it was set up; traces are named by whoever asks.
  func findings(on geometry: Geometry) -> [Finding]
  /// What keeps it from deciding any further, for policies that ask something outside; such a policy
  /// computes from then on, and a driver gives up what it was doing.
  var failure: PolicyError? { get }
  /// Whether a copy can be asked what it would do without disturbing it: not where something outside answers.
  var isSelfContained: Bool { get }
  /// How it predicts, for the ideal schedule of the same predictor; nil when it never predicts, or when a
  /// prediction depends on more than the newest computed calls.
  var predictor: (any Predictor)? { get }
  /// Cached tensors of the site's size that it holds at most, per branch.
  var cachedTensorCount: Int { get }
  /// Names of the groups in its predictions; empty when it does not tell tokens apart.
  var groupNames: [String] { get }

  /// Starts a stream of calls.
  mutating func begin(_ stream: CallStream)
  /// Compute or predict.
  mutating func decide(at position: Int, signals: some Signals) -> Decision
  /// What to emit at a position decided as predicted; asked once, since policies keep count here.
  mutating func prediction(at position: Int, signals: some Signals) -> Prediction
  /// Takes note of a computed call.
  mutating func computed(at position: Int, signals: some Signals)
}

extension Policy {
  public var split: BandSplit? { nil }
  public var station: Tap { .latent }
  public var coupling: Coupling { .pooled }
  public func changes(blockCount: Int) -> [ChangeRequest] { [] }
  public var minimumCallCount: Int { 1 }
  public func check(_ geometry: Geometry) throws {}
  public func findings(on geometry: Geometry) -> [Finding] { [] }
  public var failure: PolicyError? { nil }
  public var isSelfContained: Bool { true }
  public var cachedTensorCount: Int { predictor?.anchorCount ?? 1 }
  public var groupNames: [String] { predictor?.groupNames ?? [] }
}

/// Which guidance branches of a step one decision covers.
public enum Coupling: String, Hashable, Sendable, CaseIterable {
  /// All branches, decided from the tokens of all of them together.
  case pooled
  /// Each branch for itself.
  case separate
  /// All branches are computed when either wants to be; each has counters of its own.
  case either
  /// All branches, decided from the first one alone.
  case lead
}

/// The calls that a policy is asked about one by one: those of one chunk and one expert.
public struct CallStream: Hashable, Sendable {
  /// Chunk of the rollout.
  public var chunk: Int
  /// The stream's positions within its chunk.
  public var positions: Range<Int>
  /// Whether the chunk ends with this stream.
  public var isLast: Bool
  /// The guidance branch, for policies that decide branch by branch; 0 for others.
  public var branch: Int
  /// Guidance branches of a step that the policy sees: one where they are combined.
  public var branchCount: Int
  /// Guidance branches that a step evaluates.
  public var recordedBranchCount: Int
  /// Solver step, timestep and noise level of every position of the chunk.
  public var steps: [Int]
  public var timesteps: [Double]
  public var sigmas: [Double]
  /// Noise level that the solver reaches after every position of the chunk.
  public var nextSigmas: [Double]
  /// Numbers in the cached tensor of one branch.
  public var elementCount: Int
  /// Blocks of the model.
  public var blockCount: Int

  public init(_ geometry: Geometry, segment: Range<Int>, branch: Int) {
    let calls = geometry.calls[branch]
    chunk = geometry.chunk
    positions = segment
    isLast = segment.upperBound == calls.count
    self.branch = branch
    branchCount = geometry.branchCount
    recordedBranchCount = geometry.recordedBranchCount
    steps = calls.map(\.step)
    timesteps = calls.map(\.timestep)
    sigmas = calls.map(\.sigma)
    nextSigmas = calls.dropFirst().map(\.sigma) + [0]
    elementCount = geometry.elementCount
    blockCount = geometry.blockCount
  }

  /// Calls of the stream.
  public var count: Int { positions.count }
  /// How many calls of the stream came before a position.
  public func index(of position: Int) -> Int { position - positions.lowerBound }
  /// Whether a position is the last call of its chunk.
  public func isLastCall(_ position: Int) -> Bool { isLast && position == positions.upperBound - 1 }
}

/// Cheap values that a policy may ask for: in replay from the geometry, live from tensors.
///
/// Norms at the site, and changes of quantities whose station lies after the policy's own, exist only at
/// calls that have been computed; changes of quantities up to the policy's station exist at every call so
/// far. Asking for anything else is a bug of the policy. Values cover the guidance branches that the
/// decision is taken from (``Coupling``).
public protocol Signals {
  /// The modality of every token of one branch.
  var tokenModalities: [Int] { get }
  /// Norms of a combination of values at the site, one per token, branch after branch.
  func norms(of combination: Combination) -> [Double]
  /// The same for some of the tokens, in any order.
  func norms(of combination: Combination, at tokens: [Int]) -> [Double]
  /// `mean |x|` over all tokens and channels at a call.
  func meanAbsolute(_ change: ChangeRequest, at position: Int) -> Double
  /// `mean |x_u − x_v|` over all tokens and channels.
  func meanAbsoluteChange(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double
  /// `‖x_u − x_v‖₂` over all tokens and channels.
  func distance(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double
  /// `‖x‖₂` over all tokens and channels at a call.
  func magnitude(_ change: ChangeRequest, at position: Int) -> Double
  /// What `make` answers, made only once for equal keys where the driver remembers.
  ///
  /// For values that follow from the key and recorded values alone, so that replays with other settings can
  /// share them; the key's type says what it is the key of.
  func remembered<Value: Sendable>(_ key: some Hashable & Sendable, _ make: () -> Value) -> Value
}

extension Signals {
  public func remembered<Value: Sendable>(_ key: some Hashable & Sendable, _ make: () -> Value) -> Value {
    make()
  }

  public func norms(of combination: Combination, at tokens: [Int]) -> [Double] {
    let norms = norms(of: combination)
    return tokens.map { norms[$0] }
  }

  /// `mean |x_position − x_reference| / mean |x_reference|`: a ratio of means, over the reference.
  public func relativeChange(_ change: ChangeRequest, at position: Int, from reference: Int) -> Double {
    meanAbsoluteChange(change, reference, position) / meanAbsolute(change, at: reference)
  }
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
    /// A call that the method computes by rule wherever it stands.
    case forced
    /// Too few computed calls to predict from.
    case history
    /// The signal decided.
    case threshold
    /// The streak has reached its longest length.
    case cap
    /// So many calls have been predicted, or so much change has passed, that no more may be.
    case budget
    /// A fixed timetable says so.
    case schedule
    /// A prediction was compared with the truth and was too far off (needs an extra evaluation).
    case check
    /// Another guidance branch of the step wanted to be computed.
    case branch
    /// A program outside decided.
    case external

    /// Whether the call might as well have been predicted as far as the method's fixed rules go: signals,
    /// caps, budgets, checks and other branches judge; warm-ups, timetables and programs outside do not say.
    public var isJudgement: Bool {
      switch self {
      case .threshold, .cap, .budget, .check, .branch: true
      case .always, .warmUp, .lastCall, .forced, .history, .schedule, .external: false
      }
    }
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
  /// Which of `combinations` serves each token of the covered branches; nil when one serves all.
  public var groups: TokenGroups?

  public init(_ combination: Combination) {
    combinations = [combination]
    groups = nil
  }

  public init(_ combinations: [Combination], groups: TokenGroups) {
    self.combinations = combinations
    self.groups = groups
  }

  public init(_ combinations: [Combination], groups: [UInt8]) {
    self.init(combinations, groups: TokenGroups(groups))
  }

  /// Index of the combination of a token of the covered branches.
  func group(of token: Int) -> Int { groups.map { Int($0.indices[token]) } ?? 0 }
}
