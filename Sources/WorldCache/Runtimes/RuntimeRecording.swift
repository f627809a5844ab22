public import Trace

/// What a policy did on a trace, for a runtime's file.
public struct RuntimeRecording: Sendable {
  let timetable: Timetable
  /// The chunks' places in the rollout.
  let chunks: [Int]
  /// What each chunk was recorded with.
  let chunkDomains: [ValidityDomain]
  /// The same where the chunks have it in common, otherwise by chunk.
  let domains: [ValidityDomain]
  /// How the recording differs from what the policy's numbers were made with, in sentences.
  let remarks: [String]

  /// Replays the policy; throws a ``PolicyError`` where a chunk is none for it.
  public init(_ plan: PolicyPlan, over geometries: [Geometry]) throws {
    let replay = try Replay(plan, over: geometries, figures: [])
    timetable = Timetable(replay)
    remarks = replay.remarks
    chunks = geometries.map(\.chunk)
    chunkDomains = geometries.map { ValidityDomain(of: $0) }
    domains = ValidityDomain.common(to: geometries).map { [$0] } ?? chunkDomains
  }

  /// Whether anything but the number of calls had a say in the decisions of the policy.
  func decided(for plan: PolicyPlan) -> Bool {
    !timetable.computed.allSatisfy { lanes in
      guard let plain = try? Timetable(plan, callCount: lanes[0].count) else { return false }
      return Set(plain.computed[0]) == Set(lanes)
    }
  }
}
