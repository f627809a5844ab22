public import Trace

/// The finer figures of a replay over all its chunks (docs/metrics.md).
public struct ReplayDetails: Sendable {
  public let streams: [StreamDetails]
  /// All tokens first, then modalities and frames.
  public let sets: [SliceFigures]
  /// One for each guidance branch.
  public let branches: [SliceFigures]
  public let bottlenecks: Bottlenecks
  /// Numbers read and written by predicting and by keeping computed values.
  public let movedNumberCount: Int
  // Decisions to predict with their largest error over branches, and the errors of attempts.
  private let predictedErrors: [Double]
  private let attemptErrors: [Double]

  /// Nil when the replay was made without ``Figures/details``.
  init?(_ streams: [StreamReplay], groupNames: [String]) {
    let details = streams.compactMap(\.details)
    guard details.count == streams.count else { return nil }
    self.streams = details
    sets = details[0].sets.indices.map { SliceFigures(.set($0), of: details) }
    branches = details[0].distances.indices.map { SliceFigures(.branch($0), of: details) }
    bottlenecks = Bottlenecks(details, groupNames: groupNames)
    movedNumberCount = details.reduce(0) { $0 + $1.movedNumberCount }
    predictedErrors = streams.flatMap { stream in
      stream.lanes.enumerated().flatMap { lane, decisions in
        decisions.indices.filter { decisions[$0].action == .predict }
          .map { position in stream.branches(of: lane).map { stream.callErrors[$0][position] }.max()! }
      }
    }
    attemptErrors = details.flatMap { $0.attemptErrors.joined().compactMap { $0 } }
  }

  public func slices(of kind: TokenSet.Kind) -> [SliceFigures] {
    zip(streams[0].sets, sets).filter { $0.0.kind == kind }.map(\.1)
  }

  /// Of the decisions to predict, the part whose error is above `tolerance`; nil without any.
  public func falseSafeRate(tolerance: Double) -> Double? {
    // Not `> tolerance`: an undefined error is no safe one.
    predictedErrors.isEmpty
      ? nil : Double(predictedErrors.count { !($0 <= tolerance) }) / Double(predictedErrors.count)
  }

  /// Of the decisions to compute that were no rule, the part that a prediction would have met within
  /// `tolerance`; nil without any.
  public func missedSkipRate(tolerance: Double) -> Double? {
    attemptErrors.isEmpty
      ? nil : Double(attemptErrors.count { $0 <= tolerance }) / Double(attemptErrors.count)
  }
}
