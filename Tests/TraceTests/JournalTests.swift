import Foundation
import TestSupport
import Testing
import Trace

@Suite struct JournalTests {
  // The sample's whole journal, and how long it was after each write: the start, four calls, two
  // final latents, the end.
  private func journal(in folder: URL) throws -> (bytes: Data, ends: [Int], whole: WholeTrace) {
    let path = folder.appendingPathComponent("whole.h5").path
    var ends: [Int] = []
    let writer = try SampleTrace.record(to: path) { ends.append($0.journalByteCounts.written) }
    let bytes = try writer.finishKeepingJournal()
    return (bytes, ends + [bytes.count], try WholeTrace(path: path))
  }

  private func recover(_ bytes: Data, in folder: URL) throws(TraceError) -> (TraceRecovery, WholeTrace) {
    let path = folder.appendingPathComponent("cut.h5").path
    #expect(FileManager.default.createFile(atPath: path + ".wcj", contents: bytes))
    let recovery = try TraceRecovery(of: path + ".wcj", to: path, overwrite: true)
    return (recovery, try WholeTrace(path: path))
  }

  // The recorder may stop after any write, or with any write torn. Exactly the acknowledged calls come
  // back, bit for bit. WCTRACE_CUT_EVERY=1 cuts at every single byte too.
  @Test func everyAcknowledgedCallSurvivesEveryCut() throws {
    try withTemporaryDirectory { folder throws in
      let (bytes, ends, whole) = try journal(in: folder)
      #expect(ends.count == 8)
      var lengths = Set([0])
      for (start, end) in zip([0] + ends, ends) {
        lengths.formUnion([start + 1, (start + end) / 2, end - 1, end])
      }
      let every = ProcessInfo.processInfo.environment["WCTRACE_CUT_EVERY"].flatMap(Int.init) ?? 97
      lengths.formUnion(stride(from: 0, to: bytes.count, by: every))
      for length in lengths.sorted() {
        let writes = ends.count { $0 <= length }
        let acknowledged = min(max(writes - 1, 0), 4)
        do throws(TraceError) {
          let (recovery, trace) = try recover(bytes.prefix(length), in: folder)
          // With both final latents nothing is missing, whether or not the end was written.
          let expected = writes >= 7 ? whole : whole.prefix(acknowledged)
          #expect(trace == expected, "cut at \(length)")
          #expect(recovery.callCount == acknowledged)
          #expect(recovery.plannedCallCount == 4)
          #expect(recovery.isWhole == (writes >= 7), "cut at \(length)")
          #expect((recovery.remark == nil) == ends.contains(length), "cut at \(length)")
        } catch {
          #expect(acknowledged == 0, "cut at \(length): \(error)")
          #expect(error.code == (length < 96 ? .notATrace : writes == 0 ? .corrupt : .lacking), "\(error)")
        }
      }
    }
  }

  // A damaged byte costs the calls from there on, and never changes one. WCTRACE_FLIP_EVERY=1 flips all.
  @Test func aDamagedJournalNeverGivesAWrongCall() throws {
    try withTemporaryDirectory { folder throws in
      var (bytes, ends, whole) = try journal(in: folder)
      let every = ProcessInfo.processInfo.environment["WCTRACE_FLIP_EVERY"].flatMap(Int.init) ?? 61
      var refused = 0
      // The bytes in front are nobody's until the superblock comes there.
      for index in stride(from: 48, to: bytes.count, by: every) {
        bytes[index] ^= 1 << UInt8(index % 8)
        defer { bytes[index] ^= 1 << UInt8(index % 8) }
        let sound = min(max(ends.count { $0 <= index } - 1, 0), 4)
        do throws(TraceError) {
          let (recovery, trace) = try recover(bytes, in: folder)
          #expect(recovery.callCount == sound)
          #expect(trace == (index >= ends[6] ? whole : whole.prefix(sound)), "a flip at byte \(index)")
          #expect(recovery.remark != nil)
        } catch {
          refused += 1
          #expect(sound == 0)
          let code: TraceError.Code = index < 96 ? .notATrace : index < ends[0] ? .corrupt : .lacking
          #expect(error.code == code, "a flip at byte \(index): \(error)")
        }
      }
      // The start and the first call.
      #expect(refused == (ends[1] - 48 + every - 1) / every)
    }
  }

