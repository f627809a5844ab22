import Dispatch
import Synchronization
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

  /// Rows, and why policies have no ideal although one was asked for.
  public struct Result<Row: Sendable>: Sendable {
    public var rows: [Row]
    public var refusals: [String]
  }

  private struct Outcome<Row: Sendable>: Sendable {
    var rows: [(spec: PolicySpec, row: Row)] = []
    var refusal: PolicyError?
  }

  /// Replays everything and makes a row of each replay as soon as it is there; no replay is kept.
  ///
  /// Throws the first error in the order asked for. `progress` is told how many of the policies are done.
  public func run<Row: Sendable>(
    progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in },
    _ row: @Sendable (_ trace: Int, Role, Replay) -> Row
  ) throws -> Result<Row> {
    let roles = (bounds == .none ? [] : [Role.always]) + plans.indices.map { Role.policy($0) }
    let shelf = Shelf(traces.map(\.open), uses: roles.count)
    let count = traces.count * roles.count
    let state = Mutex(State<Outcome<Row>>(count: count))
    DispatchQueue.concurrentPerform(iterations: min(workerCount, count)) { _ in
      // Jobs are begun in order, so that the first one that fails is always among those that were begun.
      while let job = state.withLock({ $0.next() }) {
        let (trace, role) = (job / roles.count, roles[job % roles.count])
        do {
          let outcome = try outcome(trace, role, shelf, row)
          state.withLock {
            $0.finish(job, outcome)
            progress($0.doneCount, count)
          }
        } catch {
          state.withLock { $0.fail(job, named(error, trace)) }
        }
        shelf.release(trace)
      }
    }
    let outcomes = try state.withLock { try $0.outcomes() }
    return merge(outcomes, rolesPerTrace: roles.count)
  }

  private func outcome<Row: Sendable>(
    _ trace: Int, _ role: Role, _ shelf: Shelf, _ row: (Int, Role, Replay) -> Row
  ) throws -> Outcome<Row> {
    guard case .policy(let place) = role else {
      let material = try shelf.material(of: trace, for: plans[0])
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

  // Where there are several traces, an error about a policy says which one it was.
  private func named(_ error: any Error, _ trace: Int) -> any Error {
    guard traces.count > 1, let error = error as? PolicyError else { return error }
    return PolicyError("\(traces[trace].name): \(error)")
  }

  // What comes out twice for one trace stands once.
  private func merge<Row>(_ outcomes: [Outcome<Row>], rolesPerTrace: Int) -> Result<Row> {
    var result = Result<Row>(rows: [], refusals: [])
    var refused: Set<PolicyError> = []
    for trace in traces.indices {
      var seen: Set<PolicySpec> = []
      for outcome in outcomes[(trace * rolesPerTrace)..<((trace + 1) * rolesPerTrace)] {
        for (spec, row) in outcome.rows where seen.insert(spec).inserted { result.rows.append(row) }
        if let refusal = outcome.refusal, refused.insert(refusal).inserted {
          result.refusals.append(refusal.description)
        }
      }
    }
    return result
  }

  private struct State<Outcome: Sendable>: Sendable {
    private var results: [Outcome?]
    private var begun = 0
    private(set) var doneCount = 0
    private var failure: (job: Int, error: any Error)?

    init(count: Int) { results = Array(repeating: nil, count: count) }

    mutating func next() -> Int? {
      guard begun < results.count, failure == nil else { return nil }
      begun += 1
      return begun - 1
    }

    mutating func finish(_ job: Int, _ outcome: Outcome) {
      results[job] = outcome
      doneCount += 1
    }

    mutating func fail(_ job: Int, _ error: any Error) {
      if failure.map({ job < $0.job }) ?? true { failure = (job, error) }
    }

    func outcomes() throws -> [Outcome] {
      if let failure { throw failure.error }
      return results.map { $0! }
    }
  }

  /// What replays over one trace share.
  private struct Material: Sendable {
    var geometries: [Geometry]
    var memories: [ReplayMemo]
  }

  /// Traces that are open: each from its first replay to its last.
  private final class Shelf: Sendable {
    private struct Place {
      var uses: Int
      var source: (@Sendable (PolicyPlan) throws -> [Geometry])?
      var memories: [GeometryRequest?: [ReplayMemo]] = [:]
    }

    private let open: [Source]
    private let places: Mutex<[Place]>

    init(_ open: [Source], uses: Int) {
      self.open = open
      places = Mutex(open.map { _ in Place(uses: uses) })
    }

    // Policies that look at the same numbers remember together.
    func material(of trace: Int, for plan: PolicyPlan) throws -> Material {
      let source = try places.withLock { places in
        let source = try places[trace].source ?? open[trace]()
        places[trace].source = source
        return source
      }
      let geometries = try source(plan)
      let request = try plan.request(blockCount: geometries[0].blockCount)
      return places.withLock { places in
        let memories = places[trace].memories[request] ?? geometries.map { _ in ReplayMemo() }
        places[trace].memories[request] = memories
        return Material(geometries: geometries, memories: memories)
      }
    }

    func release(_ trace: Int) {
      places.withLock { places in
        places[trace].uses -= 1
        if places[trace].uses == 0 { places[trace] = Place(uses: 0) }
      }
    }
  }
}
