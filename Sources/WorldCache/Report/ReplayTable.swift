import Trace

/// Replays as rows, metrics as columns; every figure is open loop and defined in docs/metrics.md.
public enum ReplayTable {
  public static func table(_ replays: [Replay]) -> Table {
    var table = Table(columns: [
      .init("computed", key: "computed_calls"),
      .init("of", key: "calls"),
      .init("seconds", key: "predicted_seconds"),
      .init("speed-up", key: "predicted_speedup"),
      .init("direct", key: "direct_error"),
      .init("streak", key: "streak_error"),
      .init("worst call", key: "worst_call_error"),
      .init("worst token", key: "worst_token_error"),
      .init("mean call", key: "mean_call_error"),
      .init("policy (open loop)", key: "policy"),
    ])
    for replay in replays {
      table.append([
        .integer(replay.computedCount), .integer(replay.callCount),
        .number(replay.seconds, decimals: 2),
        replay.seconds > 0 ? .number(replay.uncachedSeconds / replay.seconds, decimals: 2) : .none,
        error(replay.directError), error(replay.streakError), error(replay.worstCallError),
        error(replay.worstTokenError), error(replay.meanCallError), .text(replay.spec.description),
      ])
    }
    return table
  }

  private static func error(_ value: Double?) -> Table.Cell {
    value.map { .number($0, decimals: 4) } ?? .none
  }

  /// Everything a replay found, for programs: per call the decision, its reason, signal, threshold and
  /// error; per token the total error.
  public static func json(_ replays: [Replay]) -> JSONValue {
    .object([
      ("kind", .string("open-loop replay")),
      ("token_fields", .array(["modality", "frame", "row", "column"].map { .string($0) })),
      ("sites", .object(sites(replays))),
      ("replays", .array(replays.map { json($0) })),
    ])
  }

  // The tokens of every site that a replay was measured at.
  private static func sites(_ replays: [Replay]) -> [(String, JSONValue)] {
    var seen: Set<Site> = []
    return replays.filter { seen.insert($0.site).inserted }.map { replay in
      let tokens = replay.tokens.map { token in
        JSONValue.array([
          .string(replay.modalities[token.modality]), .integer(token.frame), .integer(token.row),
          .integer(token.column),
        ])
      }
      return (replay.site.name, .object([("tokens", .array(tokens))]))
    }
  }

  private static func json(_ replay: Replay) -> JSONValue {
    .object([
      ("policy", .string(replay.spec.description)), ("site", .string(replay.site.name)),
      ("computed_calls", .integer(replay.computedCount)), ("calls", .integer(replay.callCount)),
      ("predicted_seconds", .number(replay.seconds)), ("uncached_seconds", .number(replay.uncachedSeconds)),
      ("predicted_speedup", .number(replay.uncachedSeconds / replay.seconds)),
      ("direct_error", optional(replay.directError)), ("streak_error", optional(replay.streakError)),
      ("worst_call_error", .number(replay.worstCallError)),
      ("worst_token_error", .number(replay.worstTokenError)),
      ("mean_call_error", .number(replay.meanCallError)),
      ("error_growth", .array(replay.errorGrowth.map { .number($0) })),
      (
        "chunks",
        .array(
          replay.streams.map { stream in
            .object([
              ("chunk", .integer(stream.chunk)),
              (
                "calls",
                .array(
                  stream.lanes.enumerated().flatMap { lane, decisions in
                    decisions.enumerated().map { position, decision in
                      call(stream, lane, position, decision)
                    }
                  })
              ),
              ("token_squared_error", .array(stream.tokenSquaredErrors.map { .number($0) })),
            ])
          })
      ),
    ])
  }

  private static func call(
    _ stream: StreamReplay, _ lane: Int, _ position: Int, _ decision: Decision
  ) -> JSONValue {
    .object([
      ("position", .integer(position)), ("lane", .integer(lane)), ("step", .integer(stream.steps[position])),
      ("sigma", .number(stream.sigmas[position])),
      ("decision", .string(decision.action.rawValue)), ("reason", .string(decision.reason.rawValue)),
      ("signal", optional(decision.signal)), ("threshold", optional(decision.threshold)),
      ("error", .array(stream.callErrors.map { .number($0[position]) })),
      ("worst_token_error", .number(stream.worstTokenErrors[position])),
    ])
  }

  private static func optional(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }

  /// The tokens that carry the error: where they are and what share of the total they hold.
  public static func bottlenecks(_ replay: Replay, limit: Int) -> Table {
    var table = Table(columns: [
      .init("rank", key: "rank"), .init("modality", key: "modality"), .init("frame", key: "frame"),
      .init("row", key: "row"), .init("column", key: "column"), .init("share %", key: "share_percent"),
    ])
    for (rank, entry) in replay.bottlenecks(limit: limit).enumerated() {
      let token = replay.tokens[entry.token]
      table.append([
        .integer(rank + 1), .text(replay.modalities[token.modality]), .integer(token.frame),
        .integer(token.row),
        .integer(token.column), .number(entry.share * 100, decimals: 2),
      ])
    }
    return table
  }

  /// One row per call: what was decided, why, and how far the prediction was off.
  public static func decisions(_ replay: Replay) -> Table {
    var table = Table(columns: [
      .init("chunk", key: "chunk"), .init("lane", key: "lane"), .init("call", key: "position"),
      .init("sigma", key: "sigma"), .init("decision", key: "decision"), .init("reason", key: "reason"),
      .init("signal", key: "signal"), .init("threshold", key: "threshold"), .init("error", key: "error"),
      .init("worst token", key: "worst_token_error"),
    ])
    for stream in replay.streams {
      for (lane, decisions) in stream.lanes.enumerated() {
        for (position, decision) in decisions.enumerated() {
          // A lane of its own has one branch; otherwise the worst branch counts.
          let errors = stream.lanes.count == 1 ? stream.callErrors : [stream.callErrors[lane]]
          table.append([
            .integer(stream.chunk), .integer(lane), .integer(position),
            .number(stream.sigmas[position], decimals: 4),
            .text(decision.action.rawValue), .text(decision.reason.rawValue), error(decision.signal),
            error(decision.threshold), error(errors.map { $0[position] }.max()),
            error(stream.worstTokenErrors[position]),
          ])
        }
      }
    }
    return table
  }
}
