internal import GRDB
import WorldCache

/// The columns of errors, in every table that has them.
enum TuningErrors {
  static let columns = TuningMetric.allCases.map(\.column)

  static func values(_ errors: [TuningMetric: Double]) -> [(any DatabaseValueConvertible)?] {
    TuningMetric.allCases.map { errors[$0] }
  }

  static func read(_ row: Row) -> [TuningMetric: Double] {
    var errors: [TuningMetric: Double] = [:]
    for metric in TuningMetric.allCases {
      if let value = row[metric.column] as Double? { errors[metric] = value }
    }
    return errors
  }
}

/// A replay as rows.
struct StudyRow: Hashable, Sendable {
  let job: TuningSearch.Job
  let record: TuningRecord

  private static func insert(_ table: String, _ columns: [String]) -> String {
    // A replay that another process has kept meanwhile is the same.
    "INSERT OR IGNORE INTO \(table) (\(columns.joined(separator: ", "))) VALUES "
      + "(\(columns.map { _ in "?" }.joined(separator: ", ")))"
  }

  private static let replay = insert(
    "replay",
    [
      "trace", "setting", "policy", "schedule", "computed_calls", "calls", "predicted_seconds",
      "uncached_seconds", "error_of",
    ] + TuningErrors.columns)
  private static let breakpoint = insert(
    "breakpoint", ["trace", "setting", "policy", "place", "value", "next"])
  private static let modality = insert(
    "modality", ["trace", "setting", "policy", "place", "modality"] + TuningErrors.columns)

  func write(_ database: Database) throws {
    let key: [(any DatabaseValueConvertible)?] = [job.trace, job.setting, record.policy]
    let figures = record.figures
    let values: [(any DatabaseValueConvertible)?] = [
      figures.schedule, figures.computedCount, figures.callCount, figures.seconds, figures.uncachedSeconds,
      figures.emission,
    ]
    try database.execute(
      sql: StudyRow.replay,
      arguments: StatementArguments(key + values + TuningErrors.values(figures.errors)))
    for (place, value) in record.values.enumerated() {
      try database.execute(
        sql: StudyRow.breakpoint,
        arguments: StatementArguments(
          key + ([place, value, record.next[place]] as [(any DatabaseValueConvertible)?])))
    }
    for (place, modality) in figures.modalities.enumerated() {
      try database.execute(
        sql: StudyRow.modality,
        arguments: StatementArguments(
          key + ([place, modality.name] as [(any DatabaseValueConvertible)?])
            + TuningErrors.values(modality.errors)))
    }
  }

  /// All replays of a study, trace after trace, setting after setting, by ascending thresholds.
  static func all(_ database: Database) throws -> [StudyRow] {
    struct Key: Hashable {
      let trace: Int
      let setting: Int
      let policy: String
      init(_ row: Row) { (trace, setting, policy) = (row["trace"], row["setting"], row["policy"]) }
    }
    var bounds: [Key: [(value: Double, next: Double?)]] = [:]
    for row in try Row.fetchAll(database, sql: "SELECT * FROM breakpoint ORDER BY place") {
      bounds[Key(row), default: []].append((row["value"], row["next"]))
    }
    var modalities: [Key: [TuningFigures.Modality]] = [:]
    for row in try Row.fetchAll(database, sql: "SELECT * FROM modality ORDER BY place") {
      modalities[Key(row), default: []].append(.init(name: row["modality"], errors: TuningErrors.read(row)))
    }
    let rows = try Row.fetchAll(database, sql: "SELECT * FROM replay").map { row in
      let key = Key(row)
      let bounds = bounds[key] ?? []
      return StudyRow(
        job: .init(trace: key.trace, setting: key.setting),
        record: TuningRecord(
          policy: key.policy, values: bounds.map(\.value), next: bounds.map(\.next),
          figures: TuningFigures(
            schedule: row["schedule"], computedCount: row["computed_calls"], callCount: row["calls"],
            seconds: row["predicted_seconds"], uncachedSeconds: row["uncached_seconds"],
            emission: row["error_of"], errors: TuningErrors.read(row), modalities: modalities[key] ?? [])))
    }
    return rows.sorted { a, b in
      if a.job != b.job { return (a.job.trace, a.job.setting) < (b.job.trace, b.job.setting) }
      return a.record.values.lexicographicallyPrecedes(b.record.values)
    }
  }
}
