/// Searches of several settings over several traces, on all cores.
///
/// One setting over one trace is one job: within it each replay follows from the one before. What a job finds
/// does not depend on the others, so that jobs can be done in parts by several machines.
public struct TuningSearch: Sendable {
  public var settings: [TuningSetting]
  /// Traces by what they are called in errors.
  public var traces: [(name: String, open: ReplayBatch.Source)]
  /// Whether errors are told apart by modality.
  public var slicing: Bool
  /// What speed-ups will be counted in; a trace that says nothing of it is refused at its first replay.
  public var cost: TuningCost
  public var workerCount: Int
  /// The most replays of one job.
  public var limit = 100_000

  public init(
    settings: [TuningSetting], traces: [(name: String, open: ReplayBatch.Source)], slicing: Bool,
    cost: TuningCost = .calls, workerCount: Int
  ) {
    precondition(!settings.isEmpty && !traces.isEmpty && workerCount > 0)
    self.settings = settings
    self.traces = traces
    self.slicing = slicing
    self.cost = cost
    self.workerCount = workerCount
  }

  /// A place among the jobs: setting and trace.
  public struct Job: Hashable, Sendable {
    public var trace: Int
    public var setting: Int

    public init(trace: Int, setting: Int) {
      self.trace = trace
      self.setting = setting
    }

    /// All of them, trace after trace.
    public static func all(traceCount: Int, settingCount: Int) -> [Job] {
      (0..<traceCount).flatMap { trace in (0..<settingCount).map { Job(trace: trace, setting: $0) } }
    }
  }

  /// Where replays are kept from one run to the next.
  public struct Store: Sendable {
    /// A replay that was made before; nil when it was not.
    public var known: @Sendable (Job, _ policy: String) throws -> TuningRecord?
    public var keep: @Sendable (Job, TuningRecord) throws -> Void
    /// Told when all replays of a job have been kept.
    public var finish: @Sendable (Job) throws -> Void

    public init(
      known: @escaping @Sendable (Job, String) throws -> TuningRecord?,
      keep: @escaping @Sendable (Job, TuningRecord) throws -> Void,
      finish: @escaping @Sendable (Job) throws -> Void
    ) {
      self.known = known
      self.keep = keep
      self.finish = finish
    }

    /// Keeps nothing.
    public static let none = Store(known: { _, _ in nil }, keep: { _, _ in }, finish: { _ in })
  }

  /// What the jobs came to.
  public struct Result: Sendable {
    /// In the order of the jobs; nil where a setting cannot run on a trace.
    public var outcomes: [TuningOutcome?]
    /// The settings that cannot, in the order of the jobs.
    public var misfits: [Misfit]
    /// What settings say of their numbers that were made elsewhere, of the replays that were made and not known.
    public var elsewhere: ElsewhereRemarks

    /// The settings that run on every trace that was asked for, each with what it does there, trace after trace.
    public func running(
      _ jobs: [Job], settingCount: Int
    ) -> [(setting: Int, outcomes: [TuningOutcome])] {
      var bySetting = [[TuningOutcome?]](repeating: [], count: settingCount)
      for (job, outcome) in zip(jobs, outcomes) { bySetting[job.setting].append(outcome) }
      return bySetting.enumerated().compactMap { setting, all in
        let known = all.compactMap { $0 }
        return known.isEmpty || known.count < all.count ? nil : (setting, known)
      }
    }
  }

  /// Makes the replays of some jobs, which ascend; each is made once, unless the store knows it.
  ///
  /// `progress` is told how many jobs are done. Throws the first error by job; a setting that cannot run is none.
  public func run(
    _ jobs: [Job], store: Store = .none, progress: @Sendable (_ done: Int) -> Void = { _ in }
  ) throws -> Result {
    let shelf = TraceShelf(
      traces.map(\.open), uses: traces.indices.map { trace in jobs.count { $0.trace == trace } })
    let found = try OrderedJobs.run(jobs.count, workerCount: workerCount, finished: progress) {
      place -> (outcome: TuningOutcome?, misfit: Misfit?, elsewhere: ElsewhereRemarks) in
      let job = jobs[place]
      let setting = settings[job.setting]
      var elsewhere = ElsewhereRemarks()
      defer { shelf.release(job.trace) }
      do {
        let outcome = try TuningOutcome(setting.space, limit: limit) { values in
          let spec = setting.space.spec(at: values).description
          if let record = try store.known(job, spec) {
            try cost.require(of: record.figures)
            return record
          }
          // What is wrong with a trace itself is no setting's.
          do { try shelf.open(job.trace) } catch { throw TraceFailure(error: error) }
          let material = try shelf.material(of: job.trace, for: setting.plan(at: values))
          let record = try setting.record(
            at: values, over: material.geometries, slicing: slicing, memories: material.memories
          ) { elsewhere.add($0, trace: traces[job.trace].name) }
          try cost.require(of: record.figures)
          try store.keep(job, record)
          return record
        }
        try store.finish(job)
        return (outcome, nil, elsewhere)
      } catch let failure as TraceFailure {
        throw failure.error
      } catch {
        guard let misfit = Misfit(error, setting.space.spec, on: traces[job.trace].name) else { throw error }
        return (nil, misfit, elsewhere)
      }
    }
    return Result(
      outcomes: found.map(\.outcome), misfits: found.compactMap(\.misfit),
      elsewhere: ElsewhereRemarks(found.map(\.elsewhere)))
  }

  private struct TraceFailure: Error { let error: any Error }
}

/// Every behaviour of one setting on one trace.
public struct TuningOutcome: Sendable {
  let boxes: [BehaviourSearch.Box]
  /// Replays that the search took, equal neighbours among them.
  public let replayCount: Int

  /// Goes through a space with the replays that `replay` makes or knows.
  public init(
    _ space: SearchSpace, limit: Int = .max, replay: @escaping ([Double]) throws -> TuningRecord
  ) throws {
    var search = BehaviourSearch(space.ranges, limit: limit, replay: replay)
    boxes = try search.boxes()
    replayCount = search.replayCount
  }

  /// Different schedules; fewer than behaviours where one comes back.
  public var scheduleCount: Int { Set(boxes.map(\.record.figures.schedule)).count }
}
