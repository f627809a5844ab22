import Foundation
import Testing

/// A recorder at work in a process of its own, and what it has acknowledged.
struct RecorderProcess {
  let process = Process()
  private let output = Pipe()
  private var text = Data()

  /// Starts it; `errors` takes what it says.
  init(
    _ arguments: [String], _ executable: URL = Tool.executable, errors: FileHandle = .nullDevice
  ) throws {
    process.executableURL = executable
    process.arguments = arguments + ["--acknowledge"]
    process.currentDirectoryURL = Tool.repository
    process.standardInput = FileHandle.nullDevice
    process.standardError = errors
    process.standardOutput = output
    try process.run()
  }

  /// Calls acknowledged so far. Only whole lines count; the last line, of a finished recording, is no number.
  var acknowledgedCount: Int {
    text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
      .compactMap { Int(String(decoding: $0, as: UTF8.self)) }.last ?? 0
  }

  /// Waits until so many calls are acknowledged, or it ends.
  mutating func wait(acknowledging count: Int) {
    while acknowledgedCount < count {
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { break }
      text += more
    }
  }

  /// Waits for its end, and takes in what it acknowledged until then.
  mutating func waitUntilExit() throws {
    process.waitUntilExit()
    text += try output.fileHandleForReading.readToEnd() ?? Data()
  }
}
