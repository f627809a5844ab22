import Foundation
internal import GRDB
import Synchronization
public import WorldCache

/// Many replays over many traces in one SQLite file, one row each (docs/studies.md).
///
/// Replays are written in transactions as they are made: a study that was interrupted at any moment goes on
/// where it was, and comes to the same rows. Several processes may work on one file.
public final class Study: Sendable {
  public let path: String
  public let definition: StudyDefinition
  private let queue: DatabaseQueue
  private let books: Mutex<Books>

  private struct Books: Sendable {
    var known: [TuningSearch.Job: [String: TuningRecord]]
    var finished: Set<TuningSearch.Job>
    /// Not yet written.
    var rows: [StudyRow] = []
    var jobs: [TuningSearch.Job] = []
    var newest = ContinuousClock.now
  }

  /// Opens a study of this definition, or begins one; throws a ``StudyError`` when the file is another one's.
  public convenience init(_ path: String, of definition: StudyDefinition) throws {
    let queue = try Study.open(path, isReadOnly: false)
    try Study.naming(path) { try Study.begin(queue, definition, path) }
    try self.init(path, queue)
    if let difference = self.definition.difference(from: definition) {
      throw StudyError(path: path, "this is another study: \(difference); name another file")
    }
  }

  /// Opens a study to read it.
  public convenience init(reading path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else {
      throw StudyError(path: path, "there is no such file")
    }
    try self.init(path, Study.open(path, isReadOnly: true))
  }

  private init(_ path: String, _ queue: DatabaseQueue) throws {
    self.path = path
    self.queue = queue
    let (definition, rows, finished) = try Study.naming(path) {
      try queue.read { database in
        try Study.check(database, path)
        let definition = try StudyDefinition(database, path)
        return (
          definition, try StudyRow.all(database, definition, path),
          try Row.fetchAll(database, sql: "SELECT * FROM search").map { try $0.job(definition, path) }
        )
      }
    }
    self.definition = definition
    var known: [TuningSearch.Job: [String: TuningRecord]] = [:]
    for row in rows { known[row.job, default: [:]][row.record.policy] = row.record }
    books = Mutex(Books(known: known, finished: Set(finished)))
  }

  /// What a search takes from here and brings here; `close()` writes the rest.
  public var store: TuningSearch.Store {
    TuningSearch.Store(
      known: { job, policy in self.books.withLock { $0.known[job]?[policy] } },
      keep: { job, record in
        try self.books.withLock { books in
          books.known[job, default: [:]][record.policy] = record
          books.rows.append(StudyRow(job: job, record: record))
          // Each transaction waits for the disk: twice a second is little to lose.
          if books.newest.duration(to: .now) > .milliseconds(500) { try self.write(&books) }
        }
      },
      finish: { job in
        self.books.withLock { books in
          if books.finished.insert(job).inserted { books.jobs.append(job) }
        }
      })
  }

  /// Searches that are done on all their values.
  public var finished: Set<TuningSearch.Job> { books.withLock { $0.finished } }

  /// The replays that are kept, trace after trace, setting after setting, by ascending thresholds.
  public var rows: [(job: TuningSearch.Job, record: TuningRecord)] {
    definition.jobs.flatMap { job in
      let records = books.withLock { $0.known[job] ?? [:] }.values
      return records.sorted { $0.values.lexicographicallyPrecedes($1.values) }.map { (job, $0) }
    }
  }

  /// What a search that is done found; throws a ``StudyError`` where its rows are not all there, or say
  /// nothing of a cost.
  public func outcome(
    of job: TuningSearch.Job, counting cost: TuningCost = .calls
  ) throws -> TuningOutcome {
    let space = definition.settings[job.setting].space
    let known = books.withLock { $0.known[job] ?? [:] }
    do {
      return try outcome(space, known, cost)
    } catch let error as PolicyError {
      throw StudyError(path: path, "\(definition.traces[job.trace].name): \(error)")
    }
  }

  private func outcome(
    _ space: SearchSpace, _ known: [String: TuningRecord], _ cost: TuningCost
  ) throws -> TuningOutcome {
    try TuningOutcome(space) { values in
      let policy = space.spec(at: values).description
      guard let record = known[policy] else {
        throw StudyError(
          path: self.path, "the replay of \(policy) is missing, although its search is said to be done")
      }
      try cost.require(of: record.figures)
      return record
    }
  }

  /// Writes what has not been written yet.
  public func flush() throws { try books.withLock { try write(&$0) } }

  /// Writes the rest and lets go of the file; the study cannot be used any more.
  func close() throws {
    try flush()
    try Study.naming(path) { try queue.close() }
  }

  private func write(_ books: inout Books) throws {
    let (rows, jobs) = (books.rows, books.jobs)
    try Study.naming(path) {
      try queue.write { database in
        for row in rows { try row.write(database) }
        for job in jobs {
          try database.execute(
            sql: "INSERT OR IGNORE INTO search (trace, setting) VALUES (?, ?)",
            arguments: [job.trace, job.setting])
        }
      }
    }
    books.rows = []
    books.jobs = []
    books.newest = .now
  }
}

extension Study {
  private static func open(_ path: String, isReadOnly: Bool) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.readonly = isReadOnly
    // Another process may be writing.
    configuration.busyMode = .timeout(60)
    return try naming(path) { try DatabaseQueue(path: path, configuration: configuration) }
  }

  // Tables and definition appear together, or not at all.
  private static func begin(_ queue: DatabaseQueue, _ definition: StudyDefinition, _ path: String) throws {
    try queue.inTransaction(.immediate) { database in
      let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
      guard tables == 0 else {
        try check(database, path)
        return .commit
      }
      try database.execute(sql: "PRAGMA application_id = \(StudySchema.applicationID)")
      try database.execute(sql: StudySchema.tables)
      try definition.write(database)
      return .commit
    }
  }

  private static func check(_ database: Database, _ path: String) throws {
    guard try Int.fetchOne(database, sql: "PRAGMA application_id") == StudySchema.applicationID else {
      throw StudyError(path: path, "this is a database, but not a study of wctrace")
    }
    let format = try String.fetchOne(database, sql: "SELECT value FROM study WHERE key = 'format'") ?? ""
    guard format == "\(StudySchema.format)" else {
      throw StudyError(
        path: path, "the study has format \(format); this version reads format \(StudySchema.format)")
    }
  }

  /// Names the file in what SQLite says.
  static func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as DatabaseError {
      let reason =
        error.resultCode == .SQLITE_NOTADB
        ? "this is no study: it is not an SQLite file"
        : "SQLite says: \(error.message ?? "\(error.resultCode)")"
      throw StudyError(path: path, reason)
    }
  }
}
