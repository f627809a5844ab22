import ArgumentParser
import Foundation
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

  mutating func validate() throws {
    guard count > 0 else { throw ValidationError("--count is \(count); it must be at least 1") }
  }

  mutating func run() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let total = count
    try WindowExport.write(firstSeed: firstSeed, count: count, to: output) { done in
      let seconds = Double((clock.now - start) / .seconds(1))
      FileHandle.standardError.write(
        Data("\r\(done) of \(total) windows, \(Int(Double(done) / seconds)) a second ".utf8))
    }
    FileHandle.standardError.write(Data("\n".utf8))
  }
}
