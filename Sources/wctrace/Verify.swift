import ArgumentParser
import Foundation
import Trace
import WorldCache

/// `wctrace verify`: whether a trace is sound to the last byte.
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Read all of a trace and name the first bad place.",
    discussion: """
      Every block is checked against its checksums and everything together against the digest that the recorder \
      stored. The digest identifies the contents: two traces with the same one say the same, however they are \
      stored. The check runs in a process of its own with limits on memory and time, so that a file made to \
      break the HDF5 library is reported as damaged too. Exit codes: 0 sound, 1 damaged or no trace.
      """)

  @Argument(help: "A recorded trace (.h5).")
  var trace: String

  @OptionGroup var output: FormatOption

  /// Check in this process, which takes limits upon itself and may die of the file.
  @Flag(help: .hidden)
  var guarded = false

  mutating func run() throws {
    guard guarded else {
      let arguments = ["verify", "--guarded", "--format", output.format.rawValue, "--", trace]
      let status = try GuardedRun.run(arguments, over: trace)
      guard status == 0 else { throw ExitCode(status) }
      return
    }
    let size = try? FileManager.default.attributesOfItem(atPath: trace)[.size] as? Int
    GuardedRun.limitThisProcess(byteCount: (size ?? nil) ?? 0)
    let reader = try TraceReader(path: trace)
    let progress = Progress(total: reader.calls.count, unit: "calls")
    let verification = try TraceVerification(of: reader, progress: progress.update)
    try Terminal.show(TraceReport.verification(verification, reader).formatted(output.format))
    if reader.digest == nil {
      Terminal.remark("\(trace): the recorder stored no digest to compare with; every checksum is right")
    }
  }
}
