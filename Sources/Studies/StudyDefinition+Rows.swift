internal import GRDB
import WorldCache

extension StudyDefinition {
  func write(_ database: Database) throws {
    for (key, value) in [
      ("format", "\(StudySchema.format)"), ("tool", tool), ("chunk", chunk.map { "\($0)" } ?? "all"),
      ("by_modality", byModality ? "yes" : "no"),
    ] {
      try database.execute(sql: "INSERT INTO study VALUES (?, ?)", arguments: [key, value])
    }
    for (place, trace) in traces.enumerated() {
      try database.execute(
        sql: "INSERT INTO trace (trace, digest, name) VALUES (?, ?, ?)",
        arguments: [place, trace.digest, trace.name])
    }
    for (setting, entry) in settings.enumerated() {
      try database.execute(
        sql: "INSERT INTO setting (setting, policy, is_oracle, files) VALUES (?, ?, ?, ?)",
        arguments: [setting, entry.space.spec.description, entry.space.isOracle, entry.files])
      for (place, key) in entry.space.keys.enumerated() {
        let range = entry.space.ranges[place]
        try database.execute(
          sql: "INSERT INTO threshold (setting, place, key, lowest, highest) VALUES (?, ?, ?, ?, ?)",
          arguments: [setting, place, key, range.lowerBound, range.upperBound])
      }
    }
  }

  /// Reads it; throws a ``StudyError`` with what is wrong in it.
  init(_ database: Database, _ path: String) throws {
    func value(_ key: String) throws -> String {
      try String.fetchOne(database, sql: "SELECT value FROM study WHERE key = ?", arguments: [key]) ?? ""
    }
    func rows(_ table: String, _ order: String) throws -> [Row] {
      try Row.fetchAll(database, sql: "SELECT * FROM \(table) ORDER BY \(order)")
    }
    // Rows are told by their place.
    func require(_ row: Row, _ column: String, _ place: Int) throws {
      guard try row.cell(column, path) == place else {
        throw StudyError(path: path, "the study is damaged: the \(column)s are not numbered from 0 on")
      }
    }
    let thresholds = Dictionary(
      grouping: try rows("threshold", "setting, place").map { row in
        (setting: try row.cell("setting", path) as Int, row: row)
      }, by: \.setting)
    self.init(
      tool: try value("tool"), chunk: Int(try value("chunk")), byModality: try value("by_modality") == "yes",
      traces: try rows("trace", "trace").enumerated().map { place, row in
        try require(row, "trace", place)
        return Trace(name: try row.cell("name", path), digest: try row.cell("digest", path))
      },
      settings: try rows("setting", "setting").enumerated().map { place, row in
        try require(row, "setting", place)
        let open = try (thresholds[place] ?? []).enumerated().map { place, entry in
          try require(entry.row, "place", place)
          return try Threshold(entry.row, path)
        }
        return Setting(
          space: SearchSpace(
            spec: try StudyDefinition.spec(row.cell("policy", path), open, path), keys: open.map(\.key),
            ranges: open.map(\.range), isOracle: try row.cell("is_oracle", path)),
          files: try row.cell("files", path))
      })
  }

  // One open threshold as a row has it.
  private struct Threshold {
    let key: String
    let range: ClosedRange<Double>

    init(_ row: Row, _ path: String) throws {
      key = try row.cell("key", path)
      let (lowest, highest): (Double, Double) = (try row.cell("lowest", path), try row.cell("highest", path))
      guard lowest <= highest else {
        throw StudyError(
          path: path, "the study is damaged: the range of \(key) goes from \(lowest) to \(highest)")
      }
      range = lowest...highest
    }
  }

  private static func spec(_ text: String, _ open: [Threshold], _ path: String) throws -> PolicySpec {
    let spec: PolicySpec
    do {
      spec = try PolicySpec(parsing: text)
    } catch let error as PolicyError {
      throw StudyError(path: path, "the study is damaged: \(error)")
    }
    for threshold in open where !spec.settings.contains(where: { $0.key == threshold.key }) {
      throw StudyError(
        path: path, "the study is damaged: \(spec) has no setting '\(threshold.key)' to be searched")
    }
    return spec
  }
}
