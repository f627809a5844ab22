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
    of plans: [PolicyPlan], over geometries: [Geometry], withBounds: Bool, progress: (Int) -> Void = { _ in }
  ) throws -> [Replay] {
    var replays: [Replay] = []
    if withBounds { replays.append(try Replay(PolicyRegistry.plan("always"), over: geometries)) }
    for (place, plan) in plans.enumerated() {
      defer { progress(place + 1) }
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
    return geometries.lazy.compactMap { IdealSearch.refusal(predictor, $0) }.first
  }

  /// The ideal of a replayed policy's predictor at its number of computed calls in each chunk; nil where
  /// there is none.
  public static func ideal(of plan: PolicyPlan, _ replay: Replay, over geometries: [Geometry]) throws
    -> Replay?
  {
    guard case .ordinary = plan.entry.kind, let predictor = try plan.predictor(),
      geometries.allSatisfy({ IdealSearch.refusal(predictor, $0) == nil })
    else { return nil }
    let counts = replay.streams.map(\.computedPositions.count)
    guard zip(counts, geometries).contains(where: { $0 < $1.callCount }) else { return nil }
    return try Replay(PolicyRegistry.plan(IdealPolicy.spec(for: predictor, calls: counts)), over: geometries)
  }
}
