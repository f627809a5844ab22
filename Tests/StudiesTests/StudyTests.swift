import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing
import WorldCache

@testable import Studies

@Suite("Studies")
struct StudyTests {
  private struct Killed: Error {}

  /// Three made-up settings on two traces; what a replay says follows from its values alone.
  private static let definition = StudyDefinition(
    tool: "1", chunk: nil, byModality: true,
    traces: [.init(name: "a.h5", digest: "00"), .init(name: "b.h5", digest: "01")],
    settings: ["easycache:threshold=*", "sencache:main=*,start=*", "taylor:order=1"].map { text in
      let spec = try! PolicySpec(parsing: text)
      let keys = spec.settings.filter { $0.value == "*" }.map(\.key)
      return .init(
        space: SearchSpace(
          spec: spec, keys: keys, ranges: keys.map { _ in 0...Double.greatestFiniteMagnitude },
          isOracle: false), files: "")
    })

  private static func record(_ job: TuningSearch.Job, _ values: [Double]) -> TuningRecord {
    let space = definition.settings[job.setting].space
    let sum = values.reduce(Double(job.trace) / 3, +)
    return TuningRecord(
      policy: space.spec(at: values).description, values: values,
      next: values.map { $0 < 2 ? $0 + 1.0 / 3 : nil },
      figures: TuningFigures(
        schedule: "C" + String(repeating: "p", count: Int(sum * 3)), computedCount: 1, callCount: 9,
        seconds: 1 / (1 + sum), uncachedSeconds: 2, emission: "output",
        errors: sum > 1 ? [.worstCall: .infinity] : [.direct: sum, .worstCall: sum / 3],
        modalities: [.init(name: "rgb", errors: [.direct: sum])]))
  }

  /// Does the searches of `jobs`; stops with an error after so many replays, as a process that is killed would.
  private static func run(_ path: String, _ jobs: [TuningSearch.Job]? = nil, stoppingAfter limit: Int = .max)
    throws -> Int
  {
    let study = try Study(path, of: definition)
    let store = study.store
    var made = 0
    for job in jobs ?? definition.jobs {
      _ = try TuningOutcome(definition.settings[job.setting].space) { values in
        let record = record(job, values)
        if let known = try store.known(job, record.policy) { return known }
        guard made < limit else { throw Killed() }
        made += 1
        try store.keep(job, record)
        // Written at once, so that what a killed process leaves is not always nothing.
        if made % 3 == 0 { try study.flush() }
        return record
      }
      try store.finish(job)
    }
    try study.flush()
    return made
  }

  private static func rows(_ path: String) throws -> (rows: [TuningRecord], finished: Set<TuningSearch.Job>) {
    let study = try Study(reading: path)
    return (study.rows.map(\.record), study.finished)
  }

