import ArgumentParser
import Foundation
import Trace
import WorldCache

/// `wctrace verify`: whether traces are sound to the last byte.
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Read all of a trace, or of several, and name the first bad place.",
    discussion: """
      Every block is checked against its checksums and everything together against the digest that the recorder \
      stored. The digest identifies the contents: two traces with the same one say the same, however they are \
      stored. The check runs in a process of its own with limits on memory and time, so that a file made to \
      break the HDF5 library is reported as damaged too. Of several traces, or of a folder, each has a row. Exit \
      codes: 0 all sound, 1 damaged or no trace.
      """)

  @Argument(help: "Recorded traces (.h5), and folders of traces.")
  var traces: [String]

  @OptionGroup var output: FormatOption

  /// Check in this process, which takes limits upon itself and may die of the file.
  @Flag(help: .hidden)
  var guarded = false

  mutating func run() throws {
    guard !guarded else { return try check(traces[0]) }
    let set = try TraceSet(traces)
    for journal in set.journals {
      Terminal.remark("\(journal): left out, the recording is running or was interrupted")
    }
    if traces.count == 1, set.traces == traces {
      let (status, table) = try GuardedRun.run(arguments(output.format, traces[0]), over: traces[0])
      guard status == 0 else { throw ExitCode(status) }
      return try Terminal.show(String(table.dropLast()))
    }
    guard !set.traces.isEmpty else {
      throw TraceError(.missing, path: traces[0], "there are only recordings that are not finished")
    }
    try checkAll(set.traces)
  }

  private func arguments(_ format: TableFormat, _ trace: String) -> [String] {
    ["verify", "--guarded", "--format", format.rawValue, "--", trace]
  }

  private func checkAll(_ paths: [String]) throws {
    let columns = TraceReport.verificationColumns
    var table = Table(
      columns: [.init("trace", key: "trace"), .init("outcome", key: "outcome")] + columns)
    var damagedCount = 0
    let progress = Progress(total: paths.count, unit: "traces")
    for (place, path) in paths.enumerated() {
      var cells = [Table.Cell](repeating: .none, count: columns.count)
      do {
        let (status, text) = try GuardedRun.run(arguments(.csv, path), over: path)
        let lines = text.split(separator: "\n")
        if status == 0, lines.count == 2 {
          let parts = lines[1].split(separator: ",")
          cells = parts.dropLast().map { .parsed($0) } + [.text(String(parts[parts.count - 1]))]
        }
      } catch let error as TraceError {
        Terminal.remark("Error: \(error)")
      }
      let isSound = cells.contains { if case .none = $0 { false } else { true } }
      if !isSound { damagedCount += 1 }
      table.append([.text(path), .text(isSound ? "sound" : "damaged")] + cells)
      progress.update(place + 1)
    }
    try Terminal.show(table.formatted(output.format))
    guard damagedCount == 0 else { throw ExitCode(1) }
  }

  private func check(_ trace: String) throws {
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

extension Table.Cell {
  /// A number that another process of this tool printed.
  fileprivate static func parsed(_ text: Substring) -> Table.Cell {
    Int(text).map { .integer($0) } ?? Double(text).map { .number($0, decimals: 2) } ?? .none
  }
}
