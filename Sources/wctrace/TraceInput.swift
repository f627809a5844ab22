import ArgumentParser
import Trace
import WorldCache

/// The trace a command works on.
struct TraceInput: ParsableArguments {
  @Argument(help: "A recorded trace (.h5).")
  var trace: String

  /// Opens the trace and measures its geometry at the site of the model's output.
  func geometries() throws -> [Geometry] {
    try GeometryBuilder.geometries(of: TraceReader(path: trace), at: .output)
  }
}

/// Chunk selection for commands that look at one chunk.
struct ChunkOption: ParsableArguments {
  @Option(help: "Chunk of the rollout, from 0.")
  var chunk = 0

  func pick(from geometries: [Geometry]) throws -> Geometry {
    guard geometries.indices.contains(chunk) else {
      throw ValidationError("--chunk is \(chunk); the trace has chunks 0 to \(geometries.count - 1)")
    }
    return geometries[chunk]
  }
}
