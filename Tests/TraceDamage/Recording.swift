import ArgumentParser
import Foundation
import TestSupport
import Trace

/// Records the sample and says after each call that it was recorded; the process that faults happen to.
struct Recording: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "recording", shouldDisplay: false)

  @Argument var path: String
  @Argument var durability: String

  func run() throws {
    guard let durability = Durability(rawValue: durability) else {
      throw ValidationError("no such durability")
    }
    let writer = try SampleTrace.record(to: path, durability: durability) { _ in
      FileHandle.standardOutput.write(Data("recorded\n".utf8))
    }
    try writer.finish()
    FileHandle.standardOutput.write(Data("finished\n".utf8))
  }
}
