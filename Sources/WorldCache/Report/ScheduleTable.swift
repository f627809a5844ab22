/// Schedules as rows: which calls are computed, and what they cost.
public enum ScheduleTable {
  public static func table(_ replays: [Replay]) -> Table {
    var table = Table(columns: [
      .init("policy (open loop)", key: "policy"), .init("chunk", key: "chunk"), .init("lane", key: "lane"),
      .init("computed", key: "computed_calls"), .init("streak", key: "streak_error"),
      .init("direct", key: "direct_error"), .init("schedule", key: "schedule"),
      .init("computed calls", key: "computed_positions"),
    ])
    for replay in replays {
      for stream in replay.streams {
        for lane in stream.lanes.indices {
          let positions = stream.computedPositions(lane: lane)
          table.append([
            .text(replay.spec.description), .integer(stream.chunk), .integer(lane), .integer(positions.count),
            relative(stream.streakSquaredError, stream.finalSquaredNorm),
            relative(stream.directSquaredError, stream.finalSquaredNorm),
            .text(stream.picture(lane: lane)), .text(positions.map(String.init).joined(separator: " ")),
          ])
        }
      }
    }
    return table
  }

  /// For people: one picture for each schedule, C computed and p predicted, and the computed calls.
  public static func drawing(_ replays: [Replay]) -> String {
    replays.flatMap { replay in
      replay.streams.map { stream in
        let chunk = replay.streams.count > 1 ? "chunk \(stream.chunk), " : ""
        let pictures = stream.lanes.indices.map { lane in
          let branch = stream.lanes.count > 1 ? "  branch \(lane)\n" : ""
          return branch + """
              \(stream.picture(lane: lane))
              \(stream.computedPositions(lane: lane).map(String.init).joined(separator: " "))
            """
        }
        return """
          \(replay.spec) (open loop)
            \(chunk)\(stream.computedCount) of \(stream.decisionCount) computed, streak \
          \(relative(stream.streakSquaredError, stream.finalSquaredNorm).shown), direct \
          \(relative(stream.directSquaredError, stream.finalSquaredNorm).shown)
          \(pictures.joined(separator: "\n"))
          """
      }
    }.joined(separator: "\n\n")
  }

  private static func relative(_ square: Double?, _ norm: Double?) -> Table.Cell {
    guard let square, let norm else { return .none }
    return .number(square == 0 ? 0 : (square / norm).squareRoot(), decimals: 4)
  }
}
