import Foundation

/// A Python program of `Benchmarks/python` that stays up and times itself: a line in, a line back.
final class PythonPeer {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  /// Runs the script with NumPy's own choice of kernels, whatever the environment says.
  init(python: String, script: String, _ arguments: String...) throws {
    guard FileManager.default.isExecutableFile(atPath: python) else {
      throw CocoaError(.executableNotLoadable, userInfo: [NSFilePathErrorKey: "\(python): run 'make python'"])
    }
    process.executableURL = URL(filePath: python)
    process.arguments = [script] + arguments
    var environment = ProcessInfo.processInfo.environment
    for name in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"] { environment[name] = nil }
    process.environment = environment
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  /// Sends a command and returns the answer without its line end.
  func ask(_ command: String) throws -> String {
    try input.fileHandleForWriting.write(contentsOf: Data("\(command)\n".utf8))
    var line = Data()
    while line.last != UInt8(ascii: "\n") {
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw CocoaError(.fileReadUnknown) }
      line += more
    }
    return String(decoding: line.dropLast(), as: UTF8.self)
  }

  func seconds(_ command: String) throws -> Double {
    guard let seconds = Double(try ask(command)) else { throw CocoaError(.fileReadCorruptFile) }
    return seconds
  }

  /// Seconds by the clock and of the processor.
  func times(_ command: String) throws -> (seconds: Double, processorSeconds: Double) {
    let numbers = try ask(command).split(separator: " ").compactMap { Double($0) }
    guard numbers.count == 2 else { throw CocoaError(.fileReadCorruptFile) }
    return (numbers[0], numbers[1])
  }

  func end() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