  @Test("every number comes back as it was kept, infinite ones and missing ones too")
  func roundTrip() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appending(path: "a.study").path
      let made = try Self.run(path)
      let study = try Study(reading: path)
      #expect(study.definition == Self.definition)
      // Thresholds go up in thirds until one is not below 2: seven values, or eight where thirds round down. Two
      // thresholds have the square, none has one; on two traces.
      let count = 1 + sequence(first: 0.0) { $0 + 1.0 / 3 }.prefix(while: { $0 < 2 }).count
      #expect(made == 2 * (count + count * count + 1))
      #expect(study.rows.count == made)
      for (job, record) in study.rows { #expect(record == Self.record(job, record.values)) }
      #expect(study.finished == Set(Self.definition.jobs))
      // Again: nothing is made, and nothing changes.
      #expect(try Self.run(path) == 0)
      #expect(try Self.rows(path).rows == study.rows.map(\.record))
    }
  }

  @Test("stopped after any number of replays and gone on with, it comes to the same")
  func stopped() throws {
    try withTemporaryDirectory { folder in
      let whole = folder.appending(path: "whole.study").path
      let count = try Self.run(whole)
      let expected = try Self.rows(whole)
      for limit in 0..<count where limit % 7 == 0 || limit < 4 {
        let path = folder.appending(path: "\(limit).study").path
        #expect(throws: Killed.self) { _ = try Self.run(path, stoppingAfter: limit) }
        let kept = try Self.rows(path).rows.count
        #expect(kept == limit / 3 * 3)
        #expect(try Self.run(path) == count - kept)
        let rows = try Self.rows(path)
        #expect(rows.rows == expected.rows && rows.finished == expected.finished)
      }
    }
  }

  @Test("seven parts make the whole, in any order, some of them twice")
  func shards() throws {
    try withTemporaryDirectory { folder in
      let whole = folder.appending(path: "whole.study").path
      _ = try Self.run(whole)
      let parts = try (1...7).map { place in
        let path = folder.appending(path: "\(place).study").path
        _ = try Self.run(path, StudyShard("\(place)/7")!.jobs(of: Self.definition.jobs))
        return path
      }
      let merged = folder.appending(path: "merged.study").path
      try Study.merge(parts.reversed() + [parts[2]], to: merged)
      #expect(try Self.rows(merged).rows == Self.rows(whole).rows)
      #expect(try Self.rows(merged).finished == Self.rows(whole).finished)
      #expect(try Study(reading: merged).definition == Self.definition)
      #expect(!FileManager.default.fileExists(atPath: merged + ".partial"))
      // What is missing can be done in the merged file.
      try Study.merge(Array(parts.prefix(3)), to: merged)
      #expect(try Self.run(merged) > 0)
      #expect(try Self.rows(merged).rows == Self.rows(whole).rows)
    }
  }

  @Test("parts of a study are every n-th search; other words are none")
  func shardNames() {
    let jobs = TuningSearch.Job.all(traceCount: 2, settingCount: 3)
    #expect(StudyShard("2/4")!.jobs(of: jobs) == [jobs[1], jobs[5]])
    #expect((1...4).flatMap { StudyShard("\($0)/4")!.jobs(of: jobs) }.count == 6)
    for text in ["0/4", "5/4", "1", "1/0", "a/b", "1/2/3", "-1/2", ""] { #expect(StudyShard(text) == nil) }
  }

  @Test("another study, a study that differs, and files that are none are refused in a sentence")
  func refused() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appending(path: "a.study").path
      _ = try Self.run(path)
      func message(_ body: () throws -> Void) -> String {
        do {
          try body()
          return "nothing was thrown"
        } catch { return "\(error)" }
      }
      var other = Self.definition
      other.traces[1].digest = "ff"
      other.traces[0].name = "elsewhere/a.h5"
      #expect(
        message { _ = try Study(path, of: other) }
          == "\(path): this is another study: its trace b.h5 (01) is not b.h5 (ff); name another file")
      other.traces[1].digest = "01"
      _ = try Study(path, of: other)
      other.settings.removeLast()
      #expect(message { _ = try Study(path, of: other) }.contains("it is of 3 settings, not of 2"))
      let second = folder.appending(path: "b.study").path
      _ = try Study(second, of: other)
      let output = folder.appending(path: "c.study").path
      #expect(
        message { try Study.merge([path, second], to: output) }.hasPrefix(
          "\(second): this is no part of the study \(path): it is of 2 settings"))
      #expect(!FileManager.default.fileExists(atPath: output))
      var files = Self.definition
      files.settings[2].files = "rule.yaml"
      #expect(
        message { _ = try Study(path, of: files) }.contains(
          "the file that taylor:order=1 names has another text"))

      let text = folder.appending(path: "text.study").path
      try Data(repeating: 65, count: 4096).write(to: URL(filePath: text))
      #expect(
        message { _ = try Study(reading: text) }
          == "\(text): this is no study: it is not an SQLite file")
      #expect(message { _ = try Study(text, of: other) }.contains("it is not an SQLite file"))
      #expect(
        message { _ = try Study(reading: folder.path + "/none") }
          == "\(folder.path)/none: there is no such file")
    }
  }

  @Test(
    "a study that was edited is refused in a sentence",
    arguments: [
      ("UPDATE breakpoint SET next = value WHERE next > 0", "a search goes up, and after 0 a replay says 0"),
      ("UPDATE breakpoint SET value = 'low'", "the study is damaged: value is \"low\" in a row of it"),
      ("UPDATE threshold SET lowest = 2, highest = 1", "the range of threshold goes from 2.0 to 1.0"),
      ("UPDATE threshold SET key = 'x' || place", "easycache:threshold=* has no setting 'x0' to be searched"),
      ("UPDATE threshold SET place = 1 WHERE setting = 0", "the places are not numbered from 0 on"),
      ("UPDATE replay SET computed_calls = 'many'", "computed_calls is \"many\" in a row of it"),
      ("UPDATE replay SET trace = trace + 9", "a row is of trace 9 and setting 0; it has 2 and 3"),
      ("UPDATE search SET setting = setting + 9", "a row is of trace 0 and setting 9; it has 2 and 3"),
      ("UPDATE setting SET policy = ':'", "the study is damaged: "),
      ("DELETE FROM breakpoint", "has 0 thresholds, its setting 1"),
      ("DELETE FROM trace WHERE trace = 0", "the traces are not numbered from 0 on"),
      ("DELETE FROM setting WHERE setting = 1", "the settings are not numbered from 0 on"),
      ("UPDATE replay SET uncached_seconds = 0", "a.h5: the trace holds no times; use --cost calls"),
    ])
  func edited(sql: String, message: String) throws {
    try withTemporaryDirectory { folder in
      let path = folder.appending(path: "a.study").path
      _ = try Self.run(path)
      let queue = try DatabaseQueue(path: path)
      try queue.write { try $0.execute(sql: sql) }
      try queue.close()
      let error = #expect(throws: StudyError.self) {
        let study = try Study(reading: path)
        for job in study.definition.jobs { _ = try study.outcome(of: job, counting: .seconds) }
      }
      #expect(error?.path == path && error?.message.contains(message) == true, "\(error!)")
    }
  }

  @Test("a program that was edited makes another study, wherever it stands among a command's words")
  func program() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appending(path: "rule.py").path
      let example = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../examples/easycache.py")
      let text = try String(contentsOf: example, encoding: .utf8)
      func files(_ text: String, _ command: String) throws -> String {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let spec = try PolicySpec(parsing: "program:command=\(command)")
        return StudyDefinition.Setting(try TuningSetting(spec)).files
      }
      #expect(try files(text, "python3 \(path)") == "\(path):\n\(text)")
      #expect(try files(text + "# other\n", "python3 \(path)") == "\(path):\n\(text)# other\n")
      #expect(try files(text, "python3 -u '\(path)'") == "\(path):\n\(text)")
    }
  }

  @Test("two hands that write one file at a time come to the same")
  func together() throws {
    try withTemporaryDirectory { folder in
      let (path, whole) = (folder.appending(path: "a.study").path, folder.appending(path: "b.study").path)
      _ = try Self.run(whole)
      let failures = Mutex(0)
      DispatchQueue.concurrentPerform(iterations: 2) { _ in
        do { _ = try Self.run(path) } catch { failures.withLock { $0 += 1 } }
      }
      #expect(failures.withLock { $0 } == 0)
      #expect(try Self.rows(path).rows == Self.rows(whole).rows)
    }
  }
}
