import Foundation
import Trace
import WorldCache
import WorldModel

/// Records rollouts one after the other, and says beforehand and after the first calls what it will cost.
struct RecordingRun {
  private let set: RecordingSet
  private let members: [RecordingSet.Member]
  private let durability: Durability
  private let overwrites: Bool
  private let acknowledges: Bool
  /// Calls of each rollout.
  let callCount: Int
  private let estimate: RecordingEstimate?

  init(
    _ set: RecordingSet, _ members: [RecordingSet.Member], durability: Durability, overwrites: Bool,
    acknowledges: Bool
  ) {
    self.set = set
    self.members = members
    self.durability = durability
    self.overwrites = overwrites
    self.acknowledges = acknowledges
    callCount = set.chunkCount * set.options.steps * (set.options.guidance == 1 ? 1 : 2)
    estimate = members.first.map { set.estimate(set.rollout($0).calls) }
  }

  /// Says what will be written at most, and refuses to start when that might not fit.
  func announce(checkingSpace: Bool) throws {
    guard let estimate, let first = members.first else { return }
    let raw = Table.decimal(Double(estimate.rawByteCount) / 1e6, 1)
    let memory = Table.decimal(Double(estimate.memoryByteCount) / 1e6, 1)
    let what = members.count == 1 ? "" : "\(members.count) rollouts of "
    let each = members.count == 1 ? "" : " each"
    Terminal.remark(
      "recording \(what)\(callCount) calls at \(set.taps.count) taps: up to \(raw) MB\(each) on disk; "
        + "\(memory) MB of memory beside the model")
    guard checkingSpace else { return }
    try RecordingEstimate.requireSpace(members.count * estimate.largestByteCount, at: first.path)
  }

  /// Records them all; wall seconds by path.
  func recordAll() throws -> [String: Double] {
    let progress = Progress(total: members.count * callCount, unit: "calls")
    var seconds: [String: Double] = [:]
    let interruption = Interruption(rolloutCount: members.count, callCount: callCount)
    defer { interruption.end() }
    for (place, member) in members.enumerated() {
      let start = ContinuousClock.now
      try record(member, after: place * callCount, progress, interruption)
      interruption.finished()
      seconds[member.path] = start.duration(to: .now) / .seconds(1)
    }
    return seconds
  }

  private func record(
    _ member: RecordingSet.Member, after earlier: Int, _ progress: Progress, _ interruption: Interruption
  ) throws {
    let rollout = set.rollout(member)
    let writer = try TraceWriter(
      path: member.path, header: rollout.header(recorder: "wctrace \(Wctrace.version)"),
      layouts: set.layouts, taps: set.taps, callCount: callCount, dtype: set.dtype, coding: set.coding,
      lossy: set.lossy, durability: durability,
      overwrite: overwrites)
    interruption.begins(member.path, writer)
    var recorder = Recorder(
      sink: writer, selection: set.selection, layouts: RecordingSet.layouts(set.weights.config))
    var done = earlier
    let start = ContinuousClock.now
    let chunks = try rollout.run(
      hook: &recorder,
      progress: { group in
        done += group.count
        progress.update(done)
        // The first step pays for what is done once; the second is like the others.
        if done == 2 * group.count, callCount * members.count > done {
          remark(after: done, start.duration(to: .now) / .seconds(1), writer)
        }
        acknowledge(writer, after: earlier)
      })
    try writer.waitUntilRecorded()
    acknowledge(writer, after: earlier)
    if set.keepsFinals {
      for chunk in chunks { try writer.setFinal(chunk: chunk.index, set.finalRows(chunk.latent)) }
    }
    try writer.finish()
  }

  // The last calls may still be on their way.
  private func acknowledge(_ writer: TraceWriter, after earlier: Int) {
    guard acknowledges else { return }
    FileHandle.standardOutput.write(Data("\(earlier + writer.recordedCallCount)\n".utf8))
  }

  private func remark(after done: Int, _ seconds: Double, _ writer: TraceWriter) {
    let total = Double(callCount * members.count)
    let recorded = rolloutSelected(done)
    let all = rolloutSelected(callCount) * members.count
    let time = Table.decimal(seconds / Double(done) * total, 1)
    var text = "estimated from the first \(done) calls: \(time) s"
    if recorded > 0 {
      let bytes = Double(writer.journalByteCounts.written) / Double(recorded) * Double(all)
      text += " and \(Table.decimal(bytes / 1e6, 1)) MB on disk"
    }
    Terminal.remark(text + " in all")
  }

  // How many of the first calls are selected.
  private func rolloutSelected(_ count: Int) -> Int {
    (0..<count).count { set.selection.calls?.contains($0) ?? true }
  }
}
