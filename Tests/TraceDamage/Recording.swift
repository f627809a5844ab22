import ArgumentParser
import Foundation
import TestSupport
import Trace

/// Records the sample, or tensors of several blocks, and says after each call that it was recorded; the process that faults happen to.
struct Recording: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "recording", shouldDisplay: false)

  @Argument var path: String
  @Argument var durability: String
  @Flag var large = false

  func run() throws {
    guard let durability = Durability(rawValue: durability) else {
      throw ValidationError("no such durability")
    }
    let writer = try Self.record(isLarge: large, to: path, durability) { _ in
      FileHandle.standardOutput.write(Data("recorded\n".utf8))
    }
    try writer.finish()
    FileHandle.standardOutput.write(Data("finished\n".utf8))
  }

  /// Records up to, not including, `finish()`; `afterWrite` is called whenever something is safe.
  static func record(
    isLarge: Bool, to path: String, _ durability: Durability, afterWrite: (TraceWriter) throws -> Void
  ) throws -> TraceWriter {
    isLarge
      ? try Bases.recordGrid(to: path, durability: durability, afterWrite: afterWrite)
      : try SampleTrace.record(to: path, durability: durability, afterWrite: afterWrite)
  }
}
