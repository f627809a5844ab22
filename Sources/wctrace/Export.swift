import ArgumentParser
import Trace
import WorldCache

/// `wctrace export`: features as NumPy files.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write features to NumPy files of (calls, tokens, channels).",
    discussion: """
      With --tap, one tap to one file. Without it, everything to a new folder: a file for each tap, the final \
      latents, and a meta.json of which 'wctrace import' makes the trace again. Calls at which a tap is absent are NaN.
      """)

  @Argument(help: "A recorded trace (.h5).")
  var trace: String

  @Option(help: "The tap, such as output or hidden.0; all when left out.")
  var tap: String?

  @Option(name: .shortAndLong, help: "The file (.npy) of one tap, or the folder for everything.")
  var output: String

  @Flag(help: "Replace the file of one tap if it exists.")
  var force = false

  @Flag(help: "Start even when the disk might not have enough space.")
  var noSpaceCheck = false

  mutating func run() throws {
    let reader = try TraceReader(path: trace)
    guard let name = tap else { return try exportAll(reader) }
    guard let tap = Tap(name: name) else {
      let names = reader.taps.map(\.name).joined(separator: ", ")
      throw Terminal.usage("there is no tap '\(name)'; the trace has \(names)")
    }
    let absent = try TapExport.write(tap, of: reader, to: output, overwrite: force)
    if absent > 0 { Terminal.remark("\(tap) is absent at \(absent) calls, which are NaN") }
    let layout = try reader.layout(of: tap)
    try Terminal.show("\(output): \(reader.calls.count) x \(layout.tokens.count) x \(layout.channelCount)")
  }

  private func exportAll(_ reader: TraceReader) throws {
    guard !force else {
      throw Terminal.usage("--force goes with --tap; a whole trace needs a new folder")
    }
    let folder = output.hasSuffix("/") ? String(output.dropLast()) : output
    try Terminal.checkParent(of: folder)
    let byteCount = try TraceExport.byteCount(of: reader)
    Terminal.remark("exporting \(Table.decimal(Double(byteCount) / 1e6, 1)) MB")
    if !noSpaceCheck { try RecordingEstimate.requireSpace(byteCount, at: folder) }
    let progress = Progress(total: reader.taps.count, unit: "taps")
    try TraceExport.write(reader, to: folder, progress: progress.update)
    try Terminal.show("\(folder): \(reader.calls.count) calls at \(reader.taps.count) taps")
  }
}
