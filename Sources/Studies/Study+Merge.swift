import Foundation
import WorldCache

extension Study {
  /// Puts parts of one study, made by several machines, together into a new file.
  ///
  /// Throws a ``StudyError`` when they are parts of different studies, or when two hold a replay that differs.
  /// The file appears when all is written.
  public static func merge(_ paths: [String], to output: String) throws {
    let parts = try paths.map { try Study(reading: $0) }
    for part in parts.dropFirst() {
      if let difference = part.definition.difference(from: parts[0].definition) {
        throw StudyError(path: part.path, "this is no part of the study \(parts[0].path): \(difference)")
      }
    }
    let temporary = output + ".partial"
    try? FileManager.default.removeItem(atPath: temporary)
    do {
      let whole = try Study(temporary, of: parts[0].definition)
      let store = whole.store
      for part in parts {
        for (job, record) in part.rows {
          guard let known = try store.known(job, record.policy) else {
            try store.keep(job, record)
            continue
          }
          guard known == record else {
            throw StudyError(
              path: part.path,
              "its replay of \(record.policy) on \(part.definition.traces[job.trace].name) differs "
                + "from that of another part")
          }
        }
        for job in part.finished { try store.finish(job) }
      }
      try whole.close()
    } catch {
      try? FileManager.default.removeItem(atPath: temporary)
      throw error
    }
    try? FileManager.default.removeItem(atPath: output)
    try FileManager.default.moveItem(atPath: temporary, toPath: output)
  }
}
