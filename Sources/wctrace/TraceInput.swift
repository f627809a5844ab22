import ArgumentParser
import Foundation
import Synchronization
import Trace
import WorldCache

/// The trace a command works on.
struct TraceInput: ParsableArguments {
  @Argument(help: "A recorded trace (.h5), or the .geometry folder that 'wctrace index' made of one.")
  var trace: String

  /// The trace's geometries, measured as policies ask for them.
  func catalog() throws -> GeometryCatalog { try GeometryCatalog.opening(trace) }
}

/// The traces a command works on.
struct TracesInput: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Recorded traces (.h5), .geometry folders that 'wctrace index' made, or folders of either.",
      valueName: "trace"))
  var traces: [String]

  mutating func validate() throws {
    guard !traces.isEmpty else { throw ValidationError("name a trace, or a folder of traces") }
  }

  /// Every trace once, in the order named; those of a folder by name. Throws for a file in a folder that is none.
  ///
  /// A geometry whose trace lies beside it belongs to that trace.
  func paths() throws -> [String] { try TracesInput.paths(traces) }

  static func paths(_ traces: [String]) throws -> [String] {
    var seen: Set<String> = []
    return try traces.flatMap { try TracesInput.members($0) }.filter { seen.insert($0).inserted }
  }

  private static func members(_ path: String) throws -> [String] {
    guard !isGeometry(path), let names = try TraceSet.names(inFolder: path) else { return [path] }
    let folder = path.hasSuffix("/") ? path : path + "/"
    let members = try names.filter { name in
      if TraceSet.isTrace(name, in: path) { return true }
      guard isGeometry(name), !names.contains(String(name.dropLast(".geometry".count)) + ".h5") else {
        return false
      }
      return try TraceSet.names(inFolder: folder + name) != nil
    }
    guard !members.isEmpty else {
      throw TraceError(.missing, path: path, "the folder holds no trace (*.h5) and no geometry (*.geometry)")
    }
    // Now and not when it is its turn, when results of others would be lost.
    for name in members where !isGeometry(name) {
      do {
        try TraceSet.check(folder + name)
      } catch {
        var error = error
        error.message +=
          "; a folder stands for every .h5 file in it, so move this one away or name the traces"
        throw error
      }
    }
    return members.map { folder + $0 }
  }

  private static func isGeometry(_ path: String) -> Bool {
    path.hasSuffix(".geometry") || path.hasSuffix(".geometry/")
  }
}

extension GeometryCatalog {
  /// What the folder of a trace's geometry is called.
  static func folder(of trace: String) -> String {
    (trace.hasSuffix(".h5") ? String(trace.dropLast(3)) : trace) + ".geometry"
  }

  /// Opens a trace with the folder of its geometry, or that folder alone.
  ///
  /// Says on standard error what is measured, and how large it is; where the folder cannot be written,
  /// geometries stay in memory.
  static func opening(_ path: String, folder: String? = nil) throws -> GeometryCatalog {
    try openingTrace(path, folder: folder).catalog
  }

  /// The same, with the trace where there is one.
  static func openingTrace(
    _ path: String, folder: String? = nil
  ) throws -> (catalog: GeometryCatalog, trace: TraceReader?) {
    let isFolder = (try? FileManager.default.contentsOfDirectory(atPath: path)) != nil
    if isFolder, path.hasSuffix(".geometry") || path.hasSuffix(".geometry/") {
      return (try GeometryCatalog(folder: path), nil)
    }
    let reader = try TraceReader(path: path)
    let folder = folder ?? GeometryCatalog.folder(of: path)
    let parent = URL(fileURLWithPath: folder).deletingLastPathComponent().path
    let isWritable = FileManager.default.isWritableFile(atPath: parent)
    if !isWritable { Terminal.remark("\(parent) is not writable: geometries stay in memory") }
    let bars = Mutex([String: wctrace.Progress]())
    let catalog = GeometryCatalog(reader, digest: reader.digest, folder: isWritable ? folder : nil) {
      progress in
      let bar = bars.withLock { bars in
        if let bar = bars[progress.what] { return bar }
        let size = progress.byteCount > 0 ? ", \(Table.decimal(Double(progress.byteCount) / 1e6, 1)) MB" : ""
        Terminal.remark("measuring \(progress.what) of \(path)\(size)")
        let bar = wctrace.Progress(total: progress.total, unit: "blocks")
        bars[progress.what] = bar
        return bar
      }
      bar.update(progress.done)
    }
    return (catalog, reader)
  }

  /// The geometries that a policy needs.
  func geometries(for plan: PolicyPlan) throws -> [Geometry] {
    try geometries(for: plan.request(blockCount: blockCount) ?? GeometryRequest(.output))
  }
}

/// Chunk selection for commands that go through all chunks unless told otherwise.
struct ChunksOption: ParsableArguments, Sendable {
  @Option(parsing: .unconditional, help: "Only this chunk of the rollout, from 0; all chunks when left out.")
  var chunk: Int?

  /// A trace of a batch, opened when it is needed.
  func source(_ path: String) -> (name: String, open: ReplayBatch.Source) {
    (
      name: path,
      open: {
        let catalog = try GeometryCatalog.opening(path)
        return { try self.pick(from: catalog.geometries(for: $0)) }
      }
    )
  }

  func pick(from geometries: [Geometry]) throws -> [Geometry] {
    guard let chunk else { return geometries }
    return [try ChunkOption.geometry(of: chunk, from: geometries)]
  }
}

/// Chunk selection for commands that look at one chunk.
struct ChunkOption: ParsableArguments {
  @Option(parsing: .unconditional, help: "Chunk of the rollout, from 0.")
  var chunk = 0

  func pick(from geometries: [Geometry]) throws -> Geometry {
    try ChunkOption.geometry(of: chunk, from: geometries)
  }

  static func geometry(of chunk: Int, from geometries: [Geometry]) throws -> Geometry {
    guard geometries.indices.contains(chunk) else {
      throw Terminal.usage("--chunk is \(chunk); the trace has chunks 0 to \(geometries.count - 1)")
    }
    return geometries[chunk]
  }
}
