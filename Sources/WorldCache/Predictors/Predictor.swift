public import Trace

/// How values are predicted from computed calls: pure functions that make combinations.
public protocol Predictor: Sendable {
  /// The spelling under which `ideal:predictor=…` finds it, with its settings.
  var name: String { get }
  /// Computed calls it looks back on at most, and those it needs before it predicts at all.
  var anchorCount: Int { get }
  var minimumAnchorCount: Int { get }
  /// Names of its groups; empty when all tokens are alike.
  var groupNames: [String] { get }
  /// Longest streak it is defined for; nil when any.
  var longestStreak: Int? { get }

  /// Group of every pooled token after a computed call, or nil when all tokens are alike.
  ///
  /// `anchors` are the positions of computed calls, newest first.
  func groups(anchors: [Int], signals: some Signals) -> TokenGroups?
  /// One combination per group for the call `distance` positions after the newest anchor.
  func combinations(anchors: [Int], distance: Int) -> [Combination]
}

extension Predictor {
  public var longestStreak: Int? { nil }
  public var groupNames: [String] { [] }
  public var minimumAnchorCount: Int { 1 }
  public func groups(anchors: [Int], signals: some Signals) -> TokenGroups? { nil }
}

/// What predicts skipped calls from the computed ones that it has been told of: the part of a policy's books
/// that most share.
protocol Forecasting: Sendable {
  /// Forgets everything.
  mutating func reset()
  /// Takes note of a computed call.
  mutating func computed(at position: Int, signals: some Signals)
  /// What to emit at a position after the newest computed call; asked once, since some build on their own answers.
  mutating func prediction(at position: Int) -> Prediction
}

/// A predictor with the computed calls it has seen.
struct Forecaster: Forecasting {
  let predictor: any Predictor
  /// Newest first.
  private(set) var anchors: [Int] = []
  private var groups: TokenGroups?

  init(_ predictor: any Predictor) { self.predictor = predictor }

  var isReady: Bool { anchors.count >= predictor.minimumAnchorCount }

  mutating func reset() {
    anchors = []
    groups = nil
  }

  mutating func computed(at position: Int, signals: some Signals) {
    anchors.insert(position, at: 0)
    if anchors.count > predictor.anchorCount { anchors.removeLast() }
    groups = isReady ? predictor.groups(anchors: anchors, signals: signals) : nil
  }

  func prediction(at position: Int) -> Prediction {
    let combinations = predictor.combinations(anchors: anchors, distance: position - anchors[0])
    if let groups { return Prediction(combinations, groups: groups) }
    return Prediction(combinations[0])
  }
}
