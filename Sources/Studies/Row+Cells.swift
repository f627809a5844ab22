internal import GRDB
import WorldCache

// A study is a file that people may edit: cells are looked at before they are used.
extension Row {
  /// A cell; throws a ``StudyError`` where it is empty, missing or of another kind.
  func cell<Value: DatabaseValueConvertible>(_ column: String, _ path: String) throws -> Value {
    guard let value: Value = try optional(column, path) else {
      throw StudyError(path: path, "the study is damaged: \(column) is empty in a row of it")
    }
    return value
  }

  /// The same of a cell that may be empty.
  func optional<Value: DatabaseValueConvertible>(_ column: String, _ path: String) throws -> Value? {
    guard let cell = self[column] as DatabaseValue?, !cell.isNull else { return nil }
    guard let value = Value.fromDatabaseValue(cell) else {
      throw StudyError(path: path, "the study is damaged: \(column) is \(cell) in a row of it")
    }
    return value
  }

  /// The search that a row belongs to, among those of the definition.
  func job(_ definition: StudyDefinition, _ path: String) throws -> TuningSearch.Job {
    let job = TuningSearch.Job(trace: try cell("trace", path), setting: try cell("setting", path))
    guard definition.traces.indices.contains(job.trace), definition.settings.indices.contains(job.setting)
    else {
      throw StudyError(
        path: path,
        "the study is damaged: a row is of trace \(job.trace) and setting \(job.setting); it has "
          + "\(definition.traces.count) and \(definition.settings.count), counted from 0")
    }
    return job
  }
}
