import ArgumentParser
import Trace

/// `wctrace export`: one tap as a NumPy file.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a tap's features to a NumPy file of (calls, tokens, channels).",
    discussion: "Calls at which the tap is absent are NaN.")

  @Argument(help: "A recorded trace (.h5).")
  var trace: String

  @Option(help: "The tap, such as output or hidden.0.")
  var tap: String

  @Option(name: .shortAndLong, help: "The file to write (.npy).")
  var output: String

  @Flag(help: "Replace the output if it exists.")
  var force = false

  mutating func run() throws {
    let reader = try TraceReader(path: trace)
    guard let tap = Tap(name: tap) else {
      let names = reader.taps.map(\.name).joined(separator: ", ")
      throw Terminal.usage("there is no tap '\(tap)'; the trace has \(names)")
    }
    let absent = try TapExport.write(tap, of: reader, to: output, overwrite: force)
    if absent > 0 { Terminal.remark("\(tap) is absent at \(absent) calls, which are NaN") }
    let layout = try reader.layout(of: tap)
    try Terminal.show("\(output): \(reader.calls.count) x \(layout.tokens.count) x \(layout.channelCount)")
  }
}
