import Trace

/// How what was chosen on one set of traces fares on others.
///
/// On the source set the best setting of each family is chosen for a goal; it is then replayed on every target, beside
/// the setting that the same choice would have made there.
public struct Transfer: Sendable {
  public var families: [TransferFamily]
  public var goal: TuningGoal
  public var workerCount: Int

  public init(families: [TransferFamily], goal: TuningGoal, workerCount: Int) {
    precondition(!families.isEmpty && goal.isSet && workerCount > 0)
    self.families = families
    self.goal = goal
    self.workerCount = workerCount
  }

  /// A setting that was chosen on a set, with its replays there.
  public struct Choice: Sendable {
    public let spec: PolicySpec
    /// What errors of calls are relative to.
    public let unit: String
    public let figures: [TuningFigures]
  }

  /// What a family has on a set: its choices, one for each unit of error, or why there are none.
  public struct Choices: Sendable {
    public let choices: [Choice]
    public let refusal: String?
  }

  /// One choice on one target.
  public struct Row: Sendable {
    public let family: Int
    public let source: Int
    public let target: Int
    /// The setting as it ran on the target.
    public let spec: PolicySpec
    /// As it was chosen, where that is another spelling.
    public let carriedFrom: PolicySpec?
    /// One for each trace of the target; empty when the setting cannot run there.
    public let figures: [TuningFigures]
    /// What the target itself would have chosen.
    public let own: Choice?
    /// Why figures or the target's own choice are lacking.
    public let refusals: [String]
  }

  /// What came of it.
  public struct Result: Sendable {
    public var rows: [Row] = []
    /// Families that keep to the goal on a source with nothing.
    public var unmet: [(family: Int, source: Int)] = []
    /// What settings say of their numbers that were made elsewhere.
    public var elsewhere = ElsewhereRemarks()
  }

