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

  init(_ database: Database) throws {
    func value(_ key: String) throws -> String {
      try String.fetchOne(database, sql: "SELECT value FROM study WHERE key = ?", arguments: [key]) ?? ""
    }
    let thresholds = Dictionary(
      grouping: try Row.fetchAll(database, sql: "SELECT * FROM threshold ORDER BY setting, place"),
      by: { $0["setting"] as Int })
    self.init(
      tool: try value("tool"), chunk: Int(try value("chunk")), byModality: try value("by_modality") == "yes",
      traces: try Row.fetchAll(database, sql: "SELECT * FROM trace ORDER BY trace")
        .map { Trace(name: $0["name"], digest: $0["digest"]) },
      settings: try Row.fetchAll(database, sql: "SELECT * FROM setting ORDER BY setting").map { row in
        let open = thresholds[row["setting"]] ?? []
        return Setting(
          space: SearchSpace(
            spec: try PolicySpec(parsing: row["policy"]), keys: open.map { $0["key"] },
            ranges: open.map { ($0["lowest"] as Double)...($0["highest"] as Double) },
            isOracle: row["is_oracle"]),
          files: row["files"])
      })
  }
}
