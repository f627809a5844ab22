import Foundation
import TestSupport
import Testing
import Trace

// What a disk may hold after a power loss: everything that was synced, and of what was written since,
// each 4 KiB page or not, in any order, under a file size from before or after. WCTRACE_IMAGES sets how
// many such disks are tried (default 100).
@Suite struct PowerLossTests {
  private static let page = 4096

  // Fixed, so that a failing trial can be repeated.
  private static let seed: UInt64 = 20_261_123

  private static let callCount = 6
  private static let images =
    ProcessInfo.processInfo.environment["WCTRACE_IMAGES"].flatMap(Int.init) ?? 100

  private struct Recording {
    /// The journal, end included.
    var bytes: Data
    var trace: Data
    /// Bytes written and bytes known to be on disk: at the start, then after each call.
    var counts: [(written: Int, synced: Int)]
    var whole: WholeTrace
  }

  // Six calls with noise that does not compress: about 13 KB each, so that a write spans 4 or 5 pages.
  private func record(in folder: URL, _ durability: Durability) throws -> Recording {
    let path = folder.appendingPathComponent("whole.h5").path
    var random = Dice(seed: Self.seed)
    let layout = TokenTable.vector(name: "all", channelCount: 4000)
    let writer = try TraceWriter(
      path: path,
      header: TraceHeader(
        model: "m", solver: "s", shift: 1, stepCount: Self.callCount, blockCount: 1, recorder: "r"),
      layouts: [layout], taps: [.output: "all"], callCount: Self.callCount, durability: durability)
    var counts = [writer.journalByteCounts]
    for step in 0..<Self.callCount {
      let values = (0..<4000).map { _ in Float.random(in: -1...1, using: &random) }
      try writer.append(
        Call(ordinal: step, step: step, position: step, timestep: 0, sigma: 1, weight: -1),
        features: [.output: Tensor(rows: 1, columns: 4000, values: values)])
      counts.append(writer.journalByteCounts)
    }
    let journal = try writer.finishKeepingJournal()
    return Recording(
      bytes: journal, trace: try Data(contentsOf: URL(fileURLWithPath: path)), counts: counts,
      whole: try WholeTrace(path: path))
  }

  // The disk's view while bytes from `synced` to `written` are on their way.
  private func image(_ bytes: Data, synced: Int, written: Int, _ dice: inout Dice) -> Data {
    var image = Data(bytes[..<synced])
    image.append(Data(count: written - synced))
    for start in stride(from: synced / Self.page * Self.page, to: written, by: Self.page)
    where Bool.random(using: &dice) {
      let range = max(start, synced)..<min(start + Self.page, written)
      image.replaceSubrange(range, with: bytes[range])
    }
    // The size may be on disk later or earlier than the pages.
    let cut = [written, synced, Int.random(in: synced...written, using: &dice)].randomElement(using: &dice)
    return image.prefix(cut ?? written)
  }

  @Test func durabilityCallLosesNothing() throws {
    try withTemporaryDirectory { folder throws in
      let recording = try record(in: folder, .call)
      #expect(recording.counts.allSatisfy { $0.written == $0.synced })
      let path = folder.appendingPathComponent("cut.h5").path
      var dice = Dice(seed: Self.seed)
      for trial in 0..<Self.images {
        // Acknowledged calls, then a power loss during the write of the next one.
        let acknowledged = trial % Self.callCount
        let written = recording.counts[acknowledged + 1].written
        let bytes = image(
          recording.bytes, synced: recording.counts[acknowledged].synced, written: written, &dice)
        #expect(FileManager.default.createFile(atPath: path + ".wcj", contents: bytes))
        // The call under way may have made it completely.
        let isThere = bytes == recording.bytes[..<written]
        let expected = acknowledged + (isThere ? 1 : 0)
        do throws(TraceError) {
          _ = try TraceRecovery(of: path + ".wcj", to: path, overwrite: true)
          #expect(try WholeTrace(path: path) == recording.whole.prefix(expected), "trial \(trial)")
        } catch {
          #expect(expected == 0 && error.code == .lacking, "trial \(trial): \(error)")
        }
      }
    }
  }

  // Finishing syncs all but the superblock, then the superblock, then renames: until then recovery gives all that
  // was acknowledged as safe, and what has the superblock safe is the trace.
  @Test func finishingLosesNothing() throws {
    try withTemporaryDirectory { folder throws in
      let recording = try record(in: folder, .call)
      let path = folder.appendingPathComponent("cut.h5").path
      var unfinished = recording.trace
      unfinished.replaceSubrange(0..<48, with: Data(count: 48))
      var dice = Dice(seed: Self.seed)
      for trial in 0..<Self.images {
        // While what HDF5 needs is on its way; every other time also the superblock, as without the first sync.
        let bytes = image(
          trial % 2 == 0 ? unfinished : recording.trace, synced: recording.counts[Self.callCount].synced,
          written: recording.trace.count, &dice)
        #expect(FileManager.default.createFile(atPath: path + ".wcj", contents: bytes))
        _ = try TraceRecovery(of: path + ".wcj", to: path, overwrite: true)
        #expect(try WholeTrace(path: path) == recording.whole, "trial \(trial)")
        expectTraceError(.unfinished) { try TraceReader(path: path + ".wcj") }
      }
    }
  }

  // Without waiting, calls may be lost, but what comes back is right.
  @Test func durabilityRolloutNeverInvents() throws {
    try withTemporaryDirectory { folder throws in
      let recording = try record(in: folder, .rollout)
      #expect(recording.counts.allSatisfy { $0.synced == 0 })
      let path = folder.appendingPathComponent("cut.h5").path
      var recovered = 0
      var dice = Dice(seed: Self.seed)
      for trial in 0..<Self.images {
        // The first pages were written long ago; from there on it is open.
        let written = recording.counts[Self.callCount].written
        let bytes = image(recording.bytes, synced: written * (trial % 10) / 10, written: written, &dice)
        #expect(FileManager.default.createFile(atPath: path + ".wcj", contents: bytes))
        do throws(TraceError) {
          let recovery = try TraceRecovery(of: path + ".wcj", to: path, overwrite: true)
          recovered += recovery.callCount
          #expect(try WholeTrace(path: path) == recording.whole.prefix(recovery.callCount), "trial \(trial)")
        } catch {
          #expect([.lacking, .notATrace, .corrupt].contains(error.code), "trial \(trial): \(error)")
        }
      }
      #expect(recovered > 0)
    }
  }
}
