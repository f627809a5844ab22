import Trace

/// One replay of a search.
public struct TuningRecord: Hashable, Sendable {
  /// The exact spelling.
  public var policy: String
  /// Values of the open thresholds, and for each the smallest larger one at which a decision would have been
  /// another; nil when there is none.
  public var values: [Double]
  public var next: [Double?]
  public var figures: TuningFigures

  public init(policy: String, values: [Double], next: [Double?], figures: TuningFigures) {
    self.policy = policy
    self.values = values
    self.next = next
    self.figures = figures
  }
}

/// What a replay costs and how far it is off.
public struct TuningFigures: Hashable, Sendable {
  /// The decisions as a picture, `C` and `p`; lanes are joined by `/`, chunks by `|`.
  public var schedule: String
  public var computedCount: Int
  public var callCount: Int
  /// Predicted wall seconds, and of the same calls all computed.
  public var seconds: Double
  public var uncachedSeconds: Double
  /// The tap whose values errors of calls are relative to; only those of one tap can be compared.
  public var emission: String
  /// By metric; none where it is not defined.
  public var errors: [TuningMetric: Double]
  /// The same by modality; empty unless asked for.
  public var modalities: [Modality]

  public struct Modality: Hashable, Sendable {
    public var name: String
    public var errors: [TuningMetric: Double]

    public init(name: String, errors: [TuningMetric: Double]) {
      self.name = name
      self.errors = errors
    }
  }

  public init(_ replay: Replay) {
    schedule = replay.streams.map { stream in
      stream.lanes.indices.map { stream.picture(lane: $0) }.joined(separator: "/")
    }.joined(separator: "|")
    computedCount = replay.computedCount
    callCount = replay.callCount
    seconds = replay.seconds
    uncachedSeconds = replay.uncachedSeconds
    emission = replay.emission
    errors = TuningFigures.known([
      .direct: replay.directError, .streak: replay.streakError, .worstCall: replay.worstCallError,
      .worstToken: replay.worstTokenError, .meanCall: replay.meanCallError,
    ])
    modalities = (replay.details?.slices(of: .modality) ?? []).map { slice in
      Modality(
        name: slice.name,
        errors: TuningFigures.known([
          .direct: slice.directError, .streak: slice.streakError, .worstCall: slice.worstCallError,
          .worstToken: slice.worstTokenError, .meanCall: slice.meanCallError,
        ]))
    }
  }

  public init(
    schedule: String, computedCount: Int, callCount: Int, seconds: Double, uncachedSeconds: Double,
    emission: String, errors: [TuningMetric: Double], modalities: [Modality]
  ) {
    self.schedule = schedule
    self.computedCount = computedCount
    self.callCount = callCount
    self.seconds = seconds
    self.uncachedSeconds = uncachedSeconds
    self.emission = emission
    self.errors = errors
    self.modalities = modalities
  }

  // An undefined number is none.
  private static func known(_ errors: [TuningMetric: Double?]) -> [TuningMetric: Double] {
    errors.compactMapValues { $0 }.filter { !$1.isNaN }
  }
}

/// The error that is held against the cost (docs/metrics.md).
public enum TuningMetric: String, Hashable, Sendable, CaseIterable {
  case direct, streak
  case worstCall = "worst_call"
  case worstToken = "worst_token"
  case meanCall = "mean_call"

  /// The column of a replay that it is.
  public var column: String { rawValue + "_error" }

  /// Whether it is of the final latent, which every site that the solver integrates shares.
  var isOfFinalLatent: Bool { self == .direct || self == .streak }
}
