/// What a search found as tables (docs/tuning.md).
public struct TuningTable: Sendable {
  private let spaces: [SearchSpace]
  private let front: TuningFront

  public init(_ spaces: [SearchSpace], _ front: TuningFront) {
    self.spaces = spaces
    self.front = front
  }

  private var goal: TuningGoal { front.goal }
  private var hasSeveralUnits: Bool { Set(front.fronts.map(\.unit)).count > 1 }

  /// One row per setting: how many behaviours its thresholds have, over all traces together and on one trace.
  public func settings(_ behaviours: [[Behaviour]], _ outcomes: [[TuningOutcome]]) -> Table {
    var table = Table(columns: [
      .init("behaviours", key: "behaviours"), .init("a trace, least", key: "trace_behaviours_least"),
      .init("most", key: "trace_behaviours_most"), .init("schedules, most", key: "trace_schedules_most"),
      .init("replays", key: "replays"), .init("computed, least", key: "computed_calls_least"),
      .init("most", key: "computed_calls_most"), .init("setting", key: "setting"),
    ])
    for (setting, space) in spaces.enumerated() {
      let counts = outcomes[setting].map(\.boxes.count)
      let computed = outcomes[setting].flatMap { $0.boxes.map(\.record.figures.computedCount) }
      table.append([
        .integer(behaviours[setting].count), .integer(counts.min()!), .integer(counts.max()!),
        .integer(outcomes[setting].map(\.scheduleCount).max()!),
        .integer(outcomes[setting].reduce(0) { $0 + $1.replayCount }), .integer(computed.min()!),
        .integer(computed.max()!), .text(space.spec.description),
      ])
    }
    return table
  }

  /// Candidates as rows; with what they came to on held-out traces where that is given.
  public func candidates(_ rows: [TuningCandidate], confirmed: [TuningSummary?] = []) -> Table {
    let names = rows.first?.summary.modalities.map(\.name) ?? []
    var columns: [Table.Column] = [
      .init("computed", key: "computed_calls_mean"), .init("of", key: "calls_mean"),
      .init("speed-up, calls", key: "calls_speedup"), .init("in seconds", key: "seconds_speedup"),
      .init("least", key: "\(goal.cost.rawValue)_speedup_least"),
      .init("\(goal.metric.rawValue) mean", key: "\(goal.metric.column)_mean"),
      .init("p95", key: "\(goal.metric.column)_p95"), .init("worst", key: "\(goal.metric.column)_worst"),
      .init("spread", key: "\(goal.metric.column)_spread"),
    ]
    columns += names.map { .init("\($0) \(goal.statistic.rawValue)", key: "\($0)_\(goal.metric.column)") }
    if !confirmed.isEmpty {
      columns += [
        .init("held out: computed", key: "confirm_computed_calls_mean"),
        .init("speed-up", key: "confirm_\(goal.cost.rawValue)_speedup"),
        .init("mean", key: "confirm_\(goal.metric.column)_mean"),
        .init("p95", key: "confirm_\(goal.metric.column)_p95"),
        .init("worst", key: "confirm_\(goal.metric.column)_worst"),
      ]
      columns += goalColumns
    }
    columns += [.init("margin %", key: "margin_percent")]
    if hasSeveralUnits { columns.append(.init("error of", key: "error_of")) }
    columns += [.init("policy (open loop)", key: "policy"), .init("holds for", key: "holds_for")]
    var table = Table(columns: columns)
    for (place, row) in rows.enumerated() {
      let summary = row.summary
      var cells: [Table.Cell] = [
        .number(summary.computedCount, decimals: 1), .number(summary.callCount, decimals: 1),
        .number(summary.speedup(.calls), decimals: 2), .number(summary.speedup(.seconds), decimals: 2),
        .number(summary.smallestSpeedup[goal.cost]!, decimals: 2),
      ]
      cells += TuningTable.errors(summary.error, hasSpread: true)
      cells += summary.modalities.map { TuningTable.error($0.error?[goal.statistic]) }
      if !confirmed.isEmpty {
        let held = confirmed[place]
        cells += [
          held.map { .number($0.computedCount, decimals: 1) } ?? .none,
          held.map { .number($0.speedup(goal.cost), decimals: 2) } ?? .none,
        ]
        cells += TuningTable.errors(held?.error, hasSpread: false)
        cells += goalCells(held)
      }
      cells.append(
        row.behaviour.intervals.compactMap(\.margin).min().map { .number(100 * $0, decimals: 2) } ?? .none)
      if hasSeveralUnits { cells.append(.text(row.unit)) }
      cells += [.text(row.spec.description), .text(holds(row))]
      table.append(cells)
    }
    return table
  }

