import Foundation
import Trace
import WorldCache
import WorldModel

/// Records live runs of the first policy, one trace for each scene and noise.
struct LiveRecording: Sendable {
  private let folder: String
  private let set: RecordingSet
  private let overwrite: Bool

  /// Refuses before the first call what could not be written.
  init(_ folder: String, _ batch: LiveBatch, _ options: RolloutOptions, overwrite: Bool) throws {
    self.folder = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    self.overwrite = overwrite
    set = try RecordingSet(
      batch.weights, options, chunkCount: batch.options.chunkCount, dtype: .float32, coding: .plain,
      lossy: nil,
      taps: Record.defaultTaps + ",guided", selection: Selection(), members: [])
    if !FileManager.default.fileExists(atPath: self.folder) {
      try Terminal.checkFolder(of: self.folder)
      try Terminal.writing(self.folder) {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: false)
      }
    }
    if !overwrite, let taken = batch.members.map(path).first(where: FileManager.default.fileExists) {
      throw TraceError(.exists, path: taken, "the file exists; pass --force to replace it")
    }
  }

  private func path(_ member: LiveBatch.Member) -> String {
    "\(folder)/scene-\(member.scene)-noise-\(member.noise).h5"
  }

  /// Begins the trace of one run.
  func writer(_ member: LiveBatch.Member, _ rollout: Rollout, _ spec: PolicySpec) throws -> TraceWriter {
    var header = rollout.header(recorder: "wctrace \(Wctrace.version)")
    header.conditions.append(Condition("policy", spec.description))
    return try TraceWriter(
      path: path(member), header: header, layouts: set.layouts, taps: set.taps,
      callCount: rollout.calls.count, dtype: set.dtype, coding: set.coding, overwrite: overwrite)
  }

  /// Ends it with the final latents.
  func finish(_ writer: TraceWriter, _ run: LiveRun) throws {
    for chunk in run.chunks { try writer.setFinal(chunk: chunk.index, set.finalRows(chunk.latent)) }
    try writer.finish()
  }
}
