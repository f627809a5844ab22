internal import GRDB
import WorldCache

/// The columns of errors, in every table that has them.
enum TuningErrors {
  static let columns = TuningMetric.allCases.map(\.column)

  static func values(_ errors: [TuningMetric: Double]) -> [(any DatabaseValueConvertible)?] {
    TuningMetric.allCases.map { errors[$0] }
  }

  static func read(_ row: Row, _ path: String) throws -> [TuningMetric: Double] {
    var errors: [TuningMetric: Double] = [:]
    for metric in TuningMetric.allCases { errors[metric] = try row.optional(metric.column, path) }
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
  static func all(_ database: Database, _ definition: StudyDefinition, _ path: String) throws -> [StudyRow] {
    struct Key: Hashable {
      let job: TuningSearch.Job
      let policy: String
    }
    func key(_ row: Row) throws -> Key {
      Key(job: try row.job(definition, path), policy: try row.cell("policy", path))
    }
    var bounds: [Key: [(value: Double, next: Double?)]] = [:]
    for row in try Row.fetchAll(database, sql: "SELECT * FROM breakpoint ORDER BY place") {
      bounds[try key(row), default: []].append((try row.cell("value", path), try row.optional("next", path)))
    }
    var modalities: [Key: [TuningFigures.Modality]] = [:]
    for row in try Row.fetchAll(database, sql: "SELECT * FROM modality ORDER BY place") {
      modalities[try key(row), default: []].append(
        .init(name: try row.cell("modality", path), errors: try TuningErrors.read(row, path)))
    }
    let rows = try Row.fetchAll(database, sql: "SELECT * FROM replay").map { row in
      let key = try key(row)
      let bounds = bounds[key] ?? []
      guard bounds.count == definition.settings[key.job.setting].space.keys.count else {
        throw StudyError(
          path: path,
          "the study is damaged: the replay of \(key.policy) has \(bounds.count) thresholds, its setting "
            + "\(definition.settings[key.job.setting].space.keys.count)")
      }
      return StudyRow(
        job: key.job,
        record: TuningRecord(
          policy: key.policy, values: bounds.map(\.value), next: bounds.map(\.next),
          figures: TuningFigures(
            schedule: try row.cell("schedule", path), computedCount: try row.cell("computed_calls", path),
            callCount: try row.cell("calls", path), seconds: try row.cell("predicted_seconds", path),
            uncachedSeconds: try row.cell("uncached_seconds", path), emission: try row.cell("error_of", path),
            errors: try TuningErrors.read(row, path), modalities: modalities[key] ?? [])))
    }
    return rows.sorted { a, b in
      if a.job != b.job { return (a.job.trace, a.job.setting) < (b.job.trace, b.job.setting) }
      return a.record.values.lexicographicallyPrecedes(b.record.values)
    }
  }
}
