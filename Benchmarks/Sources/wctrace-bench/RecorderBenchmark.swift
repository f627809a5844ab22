import ArgumentParser
import Foundation
import Trace
import WorldModel

/// What recording costs: per megabyte at each durability, and as a share of the bundled model's rollout.
struct RecorderBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recorder", abstract: "The recorder's cost at each durability, and beside the bundled model."
  )

  @Option(help: "Repetitions; the contenders take turns within each.")
  var repetitions = 5

  @Option(help: "Where the files go; they take about 300 MB. A disk, for the waits to mean something.")
  var folder = FileManager.default.temporaryDirectory.path

  @Option(help: "Threads of the matrix library in the rollout (default: all cores).")
  var threads: Int?

  private static let defaultTaps: [Tap] = [
    .latent, .timestep, .hidden(0), .modulated, .block(1), .hidden(6), .output,
  ]

  func run() throws {
    let folder = folder + "/wctrace-bench-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try measureDurabilities(folder + "/x.h5")
    try measureRollout(folder + "/rollout.h5")
  }

  private func measureDurabilities(_ path: String) throws {
    let (calls, rows, channels) = (20, 1024, 1024)
    let features = SampleFeatures(rowCount: rows, channelCount: channels)
    let tensors = (0..<calls).map { features.tensor(step: $0, isHalf: true) }
    let megabytes = Double(calls * rows * channels * 2) / 1e6
    print("\(calls) calls of \(rows) x \(channels) float16, \(text(megabytes, 0)) MB; files in \(path)")
    var append = Durability.allCases.map { Series("\($0)") }
    var finish = append
    for _ in 0..<repetitions {
      for (place, durability) in Durability.allCases.enumerated() {
        // A new file: replacing one costs a file system extra.
        try? FileManager.default.removeItem(atPath: path)
        let writer = try features.writer(path, callCount: calls, dtype: .float16, durability: durability)
        try append[place].measure {
          for (step, tensor) in tensors.enumerated() {
            try writer.append(SampleFeatures.call(step), features: [.hidden(0): tensor])
          }
        }
        try finish[place].measure { try writer.finish() }
      }
    }
    print("milliseconds per recorded MB:")
    for (append, finish) in zip(append, finish) {
      print(
        "  durability \(padded(append.name, 8)) append \(text(append.median * 1e3 / megabytes, 3)), "
          + "finish \(text(finish.median * 1e3 / megabytes, 3))")
    }
  }

  private func measureRollout(_ path: String) throws {
    BLAS.threadCount = threads ?? ProcessInfo.processInfo.activeProcessorCount
    let weights = try Weights.bundled()
    let config = weights.config
    let rollout = Rollout(
      weights: weights, stepCount: 50, shift: 3, guidance: 1, chunkCount: 1, sceneSeed: 1_000_000,
      noiseSeed: 0)
    let layouts = [config.outputLayout, config.hiddenLayout, config.vectorLayout]
    let taps = Dictionary(
      uniqueKeysWithValues: Self.defaultTaps.map { tap in
        switch tap {
        case .latent, .output, .guided: (tap, config.outputLayout.name)
        case .timestep: (tap, config.vectorLayout.name)
        case .hidden, .modulated, .block: (tap, config.hiddenLayout.name)
        }
      })
    var plain = Series("plain rollout")
    var recorded = Series("recorded rollout")
    _ = try rollout.run()
    for _ in 0..<repetitions {
      try? FileManager.default.removeItem(atPath: path)
      _ = try plain.measure { try rollout.run() }
      try recorded.measure {
        let writer = try TraceWriter(
          path: path, header: rollout.header(recorder: "wctrace-bench"), layouts: layouts, taps: taps,
          callCount: rollout.calls.count, durability: .rollout, overwrite: true)
        var recorder = Recorder(sink: writer)
        for chunk in try rollout.run(hook: &recorder) {
          try writer.setFinal(chunk: chunk.index, config.outputRows(chunk.latent))
        }
        try writer.finish()
      }
    }
    let reader = try TraceReader(path: path)
    let byteCount = try reader.taps.reduce(0) { try $0 + reader.byteCounts(of: $1).raw }
    print("\nbundled model, 50 steps, default taps, \(byteCount / 1_000_000) MB float32, durability rollout:")
    print("  BLAS kernel \(BLAS.core), threads \(BLAS.threadCount)")
    // Each pair ran back to back, so that a busy neighbour slows both.
    var share = Series("")
    share.seconds = zip(plain.seconds, recorded.seconds).map { $1 / $0 - 1 }
    print("  plain \(text(plain.median, 3)) s, recorded and finished \(text(recorded.median, 3)) s")
    let percent = share.median * 100
    if let plain = plain.seconds.min(), let recorded = recorded.seconds.min() {
      print("  the fastest of each differ by \(text((recorded / plain - 1) * 100, 1)) %")
    }
    print(
      "  recording costs \(text(percent, 1)) % of the rollout (\(text((share.seconds.min() ?? 0) * 100, 1)) to "
        + "\(text((share.seconds.max() ?? 0) * 100, 1))), bar 5: \(percent <= 5 ? "met" : "missed")")
  }
}
