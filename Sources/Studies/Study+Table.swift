public import WorldCache

extension Study {
  /// Every replay as a row; the thresholds and their next values as lists joined by `+`.
  public var table: Table {
    let modalities = rows.first?.record.figures.modalities.map(\.name) ?? []
    var table = Table(
      columns: [
        .init("trace", key: "trace"), .init("digest", key: "digest"), .init("setting", key: "setting"),
        .init("values", key: "values"), .init("next", key: "next"), .init("computed", key: "computed_calls"),
        .init("of", key: "calls"), .init("seconds", key: "predicted_seconds"),
        .init("uncached", key: "uncached_seconds"),
      ] + TuningMetric.allCases.map { .init($0.rawValue, key: $0.column) }
        + modalities.flatMap { name in
          TuningMetric.allCases.map { .init("\(name) \($0.rawValue)", key: "\(name)_\($0.column)") }
        } + [
          .init("error of", key: "error_of"), .init("schedule", key: "schedule"),
          .init("policy (open loop)", key: "policy"),
        ])
    for (job, record) in rows {
      let (trace, figures) = (definition.traces[job.trace], record.figures)
      var cells: [Table.Cell] = [
        .text(trace.name), .text(trace.digest),
        .text(definition.settings[job.setting].space.spec.description),
        .text(record.values.map { "\($0)" }.joined(separator: "+")),
        .text(record.next.map { $0.map { "\($0)" } ?? "end" }.joined(separator: "+")),
        .integer(figures.computedCount), .integer(figures.callCount), .number(figures.seconds, decimals: 4),
        .number(figures.uncachedSeconds, decimals: 4),
      ]
      cells += Study.cells(figures.errors)
      for name in modalities {
        cells += Study.cells(figures.modalities.first { $0.name == name }?.errors ?? [:])
      }
      cells += [.text(figures.emission), .text(figures.schedule), .text(record.policy)]
      table.append(cells)
    }
    return table
  }

  private static func cells(_ errors: [TuningMetric: Double]) -> [Table.Cell] {
    TuningMetric.allCases.map { errors[$0].map { .number($0, decimals: 4) } ?? .none }
  }
}
