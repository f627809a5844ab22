public import Trace

extension Replay {
  /// Why a policy gets no ideal row although it predicts; nil when it gets one or needs none.
  public static func missingIdeal(of plan: PolicyPlan, over geometries: [Geometry]) throws -> PolicyError? {
    guard case .ordinary = plan.entry.kind, let predictor = try plan.predictor() else { return nil }
    guard PredictorChoice.names.contains(predictor.name) else {
      return PolicyError(
        "the predictor '\(predictor.name)' of '\(plan.spec.name)' has no ideal to be spelled")
    }
    return geometries.lazy.compactMap { IdealSearch.refusal(predictor, [$0]) ?? refusal(of: plan, $0) }.first
  }

  /// The ideal of a replayed policy's predictor at its number of computed calls in each chunk; nil where
  /// there is none.
  public static func ideal(
    of plan: PolicyPlan, _ replay: Replay, over geometries: [Geometry], figures: Figures = .table,
    memories: [ReplayMemo] = []
  ) throws -> Replay? {
    guard case .ordinary = plan.entry.kind, let predictor = try plan.predictor(),
      geometries.allSatisfy({
        IdealSearch.refusal(predictor, [$0]) == nil && refusal(of: plan, $0) == nil
      }), PredictorChoice.names.contains(predictor.name)
    else { return nil }
    // Branches that are computed together have lanes of their own, all alike.
    let counts = replay.streams.map { $0.computedPositions(lane: 0).count }
    guard zip(counts, geometries).contains(where: { $0 < $1.callCount }) else { return nil }
    let spec = IdealPolicy.spec(for: predictor, site: replay.site, calls: counts)
    return try Replay(PolicyRegistry.plan(spec), over: geometries, figures: figures, memories: memories)
  }

  /// The error in the ideals' objective over an ideal's; 1 where both are the same.
  ///
  /// The streak-coherent error where ideals minimise it, elsewhere the root of the summed squares of relative
  /// call errors; over all chunks.
  func gap(to ideal: Replay) -> Double {
    func square(_ replay: Replay) -> Double {
      guard IdealSearch.refusal(Aim(), site) == nil else {
        return replay.streams.flatMap { $0.callErrors.joined() }.reduce(0) { $0 + $1 * $1 }
      }
      return replay.streams.reduce(0) { $0 + ($1.streakSquaredError ?? .nan) }
    }
    let (own, best) = (square(self), square(ideal))
    return own == best ? 1 : (own / best).squareRoot()
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
