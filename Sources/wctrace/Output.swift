public import ArgumentParser
import Foundation
import Trace
import WorldCache

extension TableFormat: ExpressibleByArgument {}
extension ReplayRow.Slicing: ExpressibleByArgument {}
extension Calibration.Method: ExpressibleByArgument {}
extension TeaCacheCalibration.Signal: ExpressibleByArgument {}
extension TeaCacheCalibration.Target: ExpressibleByArgument {}

/// `--format`, as every command that prints results has it.
struct FormatOption: ParsableArguments {
  @Option(help: "How results are printed: \(TableFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var format = TableFormat.table
}

/// Progress and remarks on standard error, results on standard output.
enum Terminal {
  /// Prints a result; throws when it cannot be written, so that a lost result is no success.
  static func show(_ text: String) throws {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    } catch {
      throw TraceError(.inputOutput, path: "standard output", "the result cannot be written")
    }
  }

  /// Wrong usage that shows only once the trace or the model is known: says so, for exit code 64.
  static func usage(_ message: String) -> ExitCode {
    remark("Error: " + message)
    return ExitCode.validationFailure
  }

  /// Runs something that writes a file; any failure names the file.
  static func writing(_ path: String, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as TraceError {
      throw error
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be written")
    }
  }

  /// Throws unless a file of this name could be put into its folder.
  static func checkFolder(of path: String) throws {
    try checkParent(of: path)
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    if attributes?[.type] as? FileAttributeType == .typeDirectory {
      throw TraceError(.inputOutput, path: path, "this is a folder; name a file")
    }
  }

  /// Throws unless a file of this name could be put into its folder and either is new or may be replaced (`force`);
  /// `remedy` says what replaces it.
  static func checkTarget(
    _ path: String, force: Bool, remedy: String = "pass --force to replace it"
  ) throws {
    try checkFolder(of: path)
    guard force || !FileManager.default.fileExists(atPath: path) else {
      throw TraceError(.exists, path: path, "the file exists; \(remedy)")
    }
  }

  /// Throws unless something of this name could be made where it is to be.
  static func checkParent(of path: String) throws {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw TraceError(
        .inputOutput, path: path, "the folder \(folder) does not exist or cannot be written to")
    }
  }

  static func remark(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
  }

  /// Says where policies ran on numbers that were made for other recordings.
  static func tell(_ elsewhere: ElsewhereRemarks) { elsewhere.sentences.forEach(remark) }
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
