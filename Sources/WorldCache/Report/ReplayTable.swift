import Trace

/// Replays as rows, metrics as columns; every figure is open loop and defined in docs/metrics.md.
public enum ReplayTable {
  /// One row per replay; the trace comes first where there are several.
  public static func table(_ rows: [ReplayRow], _ columns: [ReplayColumn], traces: [String]) -> Table {
    let several = traces.count > 1
    var table = Table(
      columns: (several ? [.init("trace", key: "trace")] : []) + columns.map { .init($0.title, key: $0.key) })
    for row in rows { table.append((several ? [.text(traces[row.trace])] : []) + row.cells) }
    return table
  }

  /// Errors by modality, frame or branch, one row for each of every replay.
  public static func slices(_ rows: [ReplayRow], _ slicing: ReplayRow.Slicing, traces: [String]) -> Table {
    let several = traces.count > 1
    var table = Table(
      columns: (several ? [.init("trace", key: "trace")] : []) + [
        .init(slicing.rawValue, key: slicing.rawValue), .init("tokens", key: "tokens"),
        .init("share %", key: "share_percent"), .init("direct", key: "direct_error"),
        .init("streak", key: "streak_error"), .init("worst call", key: "worst_call_error"),
        .init("mean call", key: "mean_call_error"), .init("worst token", key: "worst_token_error"),
      ]
        + CallFigures.levelNames.map { .init("token \($0)", key: "token_error_\($0)") } + [
          .init("cosine of f", key: "cosine"), .init("policy (open loop)", key: "policy"),
        ])
    for row in rows {
      for slice in row.slices {
        table.append(
          (several ? [.text(traces[row.trace])] : []) + [
            .text(slice.name), .integer(slice.tokenCount),
            slice.share.map { .number($0 * 100, decimals: 1) } ?? .none, error(slice.directError),
            error(slice.streakError), error(slice.worstCallError), error(slice.meanCallError),
            error(slice.worstTokenError),
          ] + slice.quantiles.map { error($0) } + [error(slice.meanCosine), .text(row.policy)])
      }
    }
    return table
  }

  static func error(_ value: Double?) -> Table.Cell {
    value.map { .number($0, decimals: 4) } ?? .none
  }

  /// The tokens that carry the error: where they are, what share of the total they hold, and in which groups
  /// the policy had them.
  public static func bottlenecks(_ replay: Replay, limit: Int) -> Table {
    let groups = replay.details?.bottlenecks.groups ?? []
    var table = Table(
      columns: [
        .init("rank", key: "rank"), .init("modality", key: "modality"), .init("frame", key: "frame"),
        .init("row", key: "row"), .init("column", key: "column"), .init("share %", key: "share_percent"),
      ] + groups.map { .init("\($0.name) %", key: "\($0.name)_percent") })
    for (rank, entry) in (replay.details?.bottlenecks.ranking ?? []).prefix(limit).enumerated() {
      let token = replay.tokens[entry.token]
      table.append(
        [
          .integer(rank + 1), .text(replay.modalities[token.modality]), .integer(token.frame),
          .integer(token.row), .integer(token.column), .number(entry.share * 100, decimals: 2),
        ]
          + replay.details!.bottlenecks.groupShares(of: entry.token)
          .map { .number($0 * 100, decimals: 0) })
    }
    return table
  }

  /// How few tokens carry the error, and which group of the policy holds them.
  public static func groups(_ replay: Replay) -> Table {
    var table = Table(columns: [
      .init("group", key: "group"), .init("tokens %", key: "token_percent"),
      .init("error %", key: "error_percent"), .init("lift", key: "lift"),
    ])
    for group in replay.details?.bottlenecks.groups ?? [] {
      table.append([
        .text(group.name), .number(group.tokenShare * 100, decimals: 1),
        group.errorShare.map { .number($0 * 100, decimals: 1) } ?? .none,
        group.lift.map { .number($0, decimals: 2) } ?? .none,
      ])
    }
    return table
  }

  /// One row per call: what was decided, why, and how far the prediction was off; `attempt` is how far one
  /// would have been where the policy judged that the call be computed.
  public static func decisions(_ replay: Replay) -> Table {
    var table = Table(columns: [
      .init("chunk", key: "chunk"), .init("lane", key: "lane"), .init("call", key: "position"),
      .init("sigma", key: "sigma"), .init("decision", key: "decision"), .init("reason", key: "reason"),
      .init("signal", key: "signal"), .init("threshold", key: "threshold"), .init("error", key: "error"),
      .init("worst token", key: "worst_token_error"), .init("attempt", key: "attempt_error"),
    ])
    for stream in replay.streams {
      for (lane, decisions) in stream.lanes.enumerated() {
        for (position, decision) in decisions.enumerated() {
          // The worst of the branches that the decision covers counts.
          let errors = stream.branches(of: lane).map { stream.callErrors[$0][position] }
          table.append([
            .integer(stream.chunk), .integer(lane), .integer(position),
            .number(stream.sigmas[position], decimals: 4),
            .text(decision.action.rawValue), .text(decision.reason.rawValue), error(decision.signal),
            error(decision.threshold), error(errors.max()), error(stream.worstTokenErrors[position]),
            error(stream.details?.attemptErrors[lane][position]),
          ])
        }
      }
    }
    return table
  }
}
