/// Schedules as rows: which calls are computed, and what they cost.
public enum ScheduleTable {
  public static func table(_ replays: [Replay]) -> Table {
    var table = Table(columns: [
      .init("policy (open loop)", key: "policy"), .init("chunk", key: "chunk"),
      .init("computed", key: "computed_calls"), .init("streak", key: "streak_error"),
      .init("direct", key: "direct_error"), .init("schedule", key: "schedule"),
      .init("computed calls", key: "computed_positions"),
    ])
    for replay in replays {
      for stream in replay.streams {
        let positions = stream.computedPositions
        table.append([
          .text(replay.spec.description), .integer(stream.chunk), .integer(positions.count),
          relative(stream.streakSquaredError, stream.finalSquaredNorm),
          relative(stream.directSquaredError, stream.finalSquaredNorm),
          .text(stream.picture),
          .text(positions.map(String.init).joined(separator: " ")),
        ])
      }
    }
    return table
  }

  /// For people: one picture for each schedule, C computed and p predicted, and the computed calls.
  public static func drawing(_ replays: [Replay]) -> String {
    replays.flatMap { replay in
      replay.streams.map { stream in
        let chunk = replay.streams.count > 1 ? "chunk \(stream.chunk), " : ""
        return """
          \(replay.spec) (open loop)
            \(chunk)\(stream.computedPositions.count) of \(stream.decisions.count) computed, streak \
          \(relative(stream.streakSquaredError, stream.finalSquaredNorm).shown), direct \
          \(relative(stream.directSquaredError, stream.finalSquaredNorm).shown)
            \(stream.picture)
            \(stream.computedPositions.map(String.init).joined(separator: " "))
          """
      }
    }.joined(separator: "\n\n")
  }

  private static func relative(_ square: Double, _ norm: Double?) -> Table.Cell {
    guard let norm else { return .none }
    return .number(square == 0 ? 0 : (square / norm).squareRoot(), decimals: 4)
  }
}
