import ArgumentParser
import Foundation
import Trace
import WorldCache
import WorldModel

/// `wctrace scenes`: renders training data for the bundled model.
struct Scenes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Render windows of procedural scenes as training data (NumPy files).",
    discussion: "Window i shows the scene with seed FIRST-SEED + i. Seeds from 1000000 on are held out.")

  @Option(help: "Directory for target.npy, cond.npy and action.npy.")
  var output: String

  @Option(help: "Seed of the first window.")
  var firstSeed = 0

  @Option(help: "Number of windows.")
  var count = 16_000

  @Flag(help: "Replace files that exist.")
  var force = false

  mutating func validate() throws {
    for (name, value, range) in [
      ("--count", count, 1...10_000_000), ("--first-seed", firstSeed, 0...1_000_000_000),
    ] where !range.contains(value) {
      throw ValidationError(
        "\(name) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)")
    }
  }

  mutating func run() throws {
    let files = WindowExport.fileNames.map { output + "/" + $0 }
    if !force, let file = files.first(where: FileManager.default.fileExists) {
      throw TraceError(.exists, path: file, "the file exists; pass --force to replace it")
    }
    let megabytes = Double(WindowExport.byteCount(of: count)) / 1e6
    Terminal.remark("rendering \(count) windows: \(Table.decimal(megabytes, 0)) MB on disk")
    let progress = Progress(total: count, unit: "windows")
    try Terminal.writing(output) {
      try WindowExport.write(firstSeed: firstSeed, count: count, to: output, progress: progress.update)
    }
  }
}
