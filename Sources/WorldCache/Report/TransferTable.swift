/// Carried settings as rows, beside what each target would have chosen (docs/transfer.md).
public struct TransferTable: Sendable {
  private let goal: TuningGoal
  private let families: [TransferFamily]
  private let sets: [TransferSet]

  public init(_ transfer: Transfer, _ sets: [TransferSet]) {
    goal = transfer.goal
    families = transfer.families
    self.sets = sets
  }

  /// One row per family, source and target; errors are open loop, of the final latent where they can be.
  public func table(_ rows: [Transfer.Row]) -> Table {
    let hasSources = Set(rows.map(\.source)).count > 1
    var columns: [Table.Column] = hasSources ? [.init("from", key: "from")] : []
    columns += [
      .init("on", key: "to"), .init("traces", key: "traces"),
      .init("computed", key: "computed_fraction"), .init("speed-up", key: "\(goal.cost.rawValue)_speedup"),
      .init("direct mean", key: "direct_error_mean"), .init("worst", key: "direct_error_worst"),
      .init("streak mean", key: "streak_error_mean"), .init("worst", key: "streak_error_worst"),
    ]
    if !goal.metric.isOfFinalLatent {
      columns.append(.init("\(goal.metric.rawValue) \(goal.statistic.rawValue)", key: errorKey))
    }
    columns += [
      .init("goal", key: "goal"), .init("own: speed-up", key: "own_\(goal.cost.rawValue)_speedup"),
      .init("\(goal.metric.rawValue) \(goal.statistic.rawValue)", key: "own_\(errorKey)"),
      .init("regret", key: "regret"), .init("policy (open loop)", key: "policy"),
      .init("own policy", key: "own_policy"),
    ]
    var table = Table(columns: columns)
    for row in rows { table.append(cells(row, hasSources: hasSources)) }
    return table
  }

  private var errorKey: String { "\(goal.metric.column)_\(goal.statistic.rawValue)" }

  private func cells(_ row: Transfer.Row, hasSources: Bool) -> [Table.Cell] {
    let target = sets[row.target]
    let summary = summary(row.figures, goal.metric)
    let own = row.own.flatMap { self.summary($0.figures, goal.metric) }
    let errors = [TuningMetric.direct, .streak].flatMap { metric -> [Table.Cell] in
      let error = self.summary(row.figures, metric)?.error
      return [Self.number(error?.mean, 4), Self.number(error?.worst, 4)]
    }
    var cells: [Table.Cell] = hasSources ? [.text(sets[row.source].name)] : []
    cells += [
      .text(target.name), .integer(target.traces.count), Self.number(summary?.fraction(.calls), 3),
      Self.number(summary?.speedup(goal.cost), 2),
    ]
    cells += errors
    if !goal.metric.isOfFinalLatent { cells.append(Self.number(summary?.error?[goal.statistic], 4)) }
    cells += [
      summary.map { .text(goal.isMet(by: $0) ? "kept" : "missed") } ?? .none,
      Self.number(own?.speedup(goal.cost), 2), Self.number(own?.error?[goal.statistic], 4),
      Self.number(regret(summary, own), 2), .text(row.spec.description),
      row.own.map { .text($0.spec.description) } ?? .none,
    ]
    return cells
  }

  /// How many times the target's own choice the carried one has: of the error, or where only the error is bound, of
  /// the cost; nil where there is none to compare with.
  func regret(_ summary: TuningSummary?, _ own: TuningSummary?) -> Double? {
    guard let summary, let own else { return nil }
    let (mine, best) =
      goal.speedup != nil
      ? (summary.error?[goal.statistic], own.error?[goal.statistic])
      : (summary.fraction(goal.cost), own.fraction(goal.cost))
    guard let mine, let best else { return nil }
    return mine == best ? 1 : mine / best
  }

  /// What a reader of the table must know beside it.
  public func remarks(_ result: Transfer.Result) -> [String] {
    var remarks = result.unmet.map {
      "nothing that '\(families[$0.family].text)' stands for keeps to the goal on \(sets[$0.source].name)"
    }
    for row in result.rows {
      remarks += row.refusals
      guard let summary = summary(row.figures, goal.metric), !goal.isMet(by: summary) else { continue }
      remarks.append("on \(sets[row.target].name) the goal is missed by \(row.spec)")
    }
    var seen: Set<String> = []
    return remarks.filter { seen.insert($0).inserted }
  }

  private func summary(_ figures: [TuningFigures], _ metric: TuningMetric) -> TuningSummary? {
    figures.isEmpty
      ? nil : TuningSummary(figures, metric, byModality: goal.byModality && metric == goal.metric)
  }

  private static func number(_ value: Double?, _ decimals: Int) -> Table.Cell {
    value.map { .number($0, decimals: decimals) } ?? .none
  }
}
