import Synchronization
public import Trace

/// Ideal schedules of one predictor over several traces, chunk by chunk, for some numbers of computed
/// calls, with what replaying them on every trace gives.
public struct IdealSchedules: Sendable {
  /// The ideal of one chunk at one number of computed calls.
  public struct Entry: Sendable {
    public let chunk: Int
    public let computed: [Int]
    public let callCount: Int
    /// What the traces have in common; nil where they differ in more than weights and guidance.
    public let domain: ValidityDomain?
    /// What the search minimised, as an error; and what no schedule can be below.
    public let error: Double
    public let bound: Double
    /// By trace, over the chunk: errors of the final latent; nil where it is not recorded.
    public let streakErrors: [Double?]
    public let directErrors: [Double?]

    /// How far the error may be above the best there is: 1 where the search is exact.
    public var gap: Double { error == bound ? 1 : error / bound }
  }

  public let predictor: any Predictor
  public let site: Site
  public let aim: Aim
  /// By number of computed calls, the chunks of each in order.
  public let entries: [(computedCount: Int, chunks: [Entry])]

  /// Searches; `traces` are geometries by trace and chunk.
  ///
  /// The policy gives predictor and site. Throws a ``PolicyError`` where there is no search or no schedule.
  /// `progress` is told of the streaks' evaluation, which takes most of the time, and then, of the direct error, of the
  /// searches.
  public init(
    of plan: PolicyPlan, over traces: [[Geometry]], _ aim: Aim, _ constraints: ScheduleConstraints,
    computing counts: ClosedRange<Int>, progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    precondition(!traces.isEmpty)
    guard let predictor = try plan.predictor() else {
      throw PolicyError("\(plan.spec) has no predictor with schedules to search")
    }
    guard PredictorChoice.names.contains(predictor.name) else {
      throw PolicyError(
        "a schedule that is found is written with its predictor, and '\(predictor.name)' of '\(plan.spec.name)' cannot "
          + "be; it takes \(PredictorChoice.names.joined(separator: ", "))")
    }
    let chunkCounts = traces.map(\.count)
    guard chunkCounts.allSatisfy({ $0 == chunkCounts[0] }) else {
      throw PolicyError(
        "one schedule for several traces needs as many chunks in each; there are \(chunkCounts.min()!) and "
          + "\(chunkCounts.max()!)")
    }
    let shortest = traces[0].map(\.callCount).min()!
    guard counts.upperBound <= shortest else {
      throw PolicyError("\(counts.upperBound) computed calls are asked for; a chunk has \(shortest)")
    }
    self.predictor = predictor
    self.aim = aim
    site = traces[0][0].site
    var entries = counts.map { (computedCount: $0, chunks: [Entry]()) }
    for place in traces[0].indices {
      let geometries = traces.map { $0[place] }
      let chunk = try IdealSchedules.chunk(
        geometries, predictor, aim, constraints, counts, spec: plan.spec, progress)
      for (index, entry) in chunk.enumerated() { entries[index].chunks.append(entry) }
    }
    self.entries = entries
  }

