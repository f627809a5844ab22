/// Ideals by token as rows.
public enum TokenScheduleTable {
  /// One row for each trace, chunk and budget.
  public static func table(_ found: [(trace: String, schedules: TokenSchedules)]) -> Table {
    let names = found.first?.schedules.modalities.map(\.name) ?? []
    var table = Table(
      columns: [
        .init("trace", key: "trace"), .init("chunk", key: "chunk"),
        .init("calls a token", key: "calls_per_token"), .init("of", key: "calls"),
        .init("token-calls", key: "computed_token_calls"), .init("shared", key: "shared_schedule_error"),
        .init("even", key: "even_error"), .init("by token", key: "error"),
        .init("bound", key: "error_bound"), .init("gap", key: "error_to_bound"),
        .init("fewest", key: "fewest_calls"), .init("median", key: "median_calls"),
        .init("most", key: "most_calls"),
      ] + (names.count > 1 ? names.map { .init($0, key: "mean_calls_\($0)") } : []))
    for (trace, schedules) in found {
      for entry in schedules.entries {
        let counts = entry.counts.map(Double.init)
        let means = schedules.modalities.map { _, members in
          members.reduce(0) { $0 + counts[$1] } / Double(members.count)
        }
        table.append(
          [
            .text(trace), .integer(schedules.chunk), .integer(entry.callsPerToken),
            .integer(schedules.callCount), .integer(entry.spent), error(entry.sharedError),
            error(entry.evenError), error(entry.error), error(entry.bound), .number(entry.gap, decimals: 6),
            .integer(entry.counts.min()!), .number(Quantile.median(counts)!, decimals: 1),
            .integer(entry.counts.max()!),
          ] + (names.count > 1 ? means.map { .number($0, decimals: 1) } : []))
      }
    }
    return table
  }

  private static func error(_ error: Double?) -> Table.Cell {
    error.map { .number($0, decimals: 5) } ?? .none
  }
}
