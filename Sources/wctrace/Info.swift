import ArgumentParser
import Trace
import WorldCache

/// `wctrace info`: what a trace holds.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show what a trace holds.")

  @Argument(help: "A recorded trace (.h5).")
  var trace: String

  @OptionGroup var output: FormatOption

  mutating func run() throws {
    let reader = try TraceReader(path: trace)
    let taps = try TraceReport.taps(reader)
    switch output.format {
    case .json:
      print(TraceReport.json(reader, taps).text)
    case .csv:
      print(taps.formatted(.csv))
    case .table, .markdown:
      print(TraceReport.header(reader).formatted(output.format))
      print("")
      print(taps.formatted(output.format))
    }
  }
}
