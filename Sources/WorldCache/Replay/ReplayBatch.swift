public import Trace

/// Many replays at once: several policies over several traces, on all cores.
///
/// Results stand in the order asked for, trace after trace, and do not depend on how many are made at a time.
public struct ReplayBatch: Sendable {
  /// What a row of a batch is there for.
  public enum Role: Hashable, Sendable {
    /// The uncached rollout.
    case always
    /// The policy at that place among those asked for.
    case policy(Int)
    /// The ideal of that policy's predictor at its numbers of computed calls.
    case ideal(of: Int)
  }

  /// The bounds that stand beside the policies.
  public enum Bounds: Sendable { case none, always, ideals }

  /// Opens a trace: answers the geometries that a policy needs of it, one per chunk.
  public typealias Source = @Sendable () throws -> @Sendable (PolicyPlan) throws -> [Geometry]

  public var plans: [PolicyPlan]
  /// Traces by what they are called in errors.
  public var traces: [(name: String, open: Source)]
  public var bounds: Bounds
  /// What replays work out.
  public var figures: Figures
  /// Replays that are made at a time.
  public var workerCount: Int

  public init(
    plans: [PolicyPlan], traces: [(name: String, open: Source)], bounds: Bounds, figures: Figures,
    workerCount: Int
  ) {
    precondition(!plans.isEmpty && !traces.isEmpty && workerCount > 0)
    self.plans = plans
    self.traces = traces
    self.bounds = bounds
    self.figures = figures
    self.workerCount = workerCount
  }

  /// What the replays came to.
  public struct Result<Row: Sendable>: Sendable {
    /// Every schedule of a trace once.
    public var rows: [Row] = []
    /// What stands in ``rows`` under an earlier role of the same trace, such as an ideal that two policies share.
    public var repeats: [Row] = []
    /// Why policies have no ideal although one was asked for.
    public var refusals: [String] = []
    /// Policies that cannot run on a trace, in the order asked for; they have no row there.
    public var misfits: [Misfit] = []
  }

  private struct Outcome<Row: Sendable>: Sendable {
    var rows: [(spec: PolicySpec, row: Row)] = []
    var refusal: PolicyError?
    var misfit: Misfit?
  }

  /// Replays everything and makes a row of each replay as soon as it is there; no replay is kept.
  ///
  /// Throws the first error in the order asked for; a policy that cannot run is none. `progress` is told how many of
  /// the policies are done.
  public func run<Row: Sendable>(
    progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in },
    _ row: @Sendable (_ trace: Int, Role, Replay) -> Row
  ) throws -> Result<Row> {
    let roles = (bounds == .none ? [] : [Role.always]) + plans.indices.map { Role.policy($0) }
    let shelf = TraceShelf(traces.map(\.open), uses: traces.map { _ in roles.count })
    let count = traces.count * roles.count
    let outcomes = try OrderedJobs.run(count, workerCount: workerCount, finished: { progress($0, count) }) {
      job in
      let (trace, role) = (job / roles.count, roles[job % roles.count])
      defer { shelf.release(trace) }
      // What is wrong with a trace itself is no policy's.
      try shelf.open(trace)
      do {
        return try outcome(trace, role, shelf, row)
      } catch {
        guard case .policy(let place) = role,
          let misfit = Misfit(error, plans[place].spec, on: traces[trace].name)
        else { throw error }
        return Outcome(misfit: misfit)
      }
    }
    return merge(outcomes, rolesPerTrace: roles.count)
  }

  private func outcome<Row: Sendable>(
    _ trace: Int, _ role: Role, _ shelf: TraceShelf, _ row: (Int, Role, Replay) -> Row
  ) throws -> Outcome<Row> {
    guard case .policy(let place) = role else {
      guard let material = try anyMaterial(of: trace, shelf) else { return Outcome() }
      let replay = try Replay(
        PolicyRegistry.plan("always"), over: material.geometries, figures: figures,
        memories: material.memories)
      return Outcome(rows: [(replay.spec, row(trace, role, replay))])
    }
    let plan = plans[place]
    let material = try shelf.material(of: trace, for: plan)
    var replay = try Replay(
      plan, over: material.geometries, figures: figures, memories: material.memories)
    guard bounds == .ideals else { return Outcome(rows: [(replay.spec, row(trace, role, replay))]) }
    var ideal = try Replay.ideal(
      of: plan, replay, over: material.geometries, figures: figures, memories: material.memories)
    replay.gap = ideal.map(replay.gap(to:))
    ideal?.gap = 1
    var outcome = Outcome(rows: [(replay.spec, row(trace, role, replay))])
    outcome.refusal = try Replay.missingIdeal(of: plan, over: material.geometries)
    if let ideal { outcome.rows.append((ideal.spec, row(trace, .ideal(of: place), ideal))) }
    return outcome
  }

  // What the first policy needs that the trace has: any will do for a rollout without a cache.
  private func anyMaterial(of trace: Int, _ shelf: TraceShelf) throws -> TraceShelf.Material? {
    for plan in plans {
      do {
        return try shelf.material(of: trace, for: plan)
      } catch {
        guard Misfit(error, plan.spec, on: traces[trace].name) != nil else { throw error }
      }
    }
    return nil
  }

  private func merge<Row>(_ outcomes: [Outcome<Row>], rolesPerTrace: Int) -> Result<Row> {
    var result = Result<Row>()
    var refused: Set<PolicyError> = []
    for trace in traces.indices {
      var seen: Set<PolicySpec> = []
      for outcome in outcomes[(trace * rolesPerTrace)..<((trace + 1) * rolesPerTrace)] {
        for (spec, row) in outcome.rows {
          if seen.insert(spec).inserted { result.rows.append(row) } else { result.repeats.append(row) }
        }
        if let misfit = outcome.misfit { result.misfits.append(misfit) }
        if let refusal = outcome.refusal, refused.insert(refusal).inserted {
          result.refusals.append(refusal.description)
        }
      }
    }
    return result
  }
}
