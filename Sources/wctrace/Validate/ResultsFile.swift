import Foundation
import Synchronization
import Trace
import WorldCache

/// Validation records in a file of JSON lines, which is only ever appended to.
///
/// A line that a killed run left unfinished is cut off when the file is opened again.
final class ResultsFile: Sendable {
  /// What was in the file when it was opened.
  let records: [ValidationRecord]
  private let path: String
  private let file: Mutex<FileHandle>

  init(_ path: String) throws {
    self.path = path
    if !FileManager.default.fileExists(atPath: path) {
      try Terminal.checkFolder(of: path)
      guard FileManager.default.createFile(atPath: path, contents: nil) else {
        throw TraceError(.inputOutput, path: path, "the file cannot be written")
      }
    }
    let (records, length) = try ResultsFile.read(path)
    self.records = records
    guard let handle = FileHandle(forUpdatingAtPath: path) else {
      throw TraceError(.inputOutput, path: path, "the file cannot be written")
    }
    try Terminal.writing(path) {
      try handle.truncate(atOffset: UInt64(length))
      try handle.seekToEnd()
    }
    file = Mutex(handle)
  }

  /// The whole records of a file, and how many bytes they take.
  static func read(_ path: String) throws -> (records: [ValidationRecord], length: Int) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw TraceError(.missing, path: path, "the file of results cannot be read")
    }
    let decoder = JSONDecoder()
    var records: [ValidationRecord] = []
    var start = data.startIndex
    while let end = data[start...].firstIndex(of: 0x0A) {
      guard let record = try? decoder.decode(ValidationRecord.self, from: Data(data[start..<end])) else {
        throw TraceError(
          .corrupt, path: path, at: "line \(records.count + 1)",
          "this is not a result of 'wctrace validate'")
      }
      records.append(record)
      start = data.index(after: end)
    }
    // What a killed run left of a line begins as our lines do; anything else is another's file.
    guard start == data.endIndex || records.count > 0 || data[start...].starts(with: Data("{\"calls\":".utf8))
    else {
      throw TraceError(.corrupt, path: path, "this is not a file of results of 'wctrace validate'")
    }
    return (records, start - data.startIndex)
  }

  /// The last record of every pair of rollout and policy, in their order: one made again, with feedback, replaces the
  /// earlier one.
  static func latest(_ records: [ValidationRecord]) -> [ValidationRecord] {
    var seen: Set<[String]> = []
    return records.reversed().filter { seen.insert([$0.rollout, $0.policy]).inserted }.reversed()
  }

  func append(_ record: ValidationRecord) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let line = try encoder.encode(record) + Data("\n".utf8)
    try Terminal.writing(path) { try file.withLock { try $0.write(contentsOf: line) } }
  }
}
