public import Trace

extension Replay {
  /// Why a policy gets no ideal row although it predicts; nil when it gets one or needs none.
  public static func missingIdeal(of plan: PolicyPlan, over geometries: [Geometry]) throws -> PolicyError? {
    guard case .ordinary = plan.entry.kind, let predictor = try plan.predictor() else { return nil }
    return geometries.lazy.compactMap { IdealSearch.refusal(predictor, $0) ?? refusal(of: plan, $0) }.first
  }

  /// The ideal of a replayed policy's predictor at its number of computed calls in each chunk; nil where
  /// there is none.
  public static func ideal(
    of plan: PolicyPlan, _ replay: Replay, over geometries: [Geometry], figures: Figures = .table,
    memories: [ReplayMemo] = []
  ) throws -> Replay? {
    guard case .ordinary = plan.entry.kind, let predictor = try plan.predictor(),
      geometries.allSatisfy({
        IdealSearch.refusal(predictor, $0) == nil && refusal(of: plan, $0) == nil
      })
    else { return nil }
    // Branches that are computed together have lanes of their own, all alike.
    let counts = replay.streams.map { $0.computedPositions(lane: 0).count }
    guard zip(counts, geometries).contains(where: { $0 < $1.callCount }) else { return nil }
    let spec = IdealPolicy.spec(for: predictor, site: replay.site, calls: counts)
    return try Replay(PolicyRegistry.plan(spec), over: geometries, figures: figures, memories: memories)
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
