import Foundation
import TestSupport
import Testing
import Trace

/// Other commands beside a recorder that is at work, held still after two calls.
@Suite(.serialized) struct WhileRecordingTests {
  @Test("a second recorder, recover and readers are refused, and the recording ends as if alone")
  func others() throws {
    try withTemporaryDirectory { directory in
      let path = directory.path + "/x.h5"
      let arguments = [
        "record", "-o", path, "--steps", "8", "--taps", "latent,output", "--threads", "1",
      ]
      let process = try Tool.recording(arguments, acknowledged: 2)
      let pipe = process.standardOutput as! Pipe
      kill(process.processIdentifier, SIGSTOP)
      defer { kill(process.processIdentifier, SIGCONT) }
      for (command, words) in [
        (arguments, "another recording is being written to this journal"),
        (arguments + ["--force"], "another recording is being written to this journal"),
        (arguments + ["--resume"], "the recording is still being written"),
        (["recover", path + ".wcj"], "the recording is still being written"),
        (["info", path], "the recording is running or was interrupted"),
        (["verify", path], "the recording is running or was interrupted"),
        (["replay", path], "the recording is running or was interrupted"),
        (["info", path + ".wcj"], "the recording is running or was interrupted"),
        (["merge", directory.path, "-o", directory.path + "/set"], "this recording is running"),
      ] {
        let run = try Tool(command)
        #expect(run.status == 1, "\(command): \(run.output)\(run.errors)")
        #expect(run.errors.contains(words), "\(command): \(run.errors)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["x.h5.wcj"])
      kill(process.processIdentifier, SIGCONT)
      _ = try pipe.fileHandleForReading.readToEnd()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      let reader = try TraceReader(path: path)
      #expect(reader.calls.count == 8)
      _ = try TraceVerification(of: reader)
    }
  }
}