  // One for each thing that is asked for, and where that is two, one for both.
  private var goalColumns: [Table.Column] {
    switch (goal.speedup, goal.largestError) {
    case (nil, nil): []
    case (_, nil): [.init("speed-up goal", key: "confirm_goal")]
    case (nil, _): [.init("error goal", key: "confirm_goal")]
    default:
      [
        .init("speed-up goal", key: "confirm_speedup_goal"), .init("error goal", key: "confirm_error_goal"),
        .init("both", key: "confirm_goal"),
      ]
    }
  }

  private func goalCells(_ held: TuningSummary?) -> [Table.Cell] {
    let all: [(TuningSummary) -> Bool] =
      goal.speedup == nil || goal.largestError == nil
      ? [goal.isMet]
      : [{ goal.keepsSpeedup($0) ?? true }, { goal.keepsError($0) ?? true }, goal.isMet]
    guard goal.isSet else { return [] }
    return all.map { isKept in held.map { .text(isKept($0) ? "kept" : "missed") } ?? .none }
  }

  /// Neighbouring behaviours with a large jump of the error between them.
  public func cliffs(_ edges: [TuningEdge]) -> Table {
    var table = Table(columns: [
      .init("jump", key: "error_jump"), .init("error below", key: "error_below"),
      .init("above", key: "error_above"), .init("computed below", key: "computed_calls_below"),
      .init("above", key: "computed_calls_above"), .init("at", key: "at"), .init("setting", key: "setting"),
    ])
    for edge in edges {
      table.append([
        edge.jump.map { .number($0, decimals: 2) } ?? .none,
        TuningTable.error(edge.below.summary.error?[goal.statistic]),
        TuningTable.error(edge.above.summary.error?[goal.statistic]),
        .number(edge.below.summary.computedCount, decimals: 1),
        .number(edge.above.summary.computedCount, decimals: 1),
        .text("\(spaces[edge.setting].keys.last!)=\(Table.short(edge.value))"),
        .text(outer(edge.below)),
      ])
    }
    return table
  }

  /// Behaviours that hold over a wide stretch of a threshold.
  public func plateaus(_ rows: [TuningCandidate]) -> Table {
    var table = Table(columns: [
      .init("times", key: "width_ratio"), .init("from", key: "from"), .init("below", key: "below"),
      .init("computed", key: "computed_calls_mean"), .init("error", key: "error"),
      .init("threshold", key: "threshold"), .init("setting", key: "setting"),
    ])
    for row in rows {
      guard let interval = row.behaviour.intervals.last, let upper = interval.upper else { continue }
      table.append([
        .number(upper / interval.lower, decimals: 2), .number(interval.lower, decimals: 4),
        .number(upper, decimals: 4), .number(row.summary.computedCount, decimals: 1),
        TuningTable.error(row.summary.error?[goal.statistic]), .text(spaces[row.setting].keys.last!),
        .text(outer(row)),
      ])
    }
    return table
  }

  // Outer thresholds as chosen, the innermost open.
  private func outer(_ row: TuningCandidate) -> String {
    var spec = row.spec
    let key = spaces[row.setting].keys.last!
    spec.settings[spec.settings.firstIndex { $0.key == key }!].value = TuningSetting.mark
    return spec.description
  }

  // `eta from 0.2 below 0.4`, one for each open threshold.
  private func holds(_ row: TuningCandidate) -> String {
    zip(spaces[row.setting].keys, row.behaviour.intervals).map { key, interval in
      if interval.upper == interval.lower.nextUp { return "\(key) only \(Table.short(interval.lower))" }
      let lower =
        interval.lower > -.greatestFiniteMagnitude ? " from \(Table.short(interval.lower))" : ""
      return key + lower + (interval.upper.map { " below \(Table.short($0))" } ?? " on")
    }.joined(separator: ", ")
  }

  private static func errors(_ error: TuningSummary.Spread?, hasSpread: Bool) -> [Table.Cell] {
    [error?.mean, error?.p95, error?.worst].map { self.error($0) }
      + (hasSpread ? [self.error(error.map { $0.worst - $0.smallest })] : [])
  }

  private static func error(_ value: Double?) -> Table.Cell {
    value.map { .number($0, decimals: 4) } ?? .none
  }
}
