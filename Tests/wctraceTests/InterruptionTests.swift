import Foundation
import TestSupport
import Testing
import Trace

/// A recording that is told to end.
@Suite struct InterruptionTests {
  @Test(
    "says what is kept and how to go on, and dies of the signal; a recovered trace is not mistaken for a whole one"
  )
  func interrupted() throws {
    try withTemporaryDirectory { folder in
      let set = folder.path + "/set"
      let arguments = [
        "record", "-o", set, "--scenes", "7..8", "--steps", "6", "--taps", "output", "--threads", "1",
      ]
      let errors = folder.appending(path: "errors")
      _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
      // After 7 of 12 calls: one trace is finished, of the other there is one call.
      let process = try Tool.recording(
        arguments, acknowledged: 7, errors: FileHandle(forWritingTo: errors))
      // As Ctrl-C does, which a test may have been told to ignore.
      kill(process.processIdentifier, SIGTERM)
      process.waitUntilExit()
      #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGTERM)
      let trace = set + "/scene-8-noise-0.h5"
      let told = try String(contentsOf: errors, encoding: .utf8)
      // The recorder goes on until it dies: what it tells of is there, and more may be.
      let start = "interrupted: 1 of 2 traces are finished, and \(trace).wcj holds "
      let count = try #require(
        told.range(of: start).flatMap { Int(String(told[$0.upperBound])) }, "\(told)")
      #expect(told.contains("\(start)\(count) of 6 calls"), "\(told)")
      #expect(told.contains("the same command with --resume goes on, and 'wctrace recover \(trace).wcj'"))

      #expect(try Tool("recover", trace + ".wcj").status == 3)
      let recovered = try TraceReader(path: trace).calls.count
      #expect((count..<6).contains(recovered))
      let refused = try Tool(arguments + ["--resume"])
      #expect(refused.status == 1)
      #expect(
        refused.errors.contains("\(trace): the trace has \(recovered) of 6 calls")
          && refused.errors.contains("--force"),
        "\(refused.errors)")
      try FileManager.default.removeItem(atPath: trace)
      #expect(try Tool(arguments + ["--resume"]).status == 0)
      #expect(try TraceReader(path: trace).calls.count == 6)
    }
  }
}
