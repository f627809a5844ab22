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
        "record", "-o", set, "--scenes", "7..8", "--steps", "3", "--taps", "output", "--threads", "1",
      ]
      let errors = folder.appending(path: "errors")
      _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
      // After 4 of 6 calls: one trace is finished, of the other there is one call.
      let process = try Tool.recording(
        arguments, acknowledged: 4, errors: FileHandle(forWritingTo: errors))
      // As Ctrl-C does, which a test may have been told to ignore.
      kill(process.processIdentifier, SIGTERM)
      process.waitUntilExit()
      #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGTERM)
      let trace = set + "/scene-8-noise-0.h5"
      let told = try String(contentsOf: errors, encoding: .utf8)
      #expect(
        told.contains("interrupted: 1 of 2 traces are finished, and \(trace).wcj holds 1 of 3 calls"),
        "\(told)")
      #expect(told.contains("the same command with --resume goes on, and 'wctrace recover \(trace).wcj'"))

      #expect(try Tool("recover", trace + ".wcj").status == 3)
      let refused = try Tool(arguments + ["--resume"])
      #expect(refused.status == 1)
      #expect(
        refused.errors.contains("\(trace): the trace has 1 of 3 calls") && refused.errors.contains("--force"),
        "\(refused.errors)")
      try FileManager.default.removeItem(atPath: trace)
      #expect(try Tool(arguments + ["--resume"]).status == 0)
      #expect(try TraceReader(path: trace).calls.count == 3)
    }
  }
}
