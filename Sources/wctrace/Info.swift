import ArgumentParser
import Trace
import WorldCache

/// `wctrace info`: what traces hold.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what traces hold.",
    discussion: """
      Of one trace, its header and each tap; as CSV, one row per tap with the header's facts in front. Of several, or \
      of a folder, one row per trace.
      """)

  @Argument(help: "Recorded traces (.h5), and folders of traces.")
  var traces: [String]

  @OptionGroup var output: FormatOption

  mutating func run() throws {
    let set = try TraceSet(traces)
    for journal in set.journals {
      Terminal.remark("\(journal): left out, the recording is running or was interrupted")
    }
    guard traces.count == 1, set.traces == traces else {
      var table = Table(columns: TraceReport.setColumns)
      for path in set.traces { table.append(try TraceReport.setRow(TraceReader(path: path))) }
      return try Terminal.show(table.formatted(output.format))
    }
    let reader = try TraceReader(path: traces[0])
    let taps = try TraceReport.taps(reader)
    switch output.format {
    case .json:
      try Terminal.show(TraceReport.json(reader, taps).text)
    case .csv:
      try Terminal.show(TraceReport.flat(reader, taps).formatted(.csv))
    case .table, .markdown:
      try Terminal.show(TraceReport.header(reader).formatted(output.format))
      try Terminal.show("")
      try Terminal.show(taps.formatted(output.format))
    }
  }
}
