import ArgumentParser
import Studies
import Trace
import WorldCache

/// What a search found, ready to be printed.
struct TuningReport {
  let spaces: [SearchSpace]
  /// `[setting][trace]`.
  let outcomes: [[TuningOutcome]]
  let behaviours: [[Behaviour]]
  let front: TuningFront

  init(spaces: [SearchSpace], outcomes: [[TuningOutcome]], goal: TuningGoal) {
    self.spaces = spaces
    self.outcomes = outcomes
    behaviours = zip(spaces, outcomes).map { Behaviour.common($1, in: $0) }
    front = TuningFront(spaces, behaviours, goal)
  }

  /// Prints what a study found in the settings that are done on every trace; false when some are not.
  static func show(_ study: Study, _ goal: TuningGoal, _ view: TuningViewOptions, _ format: TableFormat)
    throws
    -> Bool
  {
    let (jobs, finished) = (study.definition.jobs, study.finished)
    let whole = study.definition.settings.indices.filter { setting in
      jobs.allSatisfy { $0.setting != setting || finished.contains($0) }
    }
    let isWhole = whole.count == study.definition.settings.count
    if !isWhole {
      Terminal.remark(
        "\(finished.count) of \(jobs.count) searches are done; \(whole.count) of \(study.definition.settings.count) "
          + "settings on every trace")
    }
    guard !whole.isEmpty else { return false }
    let outcomes = try whole.map { setting in
      try jobs.filter { $0.setting == setting }.map { try study.outcome(of: $0, counting: goal.cost) }
    }
    try TuningReport(
      spaces: whole.map { study.definition.settings[$0].space }, outcomes: outcomes, goal: goal
    ).show(view, format, nil)
    return isWhole
  }

  /// What held-out traces say.
  struct Confirmation {
    /// Figures by policy, of those that run on all of the traces.
    var summaries: [PolicySpec: TuningSummary] = [:]
    var misfits: [Misfit] = []
    var elsewhere = ElsewhereRemarks()
  }

  /// Replays what stands in the fronts on other traces.
  func confirm(on paths: [String], _ chunks: ChunksOption, workers: Int) throws -> Confirmation {
    var seen: Set<PolicySpec> = []
    let specs = front.fronts.flatMap(\.members).map(\.spec).filter { seen.insert($0).inserted }
    guard !specs.isEmpty else { return Confirmation() }
    let batch = ReplayBatch(
      plans: try specs.map { try PolicyRegistry.plan($0) }, traces: paths.map { chunks.source($0) },
      bounds: .none, figures: front.goal.byModality ? .details : .table, workerCount: workers)
    let bar = Progress(total: paths.count * specs.count, unit: "replays to confirm")
    let result = try batch.run(progress: { done, _ in bar.update(done) }) { trace, role, replay in
      var elsewhere = ElsewhereRemarks()
      elsewhere.add(replay, trace: paths[trace])
      return (role: role, figures: TuningFigures(replay), elsewhere: elsewhere)
    }
    for row in result.rows { try front.goal.cost.require(of: row.figures) }
    var confirmation = Confirmation(
      misfits: result.misfits, elsewhere: ElsewhereRemarks((result.rows + result.repeats).map(\.elsewhere)))
    for (place, spec) in specs.enumerated() {
      let figures = (result.rows + result.repeats).filter { $0.role == .policy(place) }.map(\.figures)
      guard figures.count == paths.count else { continue }
      confirmation.summaries[spec] = TuningSummary(
        figures, front.goal.metric, byModality: front.goal.byModality)
    }
    return confirmation
  }

  /// Prints; throws exit code 3 when nothing keeps to the goal, here or on the held-out traces.
  func show(_ view: TuningViewOptions, _ format: TableFormat, _ confirmation: Confirmation?) throws {
    let choices = front.choices
    tellUndefined()
    let tables = view.parts(format).filter { $0 != .choice || front.goal.isSet }
      .map { ($0, table($0, view, choices, confirmation)) }
    switch format {
    case .csv: try Terminal.show(tables[0].1.formatted(.csv))
    case .json: try Terminal.show(JSONValue.object(tables.map { ($0.rawValue, $1.json) }).text)
    case .table, .markdown:
      for (index, (part, table)) in tables.enumerated() where !table.rows.isEmpty {
        try Terminal.show((index > 0 ? "\n" : "") + heading(part) + "\n")
        try Terminal.show(table.formatted(format))
      }
    }
    try judge(choices, confirmation)
  }

  private func table(
    _ part: TuningViewOptions.Part, _ view: TuningViewOptions, _ choices: [TuningCandidate],
    _ confirmation: Confirmation?
  ) -> Table {
    let tables = TuningTable(spaces, front)
    func candidates(_ rows: [TuningCandidate]) -> Table {
      tables.candidates(
        rows, confirmed: confirmation.map { known in rows.map { known.summaries[$0.spec] } } ?? [])
    }
    switch part {
    case .settings: return tables.settings(behaviours, outcomes)
    case .front: return candidates(front.fronts.flatMap(\.members))
    case .choice: return candidates(choices)
    case .cliffs:
      return tables.cliffs(
        Array(TuningEdge.cliffs(front, settings: front.settings, factor: view.factor).prefix(view.rows)))
    case .plateaus:
      return tables.plateaus(
        Array(TuningEdge.plateaus(front, settings: front.settings, factor: view.factor).prefix(view.rows)))
    case .behaviours: return tables.candidates(front.candidates)
    }
  }

  private func heading(_ part: TuningViewOptions.Part) -> String {
    let goal = front.goal
    let error = goal.errorName
    switch part {
    case .settings: return "Behaviours over the whole range of every open threshold:"
    case .front: return "Front of \(error), against predicted \(goal.cost.rawValue):"
    case .choice:
      return "Chosen for \(goal.wishes.joined(separator: " and ")):"
    case .cliffs: return "Cliffs of settings in the front, \(error):"
    case .plateaus: return "Plateaus of settings in the front:"
    case .behaviours: return "Every behaviour:"
    }
  }

  private func tellUndefined() {
    guard !front.undefined.isEmpty else { return }
    Terminal.remark(
      "left out: \(front.undefined.joined(separator: ", ")), whose \(front.goal.metric.rawValue) error is not defined "
        + "(a site that the solver does not integrate, or a trace without its end); --metric worst_call is")
  }

  private func judge(_ choices: [TuningCandidate], _ confirmation: Confirmation?) throws {
    guard front.goal.isSet else { return }
    guard !choices.isEmpty else {
      Terminal.remark("nothing that was searched keeps to the goal")
      throw ExitCode(3)
    }
    guard let confirmation else { return }
    var isMissed = false
    for choice in choices {
      let summary = confirmation.summaries[choice.spec]
      if !(summary.map(front.goal.isMet) ?? false) { isMissed = true }
      Terminal.remark(
        "on the held-out traces \(choice.spec) "
          + (summary.map(front.goal.sentence) ?? "does not run, so that nothing is known of the goal"))
    }
    if isMissed { throw ExitCode(3) }
  }
}
