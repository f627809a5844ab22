import Trace

/// Which calls are computed, chunk by chunk and lane by lane.
public struct Timetable: Hashable, Sendable {
  /// `[chunk][lane][position]`; one lane where a decision covers all guidance branches.
  public let computed: [[[Bool]]]

  /// Calls of a chunk, of the longest one where they differ.
  public var callCount: Int { computed.map { $0[0].count }.max()! }

  init(_ computed: [[[Bool]]]) { self.computed = computed }

  public init(_ replay: Replay) {
    computed = replay.streams.map { $0.lanes.map { lane in lane.map { $0.action == .compute } } }
  }

  /// What a policy computes of so many calls whatever the model does.
  ///
  /// Throws a ``PolicyError`` where that depends on features or noise levels, so that a trace is needed; it names the
  /// policy as `typed`.
  init(_ plan: PolicyPlan, callCount: Int, typed: PolicySpec? = nil) throws {
    guard callCount > 0 else { throw PolicyError("a rollout has at least one call") }
    let needsTrace = PolicyError(
      "which calls \(typed ?? plan.spec) computes depends on the model: give --trace to take its decisions there"
    )
    guard case .ordinary = plan.entry.kind else { throw needsTrace }
    guard try plan.request(blockCount: Timetable.blockCount)?.changes.isEmpty ?? true else {
      throw needsTrace
    }
    // Two rollouts that differ in their noise levels alone, and one of wild values.
    let replays = try [(1.0, false), (3.0, false), (1.0, true)].map { shift, isWild in
      try Replay(plan, over: [Timetable.rollout(plan, callCount, shift: shift, isWild: isWild)], figures: [])
    }
    guard !replays[0].streams[0].lanes.joined().contains(where: { $0.reason == .external }) else {
      throw needsTrace
    }
    let lanes = replays.map { Timetable($0).computed[0] }
    guard Set(lanes).count == 1 else { throw needsTrace }
    computed = [Set(lanes[0]).count == 1 ? [lanes[0][0]] : lanes[0]]
  }

  private static let blockCount = 1_000_000

  /// A rollout of two guidance branches in which nothing changes but the noise level, or all changes at every call.
  private static func rollout(
    _ plan: PolicyPlan, _ callCount: Int, shift: Double, isWild: Bool
  ) throws -> Geometry {
    let request = try plan.request(blockCount: blockCount) ?? GeometryRequest(.output)
    let branchCount = request.site == .guided ? 1 : 2
    let calls = (0..<branchCount).map { branch in
      (0..<callCount).map { position in
        let plain = 1 - Double(position) / Double(callCount)
        let sigma = shift * plain / (1 + (shift - 1) * plain)
        return Call(
          ordinal: position * branchCount + branch, branch: branch, step: position, position: position,
          timestep: 1000 * sigma, sigma: sigma, weight: -1 / Double(callCount))
      }
    }
    let bandCount = request.split == nil ? 1 : 2
    let points = (0..<(callCount * branchCount * bandCount)).map { place -> [Float] in
      // From 1e-4 to 1e4, signs by turns.
      let size = (0..<(place * 7 % 9)).reduce(Float(1e-4)) { size, _ in 10 * size }
      return [isWild ? (place % 2 == 0 ? size : -size) : 1]
    }
    return Geometry(
      site: request.site, split: request.split, blockCount: blockCount, calls: calls,
      tokens: [TokenTable.Token(modality: 0, frame: 0, row: 0, column: 0, validChannels: 1)],
      modalities: ["all"],
      distances: DistanceTable(
        points: points, tokenCount: 1, channelCount: 1))
  }

  /// The one lane of the one chunk; throws where there are several that differ.
  func single(for target: String) throws -> [Bool] {
    let lanes = Set(computed.flatMap { $0 })
    guard lanes.count == 1 else {
      throw PolicyError(
        "\(target) holds one timetable for all guidance branches and chunks; here they differ")
    }
    return computed[0][0]
  }
}

extension PolicyPlan {
  /// What a policy computes that names every call of a rollout itself, as a file does; nil for others, and where its
  /// file holds none of `callCount` calls.
  func ownTimetable(callCount: Int?) throws -> Timetable? {
    guard case .ordinary(let make) = entry.kind else { return nil }
    let own: Timetable? =
      switch try make(values) {
      case let policy as FittedPolicy: policy.timetable(callCount: callCount)
      case let policy as FixedSchedule: policy.wholeTimetable(callCount: callCount)
      default: nil
      }
    return callCount == nil || own?.callCount == callCount ? own : nil
  }

  /// What a policy that names its calls itself is valid for, by chunk; a single one serves all, none where its file does
  /// not say. Nil for other policies.
  func ownDomains(callCount: Int?, on recording: RuntimeRecording?) throws -> [ValidityDomain]? {
    guard case .ordinary(let make) = entry.kind else { return nil }
    switch try make(values) {
    case let policy as FittedPolicy:
      if let recording { return recording.chunkDomains.compactMap(policy.domain(on:)) }
      return try policy.domain(callCount: callCount).map { [$0] } ?? []
    case let policy as FixedSchedule:
      let domains = policy.domains
      guard let recording, domains.count > 1 else { return domains }
      return recording.chunks.map { domains[$0] }
    default: return nil
    }
  }

  /// What the policy caches; nil when it caches nothing.
  var policySite: Site? { get throws { try request(blockCount: 1)?.site } }
}