  private static func chunk(
    _ geometries: [Geometry], _ predictor: any Predictor, _ aim: Aim, _ constraints: ScheduleConstraints,
    _ counts: ClosedRange<Int>, spec: PolicySpec, _ progress: @Sendable (Int, Int) -> Void
  ) throws -> [Entry] {
    if let refusal = IdealSearch.refusal(predictor, geometries, lookingBackOn: .max)
      ?? IdealSearch.refusal(aim, geometries[0].site)
    {
      throw refusal
    }
    if aim.objective == .direct {
      return try direct(geometries, predictor, aim, constraints, counts, spec: spec, progress)
    }
    guard predictor.anchorCount <= 3 else {
      if let refusal = LongMemorySearch.refusal(predictor, aim, geometries) { throw refusal }
      let search = try LongMemorySearch(
        geometries, predictor, aim, constraints, upTo: counts.upperBound, progress: progress)
      return try entries(geometries, predictor, aim, counts, spec: spec) { count in
        search.result(computing: count).map {
          ($0.schedule, aim.error(ofCost: $0.cost), aim.error(ofCost: $0.bound))
        }
      }
    }
    let table = try StreakTable(
      geometries, predictor, aim, longestStreak: constraints.longestStreak, progress: progress)
    let found: (Int) -> (schedule: [Int], error: Double, bound: Double)?
    if aim.objective.isSum, aim.over == .max, geometries.count > 1 {
      let search = WorstTraceSearch(table, aim, constraints)
      found = { count in
        search.result(computing: count).map {
          ($0.schedule, aim.error(ofCost: $0.cost), aim.error(ofCost: $0.bound))
        }
      }
    } else {
      let search = IdealSearch(
        table, aim, constraints, weights: StreakTable.evenWeights(table.columnCount),
        upTo: counts.upperBound)
      found = { count in
        search.schedule(computing: count).map {
          ($0, search.error(computing: count)!, search.error(computing: count)!)
        }
      }
    }
    return try entries(geometries, predictor, aim, counts, spec: spec, found)
  }

  // Several numbers of computed calls at a time.
  private static func direct(
    _ geometries: [Geometry], _ predictor: any Predictor, _ aim: Aim, _ constraints: ScheduleConstraints,
    _ counts: ClosedRange<Int>, spec: PolicySpec, _ progress: @Sendable (Int, Int) -> Void
  ) throws -> [Entry] {
    if let refusal = DirectSearch.refusal(predictor, geometries) { throw refusal }
    let search = try DirectSearch(
      geometries, predictor, over: aim.over, constraints, upTo: counts.upperBound, progress: progress)
    // Thousandths of the most that each may take; the last is told at the end of all.
    let total = 1000 * counts.count
    let parts = Mutex([Int](repeating: 0, count: counts.count))
    let results = try OrderedJobs.run(counts.count, workerCount: min(Cores.count, 4)) { place in
      func tell(_ part: Int) {
        parts.withLock { parts in
          guard part > parts[place] else { return }
          parts[place] = part
          progress(min(parts.reduce(0, +), total - 1), total)
        }
      }
      let result = search.result(computing: counts.lowerBound + place) { tell(Int($0 * 1000)) }
      tell(1000)
      return result
    }
    progress(total, total)
    return try entries(geometries, predictor, aim, counts, spec: spec) { count in
      results[count - counts.lowerBound].map { ($0.schedule, $0.error, $0.bound) }
    }
  }

  // What is found, with its replays.
  private static func entries(
    _ geometries: [Geometry], _ predictor: any Predictor, _ aim: Aim, _ counts: ClosedRange<Int>,
    spec: PolicySpec, _ found: (Int) -> (schedule: [Int], error: Double, bound: Double)?
  ) throws -> [Entry] {
    let callCount = geometries[0].callCount
    let domain = ValidityDomain.common(to: geometries)
    return try counts.map { count in
      guard let (schedule, error, bound) = found(count) else {
        throw PolicyError(
          "no schedule of \(count) computed calls over \(callCount) keeps the constraints with the predictor "
            + "'\(predictor.name)'")
      }
      let replays = geometries.map { geometry in
        StreamReplay(
          FixedSchedule(
            spec: spec, site: geometry.site, predictor: predictor, calls: .positions(schedule), source: ""),
          over: geometry, figures: .finalLatent)
      }
      func errors(_ square: (StreamReplay) -> Double?) -> [Double?] {
        replays.map { replay in
          guard let square = square(replay), let norm = replay.finalSquaredNorm else { return nil }
          return Relative.error(square, norm)
        }
      }
      return Entry(
        chunk: geometries[0].chunk, computed: schedule, callCount: callCount, domain: domain, error: error,
        bound: bound,
        streakErrors: errors(\.streakSquaredError), directErrors: errors(\.directSquaredError))
    }
  }
}
