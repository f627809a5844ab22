public import Trace

extension Replay {
  /// Replays several policies; with bounds, `always` first and after each policy the ideal of its own
  /// predictor at its own number of computed calls in each chunk.
  ///
  /// No ideal is added for policies that never predict, that are ideals themselves, or whose predictor
  /// looks back on more calls than the exact search covers.
  ///
  /// `progress` is told after every policy how many are done.
  public static func table(
    of plans: [PolicyPlan], over geometries: (PolicyPlan) throws -> [Geometry], withBounds: Bool,
    progress: (Int) -> Void = { _ in }
  ) throws -> [Replay] {
    var replays: [Replay] = []
    if withBounds, let first = plans.first {
      replays.append(try Replay(PolicyRegistry.plan("always"), over: geometries(first)))
    }
    for (place, plan) in plans.enumerated() {
      defer { progress(place + 1) }
      let geometries = try geometries(plan)
      let replay = try Replay(plan, over: geometries)
      if !replays.contains(where: { $0.spec == replay.spec }) { replays.append(replay) }
      guard withBounds, let ideal = try Replay.ideal(of: plan, replay, over: geometries),
        !replays.contains(where: { $0.spec == ideal.spec })
      else { continue }
      replays.append(ideal)
    }
    return replays
  }

  /// Why a policy gets no ideal row although it predicts; nil when it gets one or needs none.
  public static func missingIdeal(of plan: PolicyPlan, over geometries: [Geometry]) throws -> PolicyError? {
    guard case .ordinary = plan.entry.kind, let predictor = try plan.predictor() else { return nil }
    return geometries.lazy.compactMap { IdealSearch.refusal(predictor, $0) ?? refusal(of: plan, $0) }.first
  }

  /// The ideal of a replayed policy's predictor at its number of computed calls in each chunk; nil where
  /// there is none.
  public static func ideal(of plan: PolicyPlan, _ replay: Replay, over geometries: [Geometry]) throws
    -> Replay?
  {
    guard case .ordinary = plan.entry.kind, let predictor = try plan.predictor(),
      geometries.allSatisfy({
        IdealSearch.refusal(predictor, $0) == nil && refusal(of: plan, $0) == nil
      })
    else { return nil }
    // Branches that are computed together have lanes of their own, all alike.
    let counts = replay.streams.map { $0.computedPositions(lane: 0).count }
    guard zip(counts, geometries).contains(where: { $0 < $1.callCount }) else { return nil }
    let spec = IdealPolicy.spec(for: predictor, site: replay.site, calls: counts)
    return try Replay(PolicyRegistry.plan(spec), over: geometries)
  }

  // The exact search takes one decision for all branches of a step.
  private static func refusal(of plan: PolicyPlan, _ geometry: Geometry) -> PolicyError? {
    guard geometry.branchCount > 1, let policy = try? plan.policy(for: geometry),
      policy.coupling == .separate
    else { return nil }
    return PolicyError(
      "'\(plan.spec.name)' decides branch by branch; the ideal schedule is exact for one decision per step")
  }
}
