/// One policy on one rollout, replayed and run live.
public struct ValidationRecord: Codable, Hashable, Sendable {
  /// What the rollout is told by: the digest of its uncached trace, or its path where it has none.
  public var rollout: String
  public var scene: Int
  public var noise: Int
  public var policy: String
  /// Steps computed in replay and in the live run, and steps.
  public var replayComputed: Int
  public var liveComputed: Int
  public var calls: Int
  /// What replay says of the final error, by ``Estimator/name``; a name without a number is not defined here.
  public var estimates: [String: Double]
  /// Hash of the feedback file behind the estimates with feedback; nil without one.
  public var feedback: String?
  /// Whether the rollout moves more than those that the feedback was fitted on; nil without feedback.
  public var fitRange: FitRange?
  /// Relative error of the final latent of the live run.
  public var liveError: Double
  /// PSNR to the uncached frames in dB; nil where nothing differs.
  public var psnr: Double?
  /// Each ground-truth error divided by the uncached run's.
  public var rgbRatio: Double
  public var disparityRatio: Double
  public var motionRatio: Double
  /// Decisions as letters (``DecisionLetters``), one text per chunk and lane.
  public var replayDecisions: [String]
  public var liveDecisions: [String]
  /// The first decision that differs.
  public var parting: Parting?

  /// Where replay and live part, and why.
  public struct Parting: Codable, Hashable, Sendable {
    public var chunk: Int
    public var lane: Int
    public var position: Int
    public var replay: Side
    public var live: Side

    public struct Side: Codable, Hashable, Sendable {
      public var action: Decision.Action
      public var reason: Decision.Reason
      public var signal: Double?
      public var threshold: Double?

      init(_ decision: Decision) {
        action = decision.action
        reason = decision.reason
        // What is not finite has no place in JSON.
        signal = decision.signal.flatMap { $0.isFinite ? $0 : nil }
        threshold = decision.threshold.flatMap { $0.isFinite ? $0 : nil }
      }
    }
  }

  /// `estimates` of the final error join those that a replay has by itself.
  public init(
    rollout: String, scene: Int, noise: Int, replay: Replay, estimates: [Estimator: Double] = [:],
    live: [LiveStream], liveError: Double, psnr: Double?, rgbRatio: Double, disparityRatio: Double,
    motionRatio: Double
  ) {
    self.rollout = rollout
    self.scene = scene
    self.noise = noise
    policy = replay.spec.description
    replayComputed = replay.computedCount
    liveComputed = live.reduce(0) { $0 + $1.computedCount }
    calls = replay.callCount
    self.estimates = Estimator.estimates(of: replay)
    for (estimator, value) in estimates { self.estimates[estimator.name] = value }
    // What is not finite has no place in JSON.
    self.estimates = self.estimates.filter(\.value.isFinite)
    self.liveError = liveError
    self.psnr = psnr
    self.rgbRatio = rgbRatio
    self.disparityRatio = disparityRatio
    self.motionRatio = motionRatio
    replayDecisions = replay.streams.flatMap { $0.lanes.map(DecisionLetters.text) }
    liveDecisions = live.flatMap { $0.lanes.map(DecisionLetters.text) }
    parting = ValidationRecord.parting(replay, live)
  }

  private static func parting(_ replay: Replay, _ live: [LiveStream]) -> Parting? {
    for (a, b) in zip(replay.streams, live) {
      for position in a.lanes[0].indices {
        for lane in a.lanes.indices {
          let (replayed, run) = (a.lanes[lane][position], b.lanes[lane][position])
          if replayed.action != run.action {
            return Parting(
              chunk: a.chunk, lane: lane, position: position, replay: .init(replayed), live: .init(run))
          }
        }
      }
    }
    return nil
  }

  /// Puts another estimate with feedback in place of the one there was.
  public mutating func setFeedback(_ estimate: Double?, hash: String?, _ range: FitRange?) {
    estimates[Estimator.withFeedback.name] = estimate.flatMap { $0.isFinite ? $0 : nil }
    feedback = hash
    fitRange = range
  }

  /// Whether each ground-truth error is within this part of the uncached run's.
  public func isWithin(_ part: Double) -> Bool {
    [rgbRatio, disparityRatio, motionRatio].allSatisfy { abs($0 - 1) <= part }
  }
}
