import Foundation
import Testing

/// Runs the tool that was built beside the tests.
struct Tool {
  var output: String
  var errors: String
  var status: Int32

  /// The repository, from where every command is run.
  static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appending(path: "wctrace")

  init(_ arguments: String...) throws { try self.init(arguments) }

  init(_ arguments: [String], _ executable: URL = Tool.executable) throws {
    // Through files, so that no amount of output can fill a pipe.
    let folder = FileManager.default.temporaryDirectory.appending(path: "wctrace-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = ["out", "err"].map { folder.appending(path: $0) }
    for file in files { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = Tool.repository
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    // A fixed width, so that help screens wrap the same way everywhere.
    process.environment = ProcessInfo.processInfo.environment.merging(["COLUMNS": "100"]) { $1 }
    try process.run()
    process.waitUntilExit()
    output = try String(contentsOf: files[0], encoding: .utf8)
    errors = try String(contentsOf: files[1], encoding: .utf8)
    status = process.terminationStatus
  }

  /// What it printed, as JSON whose keys are in snake case.
  func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(output.utf8))
  }

  /// A recorder that is at work and has acknowledged so many calls; `errors` takes what it says.
  static func recording(
    _ arguments: [String], acknowledged count: Int, errors: FileHandle = .nullDevice
  ) throws -> Process {
    var recorder = try RecorderProcess(arguments, errors: errors)
    recorder.wait(acknowledging: count)
    try #require(recorder.acknowledgedCount >= count, "the recorder ended early")
    return recorder.process
  }
}

/// Compares a text with the file of that name in Golden/.
///
/// With RECORD_GOLDEN set the file is written instead and the test fails, so that a recording is never
/// mistaken for a pass.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden").appending(
    path: name)
  if ProcessInfo.processInfo.environment["RECORD_GOLDEN"] != nil {
    try text.write(to: file, atomically: true, encoding: .utf8)
    Issue.record("recorded \(name); run again without RECORD_GOLDEN", sourceLocation: sourceLocation)
    return
  }
  let expected = try String(contentsOf: file, encoding: .utf8)
  let (got, wanted) = (
    text.split(separator: "\n", omittingEmptySubsequences: false),
    expected.split(separator: "\n", omittingEmptySubsequences: false)
  )
  let line =
    zip(got, wanted).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    ?? min(got.count, wanted.count)
  #expect(
    text == expected,
    """
    \(name) differs first at line \(line + 1):
      expected \(line < wanted.count ? String(wanted[line]) : "(nothing)")
      got      \(line < got.count ? String(got[line]) : "(nothing)")
    """, sourceLocation: sourceLocation)
}