  @Test func aFlipIsReportedWhereItIs() throws {
    try withTemporaryDirectory { folder throws in
      var (bytes, ends, _) = try journal(in: folder)
      bytes[ends[2] + 50] ^= 1
      let (recovery, _) = try recover(bytes, in: folder)
      #expect(
        recovery.remark == """
          read up to byte \(ends[2]) of \(bytes.count): the record there is cut off or fails its checksum
          """)
    }
  }

  @Test func recordsOfAnotherRecordingAreNotTaken() throws {
    try withTemporaryDirectory { folder throws in
      let (bytes, ends, whole) = try journal(in: folder)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("whole.h5"))
      let (other, otherEnds, _) = try journal(in: folder)
      #expect(ends == otherEnds)
      // Call 2 of another recording in the place of this one's, as an old file's blocks on a disk might.
      let mixed = bytes[..<ends[2]] + other[ends[2]...]
      let (recovery, trace) = try recover(mixed, in: folder)
      #expect(trace == whole.prefix(2))
      #expect(recovery.remark?.hasSuffix("the record there does not belong here") == true)
    }
  }

  @Test func aNewerJournalIsNotRead() throws {
    try withTemporaryDirectory { folder throws in
      var (bytes, _, _) = try journal(in: folder)
      // Version 3 under a sound checksum.
      bytes[52] = 3
      let sum = Array(bytes[48..<88]).withUnsafeBytes { xxh64($0) }
      for index in 0..<8 { bytes[88 + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt64(index))) }
      let error = expectTraceError(.newerVersion) { try recover(bytes, in: folder) }
      #expect(error?.message == "the journal has version 3, this program reads up to 2")
    }
  }

  @Test func aJournalOfTheFirstVersionIsNamed() throws {
    try withTemporaryDirectory { folder throws in
      let bytes = Data("WCTJ\u{1}".utf8) + Data(count: 200)
      let error = expectTraceError(.notATrace) { try recover(bytes, in: folder) }
      #expect(error?.message.hasPrefix("the journal has version 1") == true)
    }
  }

  // What a kill while finishing leaves: part of what the trace adds behind the end, then all of it, then part of the
  // superblock, then all of it, still under the journal's name.
  @Test func aJournalThatIsBeingFinishedIsWhole() throws {
    try withTemporaryDirectory { folder throws in
      let (journal, _, whole) = try journal(in: folder)
      let trace = try Data(contentsOf: folder.appendingPathComponent("whole.h5"))
      let added = trace.count - journal.count
      var states = [1, added / 2, added - 1, added].map {
        journal + trace[journal.count..<journal.count + $0]
      }
      states += [1, 24, 47, 48].map { trace[..<$0] + journal[$0..<48] + trace[48...] }
      // Pages may come to the disk in any order, the superblock's before the rest without waiting.
      states.append(trace[..<48] + journal[48...])
      states.append(trace[..<48] + journal[48...] + Data(count: added))
      for (place, state) in states.enumerated() {
        let (recovery, trace) = try recover(state, in: folder)
        #expect(recovery.isWhole && recovery.remark == nil, "state \(place)")
        #expect(trace == whole, "state \(place)")
        expectTraceError(.unfinished) {
          try TraceReader(path: folder.appendingPathComponent("cut.h5.wcj").path)
        }
      }
      // A trace is its own journal: what recovery makes of it says the same.
      #expect(try recover(trace, in: folder).1 == whole)
    }
  }

  @Test func aJournalHasOneWriter() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      let writer = try SampleTrace.record(to: path)
      expectTraceError(.inUse) { try SampleTrace.record(to: path) }
      expectTraceError(.inUse) { try overwriting(path) }
      expectTraceError(.inUse) { try TraceRecovery(of: writer.journalPath, to: path) }
      try writer.finish()
      #expect(try TraceReader(path: path).calls.count == 4)
    }
  }

  @Test func aJournalIsOverwrittenOnlyWhenAskedTo() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      try SampleTrace.record(to: path).abandon()
      let before = try Data(contentsOf: URL(fileURLWithPath: path + ".wcj"))
      expectTraceError(.exists) { try SampleTrace.record(to: path) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path + ".wcj")) == before)
      try overwriting(path).abandon()
      #expect(!FileManager.default.fileExists(atPath: path + ".wcj"))
    }
  }

  @Test func recoveryDoesNotOverwriteUnasked() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      try SampleTrace.record(to: path).abandon()
      try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
      expectTraceError(.exists) { try TraceRecovery(of: path + ".wcj", to: path) }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("mine".utf8))
      #expect(try TraceRecovery(of: path + ".wcj", to: path, overwrite: true).isWhole)
      #expect(TraceRecovery.tracePath(of: path + ".wcj") == path)
      #expect(TraceRecovery.tracePath(of: path) == nil)
    }
  }

  // A recovered trace is like any other. Of call 2 only branch 0 is there, so replay leaves it out.
  @Test func aTraceOfFewerCallsIsATrace() throws {
    try withTemporaryDirectory { folder throws in
      let (bytes, ends, _) = try journal(in: folder)
      let path = folder.appendingPathComponent("cut.h5").path
      _ = try recover(bytes.prefix(ends[3]), in: folder)
      let reader = try TraceReader(path: path)
      #expect(reader.calls == Array(SampleTrace.calls[..<3]))
      #expect(reader.plannedCallCount == 4)
      expectTraceError(.lacking) { try reader.final(chunk: 0) }
      let geometries = try GeometryBuilder.geometries(of: reader, GeometryRequest(.output))
      #expect(geometries.map(\.calls) == [[[SampleTrace.calls[0]], [SampleTrace.calls[1]]]])
      _ = try recover(bytes.prefix(ends[1]), in: folder)
      let error = expectTraceError(.lacking) {
        try GeometryBuilder.geometries(of: try TraceReader(path: path), GeometryRequest(.output))
      }
      #expect(error?.message == "the recording was interrupted in its first step")
    }
  }

  private func overwriting(_ path: String) throws -> TraceWriter {
    try TraceWriter(
      path: path, header: SampleTrace.header, layouts: [SampleTrace.output], taps: [.output: "output"],
      callCount: 1, overwrite: true)
  }
}
