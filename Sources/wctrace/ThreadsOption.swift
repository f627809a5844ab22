import ArgumentParser
import Foundation
import WorldModel

/// `--threads`, as every command that runs the model has it.
struct ThreadsOption: ParsableArguments {
  @Option(
    help: "Threads of the matrix library; features differ in their last bits with it (default: all cores).")
  var threads: Int?

  mutating func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); it must be from 1 to 1024")
    }
  }

  func apply() { BLAS.threadCount = threads ?? ProcessInfo.processInfo.activeProcessorCount }
}