  /// Every family and source on every target, the source itself among them where it is one.
  ///
  /// `progress` is told how many searches and trials are done. Throws what opening traces throws, and a ``PolicyError``
  /// when a family cannot run on a source.
  public func rows(
    _ sets: [TransferSet], from sources: [Int], to targets: [Int],
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> Result {
    let searched = Set(sources + targets).sorted()
    let total = families.count * (searched.count + sources.count * targets.count)
    var done = 0
    func step() {
      done += 1
      progress(done, total)
    }
    var result = Result()
    for (family, content) in families.enumerated() {
      var own: [Int: Choices] = [:]
      for set in searched {
        own[set] = try choices(
          of: content, on: sets[set], isSource: sources.contains(set), &result.elsewhere)
        step()
      }
      for source in sources {
        let chosen = own[source]?.choices ?? []
        if chosen.isEmpty { result.unmet.append((family, source)) }
        for target in targets {
          for choice in chosen {
            result.rows.append(
              try row(family, source, target, choice, own[target]!, sets, &result.elsewhere))
          }
          step()
        }
      }
    }
    return result
  }

  private func row(
    _ family: Int, _ source: Int, _ target: Int, _ choice: Choice, _ own: Choices, _ sets: [TransferSet],
    _ elsewhere: inout ElsewhereRemarks
  ) throws -> Row {
    let best = own.choices.first { $0.unit == choice.unit }
    var refusals = own.refusal.map { [$0] } ?? []
    guard source != target else {
      return Row(
        family: family, source: source, target: target, spec: choice.spec, carriedFrom: nil,
        figures: choice.figures, own: best, refusals: refusals)
    }
    var spec = choice.spec
    var figures: [TuningFigures] = []
    do {
      spec = try carried(choice, to: sets[target], &elsewhere)
      figures = try replays(spec, on: sets[target], &elsewhere)
    } catch let error as PolicyError {
      refusals.append("\(choice.spec) cannot run on \(sets[target].name): \(error)")
    }
    return Row(
      family: family, source: source, target: target, spec: spec,
      carriedFrom: spec == choice.spec ? nil : choice.spec, figures: figures, own: best, refusals: refusals)
  }

  private func replays(
    _ spec: PolicySpec, on set: TransferSet, _ elsewhere: inout ElsewhereRemarks
  ) throws -> [TuningFigures] {
    let batch = ReplayBatch(
      plans: [try PolicyRegistry.plan(spec)], traces: set.traces, bounds: .none,
      figures: goal.byModality ? .details : .table, workerCount: workerCount)
    let result = try batch.run { trace, _, replay in
      var elsewhere = ElsewhereRemarks()
      elsewhere.add(replay, trace: set.traces[trace].name)
      return (figures: TuningFigures(replay), elsewhere: elsewhere)
    }
    if let misfit = result.misfits.first { throw misfit.named(among: set.traces.count) }
    for row in result.rows {
      try goal.cost.require(of: row.figures)
      elsewhere.add(row.elsewhere)
    }
    return result.rows.map(\.figures)
  }

  // A timetable fits chunks of one length; everything else is taken as it is.
  private func carried(
    _ choice: Choice, to set: TransferSet, _ elsewhere: inout ElsewhereRemarks
  ) throws -> PolicySpec {
    let plan = try PolicyRegistry.plan(choice.spec)
    guard let schedule = try plan.schedule(), let timetable = schedule.timetable,
      let predictor = schedule.predictor, let count = choice.figures.first?.chunkCallCount
    else { return choice.spec }
    let traces = try set.traces.map { (name: $0.name, geometries: try $0.open()(plan)) }
    let lengths = Set(traces.flatMap(\.geometries).map(\.callCount))
    guard lengths.count == 1, let length = lengths.first else {
      let list = lengths.sorted().map(String.init).joined(separator: " and ")
      throw PolicyError(
        "its chunks have \(list) calls, and a timetable is carried to one length (--group-by steps)")
    }
    guard length != count else { return choice.spec }
    // A mask knows nothing of the file that it was carried from.
    for trace in traces {
      for geometry in trace.geometries {
        elsewhere.add(Finding.elsewhere(schedule, geometry), choice.spec, trace: trace.name)
      }
    }
    return MaskPolicy.spec(
      computing: ScheduleCarry.positions(
        timetable, of: count, to: length, anchorCount: predictor.minimumAnchorCount), predictor,
      site: plan.values.site("site"))
  }

  /// The best settings of a family on a set.
  ///
  /// On a target, settings that cannot run are passed over.
  private func choices(
    of family: TransferFamily, on set: TransferSet, isSource: Bool, _ elsewhere: inout ElsewhereRemarks
  ) throws -> Choices {
    do {
      let settings = try family.settings(on: set)
      return Choices(
        choices: try choices(settings, on: set, needsAll: isSource, &elsewhere), refusal: nil)
    } catch let error as PolicyError where !isSource {
      return Choices(choices: [], refusal: "\(family.text) chooses nothing on \(set.name): \(error)")
    }
  }

  private func choices(
    _ settings: [TuningSetting], on set: TransferSet, needsAll: Bool, _ elsewhere: inout ElsewhereRemarks
  ) throws -> [Choice] {
    guard !settings.isEmpty else { return [] }
    let search = TuningSearch(
      settings: settings, traces: set.traces, slicing: goal.byModality, cost: goal.cost,
      workerCount: workerCount)
    let jobs = TuningSearch.Job.all(traceCount: set.traces.count, settingCount: settings.count)
    let found = try search.run(jobs)
    elsewhere.add(found.elsewhere)
    let running = found.running(jobs, settingCount: settings.count)
    if let misfit = found.misfits.first, needsAll || running.isEmpty {
      throw misfit.named(among: set.traces.count)
    }
    let spaces = running.map { settings[$0.setting].space }
    let behaviours = zip(running, spaces).map { Behaviour.common($0.outcomes, in: $1) }
    let front = TuningFront(spaces, behaviours, goal)
    return front.choices.map {
      Choice(spec: $0.spec, unit: $0.unit, figures: $0.behaviour.records.map(\.figures))
    }
  }
}

extension PolicyPlan {
  /// A policy that is nothing but a timetable.
  fileprivate func schedule() throws -> FixedSchedule? {
    guard case .ordinary(let make) = entry.kind else { return nil }
    return try make(values) as? FixedSchedule
  }
}

extension TuningFigures {
  /// Calls of the first chunk.
  fileprivate var chunkCallCount: Int { schedule.prefix { $0 != "/" && $0 != "|" }.count }
}
