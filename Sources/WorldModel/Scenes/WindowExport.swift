import Dispatch
import Foundation
import Trace

/// Training data for `python/train.py`: windows as three NumPy files, written while they are rendered.
///
/// `target.npy` float16 (windows, tokens, targetChannels), `cond.npy` float16 (windows, tokens,
/// conditionChannels), `action.npy` float32 (windows, frames, 3).
public enum WindowExport {
  public static let fileNames = ["target.npy", "cond.npy", "action.npy"]

  /// Size of the three files together, headers apart.
  public static func byteCount(of windows: Int, config: Config = Config()) -> Int {
    windows
      * (2 * config.tokens * (config.targetChannels + config.conditionChannels)
        + 4 * config.frames * Config.actionChannels)
  }

  /// Renders one window for each seed of `firstSeed ..< firstSeed + count` into `directory`.
  ///
  /// Files are written under temporary names and renamed at the end, so an interrupted export leaves
  /// no complete-looking file.
  public static func write(
    firstSeed: Int, count: Int, to directory: String, config: Config = Config(), progress: (Int) -> Void
  ) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let shapes = [
      (fileNames[0], "<f2", [count, config.tokens, config.targetChannels]),
      (fileNames[1], "<f2", [count, config.tokens, config.conditionChannels]),
      (fileNames[2], "<f4", [count, config.frames, Config.actionChannels]),
    ]
    let files = try shapes.map { name, type, shape in
      try NumPyFile(path: directory + "/" + name, type: type, shape: shape)
    }
    let batch = 64
    for start in stride(from: 0, to: count, by: batch) {
      let seeds = (start..<min(start + batch, count)).map { firstSeed + $0 }
      for sample in concurrently(seeds, { encode(seed: $0, config) }) {
        for (file, bytes) in zip(files, sample) { try file.append(bytes) }
      }
      progress(min(start + batch, count))
    }
    for file in files { try file.finish() }
  }

  private static func encode(seed: Int, _ config: Config) -> [Data] {
    let start = Config.contextFrames
    let walk = Walk(seed: seed, frameCount: start + config.frames, config: config)
    let window = walk.window(from: start, config)
    return [
      halves(walk.target(from: start, config)), halves(window.condition(config)),
      window.actionTensor.values.withUnsafeBytes { Data($0) },
    ]
  }

  private static func halves(_ tensor: Tensor) -> Data {
    tensor.values.map { Float16($0) }.withUnsafeBytes { Data($0) }
  }

  // Results come back by position, whatever order the workers finish in.
  private static func concurrently<Input: Sendable, Output: Sendable>(
    _ inputs: [Input], _ body: @Sendable (Input) -> Output
  ) -> [Output] {
    let results = LockedArray<Output?>([Output?](repeating: nil, count: inputs.count))
    DispatchQueue.concurrentPerform(iterations: inputs.count) { index in
      results.set(index, body(inputs[index]))
    }
    return results.values.map { $0! }
  }
}
