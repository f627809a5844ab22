import ArgumentParser
import Trace
import WorldCache

/// `wctrace info`: what traces hold.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what traces hold.",
    discussion: """
      Of one trace, its header and each tap; as CSV, one row per tap with the header's facts in front. Of several, or \
      of a folder, one row per trace; what cannot be read is named on standard error. Exit codes: 0 done, 1 some or all \
      cannot be read.
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
      var badCount = 0
      for path in set.traces {
        do {
          table.append(try TraceReport.setRow(TraceReader(path: path)))
        } catch {
          Terminal.remark("Error: \(error)")
          badCount += 1
        }
      }
      if !table.rows.isEmpty || badCount == 0 { try Terminal.show(table.formatted(output.format)) }
      if badCount > 0 { throw ExitCode(1) }
      return
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
