import ArgumentParser
import Foundation
import Trace
import WorldCache

/// The trace a command works on.
struct TraceInput: ParsableArguments {
  @Argument(help: "A recorded trace (.h5).")
  var trace: String

  /// Opens the trace and measures its geometry at the site of the model's output.
  func geometries() throws -> [Geometry] {
    let reader = try TraceReader(path: trace)
    let bytes = try GeometryBuilder.byteCount(of: reader, at: .output)
    guard bytes <= ProcessInfo.processInfo.physicalMemory else {
      throw TraceError(
        .invalid, path: trace,
        "its distances take \(bytes / 1_000_000_000) GB of memory, more than this machine has")
    }
    if bytes > 500_000_000 { Terminal.remark("measuring distances: \(bytes / 1_000_000) MB of memory") }
    return try GeometryBuilder.geometries(of: reader, at: .output)
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
