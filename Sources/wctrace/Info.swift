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
      try Terminal.show(TraceReport.json(reader, taps).text)
    case .csv:
      try Terminal.show(taps.formatted(.csv))
    case .table, .markdown:
      try Terminal.show(TraceReport.header(reader).formatted(output.format))
      try Terminal.show("")
      try Terminal.show(taps.formatted(output.format))
    }
  }
}
