import ArgumentParser
import Foundation
import Synchronization
import Trace
import WorldCache

/// The trace a command works on.
struct TraceInput: ParsableArguments {
  @Argument(help: "A recorded trace (.h5).")
  var trace: String

  /// Opens the trace; its geometries are measured as policies ask for them.
  func catalog() throws -> MeasuredTrace { MeasuredTrace(try TraceReader(path: trace)) }
}

/// A trace with the geometries that have been measured of it.
struct MeasuredTrace {
  private let reader: TraceReader
  private let catalog: GeometryCatalog

  init(_ reader: TraceReader) {
    self.reader = reader
    let progress = Mutex([GeometryRequest: Progress]())
    catalog = GeometryCatalog(reader) { request, done, total in
      let bar = progress.withLock { bars in
        let bar = bars[request] ?? Progress(total: total, unit: "token blocks at \(request.site)")
        bars[request] = bar
        return bar
      }
      bar.update(done)
    }
  }

  /// The geometries that a policy needs; says so when they take much memory, and refuses when too much.
  func geometries(for plan: PolicyPlan) throws -> [Geometry] {
    let request = try plan.request(blockCount: reader.header.blockCount) ?? GeometryRequest(.output)
    return try geometries(for: request)
  }

  func geometries(for request: GeometryRequest) throws -> [Geometry] {
    let bytes = try GeometryBuilder.byteCount(of: reader, at: request)
    guard bytes <= ProcessInfo.processInfo.physicalMemory else {
      throw TraceError(
        .invalid, path: reader.path,
        "its distances at \(request.site) take \(bytes / 1_000_000_000) GB of memory, more than this machine has"
      )
    }
    if bytes > 500_000_000 {
      Terminal.remark("measuring distances at \(request.site): \(bytes / 1_000_000) MB of memory")
    }
    return try catalog.geometries(for: request)
  }
}

/// Chunk selection for commands that go through all chunks unless told otherwise.
struct ChunksOption: ParsableArguments {
  @Option(parsing: .unconditional, help: "Only this chunk of the rollout, from 0; all chunks when left out.")
  var chunk: Int?

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
