extension FittedSchedules {
  /// One row for each number of computed calls.
  public var table: Table {
    var table = Table(columns: [
      .init("computed", key: "computed_calls"), .init("of", key: "calls"),
      .init("start", key: "start_direct_error_mean"), .init("direct", key: "direct_error_mean"),
      .init("worst", key: "direct_error_worst"), .init("arrival", key: "arrival_error_mean"),
      .init("worst", key: "arrival_error_worst"), .init("kept", key: "cached_tensors"),
      .init("schedule", key: "schedule"),
      .init("computed calls", key: "computed_positions"),
    ])
    for entry in entries {
      let computed = Set(entry.schedule.computed)
      table.append([
        .integer(computed.count), .integer(entry.schedule.sigmas.count), mean(entry.startErrors),
        mean(entry.directErrors), worst(entry.directErrors), mean(entry.arrivalErrors),
        worst(entry.arrivalErrors), .integer(entry.schedule.cachedTensorCount),
        .text(String(entry.schedule.sigmas.indices.map { computed.contains($0) ? "C" : "p" })),
        .text(entry.schedule.computed.map(String.init).joined(separator: " ")),
      ])
    }
    return table
  }

  /// The file for `fitted:file=…` of one of the numbers of computed calls.
  public func file(computing count: Int, names: [String], command: String) -> String? {
    guard let entry = entries.first(where: { $0.schedule.computed.count == count }) else { return nil }
    return FittedFile.text(
      entry.schedule,
      found: [
        ("command", .string(command)), ("memory", .integer(memory)), ("over", .string(over.rawValue)),
        ("direct_errors", .array(entry.directErrors.map { .number($0) })),
        ("traces", .array(names.map { .string($0) })),
      ])
  }

  private func mean(_ values: [Double]) -> Table.Cell {
    .number(values.reduce(0, +) / Double(values.count), decimals: 5)
  }

  private func worst(_ values: [Double]) -> Table.Cell { .number(values.max() ?? 0, decimals: 5) }
}
