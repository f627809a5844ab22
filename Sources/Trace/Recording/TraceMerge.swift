import Foundation

/// Traces put together in a new folder: one for each rollout of which the inputs hold something.
///
/// Traces are of the same rollout when model, weights, solver, shift, counts, seeds and number type agree.
/// A trace that holds all that is known of its rollout is copied byte for byte; otherwise the parts, such as
/// the branches or chunks that different processes recorded, are joined call by call. Whatever several
/// traces hold must be the same to the last bit, times excepted. Memory: one call.
public struct TraceMerge: Sendable {
  /// One trace of the folder.
  public struct Rollout: Sendable {
    public let path: String
    /// The traces whose contents are in it.
    public let sources: [String]
    /// Traces that hold nothing that is not in the sources.
    public let repeats: [String]
    public let callCount: Int
    public let plannedCallCount: Int
  }

  public let rollouts: [Rollout]

  /// Verifies the inputs, traces and folders of traces, and writes the folder, which must not exist.
  ///
  /// Nothing has the folder's name until all is written. `progress` is told how many traces are done. Throws
  /// `exists`, `missing` for a folder without traces, `invalid` where traces of one rollout contradict each
  /// other, and what verifying and writing traces throws.
  public init(
    of paths: [String], to folder: String, progress: (Int) -> Void = { _ in }
  ) throws(TraceError) {
    guard FileSystem.kind(of: folder) == .nothing else {
      throw TraceError(.exists, path: folder, "a merged set needs a new folder; choose another name")
    }
    let groups = try Self.groups(of: paths)
    let partial = folder + TraceFormat.unfinishedSuffix
    guard FileSystem.kind(of: partial) == .nothing else {
      throw TraceError(
        .exists, path: partial, "an earlier merge was interrupted here, or one is running; remove this first")
    }
    try FileSystem.makeFolder(partial)
    var rollouts: [Rollout] = []
    do {
      var names: Set<String> = []
      for group in groups {
        let join = try TraceJoin(of: group)
        let name = Self.free(join.sources[0], &names)
        try join.write(to: "\(partial)/\(name)")
        rollouts.append(
          Rollout(
            path: "\(folder)/\(name)", sources: join.sources, repeats: join.repeats,
            callCount: join.callCount, plannedCallCount: join.plannedCallCount))
        progress(rollouts.count)
      }
      try FileSystem.sync(partial)
      try FileSystem.move(partial, to: folder)
    } catch {
      try? FileManager.default.removeItem(atPath: partial)
      throw error
    }
    try FileSystem.sync(FileSystem.folder(of: folder))
    self.rollouts = rollouts
  }

  private static func groups(of paths: [String]) throws(TraceError) -> [[TraceReader]] {
    var order: [[String]] = []
    var groups: [[String]: [TraceReader]] = [:]
    let set = try TraceSet(paths)
    if let journal = set.journals.first {
      throw TraceError(
        .unfinished, path: journal,
        "this recording is running or was interrupted; finish it with 'wctrace record --resume', or 'wctrace "
          + "recover' it and move the journal away")
    }
    for path in set.traces {
      let trace = try TraceReader(path: path)
      _ = try TraceVerification(of: trace)
      let key = TraceFormat.facts(of: trace.header).map(\.value) + [trace.dtype.rawValue]
      if groups[key] == nil { order.append(key) }
      groups[key, default: []].append(trace)
    }
    return order.compactMap { groups[$0] }
  }

  // The name of the first source, with a number when another rollout has it.
  private static func free(_ path: String, _ names: inout Set<String>) -> String {
    let url = URL(fileURLWithPath: path)
    let stem = url.deletingPathExtension().lastPathComponent
    var name = stem + ".h5"
    var number = 2
    while !names.insert(name).inserted {
      name = "\(stem)-\(number).h5"
      number += 1
    }
    return name
  }
}
