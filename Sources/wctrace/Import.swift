import ArgumentParser
import Trace
import WorldCache

/// `wctrace import`: a trace from arrays that other programs saved.
struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a trace of .npy, .npz or .safetensors arrays.",
    discussion: """
      Each tap is an array of (calls, tokens, channels). A JSON file names the arrays and describes the calls, the \
      layouts and the model; docs/import.md specifies it.
      """)

  @Argument(help: "The JSON file.")
  var metadata: String

  @Option(name: .shortAndLong, help: "The trace to write (.h5).")
  var output: String

  @Flag(help: "Replace the output, or the journal of an unfinished recording, if there is one.")
  var force = false

  @Flag(help: "Start even when the disk might not have enough space.")
  var noSpaceCheck = false

  @Flag(help: "Take over values that are NaN or infinite, which are refused otherwise; replay refuses them.")
  var allowNonFinite = false

  mutating func run() throws {
    var bar: wctrace.Progress?
    let count = try TraceImport.write(
      metadata, to: output, recorder: "wctrace \(Wctrace.version) import", overwrite: force,
      checksSpace: !noSpaceCheck, allowsNonFinite: allowNonFinite,
      announce: { estimate in
        let raw = Table.decimal(Double(estimate.rawByteCount) / 1e6, 1)
        Terminal.remark("importing up to \(raw) MB on disk")
      },
      progress: { done, total in
        bar = bar ?? wctrace.Progress(total: total, unit: "calls")
        bar?.update(done)
      })
    try Terminal.show("\(output): \(count) calls")
  }
}
