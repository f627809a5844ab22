public import ArgumentParser
import Foundation
import WorldCache

extension TableFormat: ExpressibleByArgument {}

/// `--format`, as every command that prints results has it.
struct FormatOption: ParsableArguments {
  @Option(help: "How results are printed: \(TableFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var format = TableFormat.table
}

/// Progress and remarks on standard error, results on standard output.
enum Terminal {
  static func remark(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }
}

/// A progress line with rate and time left; silent unless standard error is a terminal.
struct Progress {
  private let total: Int
  private let unit: String
  private let start = ContinuousClock.now
  private let isShown = isatty(STDERR_FILENO) == 1

  init(total: Int, unit: String) {
    self.total = total
    self.unit = unit
  }

  func update(_ done: Int) {
    guard isShown, done > 0 else { return }
    let seconds = start.duration(to: .now) / .seconds(1)
    let left = Int((seconds / Double(done) * Double(total - done)).rounded(.up))
    let rate = Table.decimal(Double(done) / seconds, 1)
    let line = "\r\(done) of \(total) \(unit), \(rate) a second, \(left) s left   "
    FileHandle.standardError.write(Data((done == total ? line + "\n" : line).utf8))
  }
}
