/// Shows the recorded tensors of a rollout to a hook, call by call, in place of the model.
///
/// A trace may have been recorded from a cached run: where it holds a predicted value the hook has to announce
/// one too, by a jump or in place of what it is shown. Its answers change nothing, since the recording goes on as
/// it went; a hook that would have computed a value that is not there has parted from it. Values are shown at
/// the recorded taps only.
public struct Playback<Source: FeatureSource> {
  private let source: Source

  public init(_ source: Source) { self.source = source }

  /// Where a hook and the recording part: the hook let a call be computed that was predicted.
  public struct Parting: Hashable, Sendable {
    public var call: Call
    public var tap: Tap
  }

  /// What came of it.
  public struct Outcome: Hashable, Sendable {
    /// The first call at which they part; nothing was shown after it.
    public var parting: Parting?
    /// The largest difference between a number that the hook announced and the one recorded as predicted.
    public var largestDifference: Float = 0
    /// Announced tensors that were compared.
    public var comparedCount = 0
  }

  /// Plays all recorded calls; throws what the hook throws, and `lacking` for a step that is not whole.
  public func run(hook: inout some CallHook) throws -> Outcome {
    var outcome = Outcome()
    for group in source.groups {
      try hook.begin(group)
      if let parting = try play(group, &hook, &outcome) {
        outcome.parting = parting
        return outcome
      }
    }
    return outcome
  }

  private func play(
    _ group: [Call], _ hook: inout some CallHook, _ outcome: inout Outcome
  ) throws -> Parting? {
    var jump: (target: Tap, tensors: [Tensor])?
    for tap in source.taps {
      let shown = tap == .guided ? Array(group.prefix(1)) : group
      let states = try shown.map { try source.state(of: tap, call: $0.ordinal) }
      if states.allSatisfy({ $0 == .absent }) { continue }
      guard !states.contains(.absent) else {
        throw TraceError(
          .lacking, path: source.path, at: "call \(shown[0].ordinal)",
          "\(tap) was not recorded for all guidance branches of this step")
      }
      let tensors = try shown.map { call in
        let layout = try source.layout(of: tap)
        return Tensor(
          rows: layout.tokens.count, columns: layout.channelCount,
          values: try source.rows(0..<layout.tokens.count, of: tap, call: call.ordinal))
      }
      let passage = try hook.reached(tap, tensors)
      let announced: [Tensor?] =
        switch passage {
        case .replace(let others): others
        default: jump?.target == tap ? jump!.tensors : shown.map { _ in nil }
        }
      if case .jump(let target, let ahead) = passage { jump = (target, ahead) }
      for (place, state) in states.enumerated() where state == .predicted {
        guard let own = announced[place] else { return Parting(call: shown[place], tap: tap) }
        outcome.comparedCount += 1
        for (a, b) in zip(own.values, tensors[place].values) {
          outcome.largestDifference = max(outcome.largestDifference, abs(a - b))
        }
      }
    }
    // A recording that does not hold `guided` ends its calls here.
    if !source.taps.contains(.guided), let last = source.taps.last {
      let layout = try source.layout(of: last)
      _ = try hook.reached(.guided, [Tensor(zeros: layout.tokens.count, layout.channelCount)])
    }
    return nil
  }
}
