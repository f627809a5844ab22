import Foundation
import TestSupport
import Testing
import Trace

@Suite struct BadInputTests {
  @Test func missingFile() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("none.h5").path
      let error = expectTraceError(.missing) { try TraceReader(path: path) }
      #expect(error?.description == "\(path): there is no such file")
    }
  }

  @Test func missingFileBesideItsUnfinishedRecording() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("cut.h5").path
      try SampleTrace.record(to: path).abandon()
      // By the trace's name and by the journal's.
      for name in [path, path + ".wcj"] {
        let error = expectTraceError(.unfinished) { try TraceReader(path: name) }
        #expect(
          error?.message == """
            the recording is running or was interrupted; once it has ended, 'wctrace recover \(path).wcj' makes a \
            trace of its calls
            """)
      }
    }
  }

  @Test func folder() throws {
    try withTemporaryDirectory { folder in
      let error = expectTraceError(.notATrace) { try TraceReader(path: folder.path) }
      #expect(error?.message == "this is a folder, not a trace")
    }
  }

  // Contents, and what the reader says to them.
  @Test(arguments: [
    ("", "the file is empty"), ("a trace, believe me", "this is not an HDF5 file, so no trace"),
    ("\u{89}HDF", "this is not an HDF5 file, so no trace"),
  ])
  func notHDF5(contents: String, message: String) throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      try Data(contents.unicodeScalars.map { UInt8($0.value) }).write(to: URL(fileURLWithPath: path))
      let error = expectTraceError(.notATrace) { try TraceReader(path: path) }
      #expect(error?.message == message)
    }
  }

  @Test func hdf5ButNotOurs() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      let file = try HDF5File(creating: path)
      try file.root.attributes.set("format", "someone else's")
      try file.close()
      let error = expectTraceError(.notATrace) { try TraceReader(path: path) }
      #expect(error?.message == "this is an HDF5 file, but not a wctrace trace")
    }
  }

  @Test func hdf5OfAnOlderKind() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      // Signature, then superblock version 0, which most programs write.
      let bytes: [UInt8] =
        [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a] + [UInt8](repeating: 0, count: 88)
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let error = expectTraceError(.notATrace) { try TraceReader(path: path) }
      #expect(error?.message == "this is an HDF5 file, but not a wctrace trace")
    }
  }

  @Test func newerVersion() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      let file = try HDF5File(creating: path)
      try file.root.attributes.set("format", "wctrace")
      try file.root.attributes.set("version", 3)
      try file.close()
      let error = expectTraceError(.newerVersion) { try TraceReader(path: path) }
      #expect(error?.message == "the trace has format version 3, this program reads up to 2")
    }
  }

  @Test func unfinishedByName() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5.partial").path
      try Data("anything".utf8).write(to: URL(fileURLWithPath: path))
      expectTraceError(.unfinished) { try TraceReader(path: path) }
    }
  }

  @Test func unfinishedByContents() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      let copy = folder.appendingPathComponent("copy.h5").path
      let file = try HDF5File(creating: path)
      try file.root.attributes.set("format", "wctrace")
      try file.root.attributes.set("version", 1)
      try file.flush()
      // A copy of the open file is what a program killed in `finish()` leaves: only the flag tells.
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      #expect(try Data(contentsOf: URL(fileURLWithPath: copy))[11] != 0)
      expectTraceError(.unfinished) { try TraceReader(path: copy) }
      // Closed in order, but without the mark of completion.
      try file.close()
      #expect(try Data(contentsOf: URL(fileURLWithPath: path))[11] == 0)
      expectTraceError(.unfinished) { try TraceReader(path: path) }
    }
  }

  @Test func lackingTapCallOrChunk() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      try SampleTrace.record(to: path).finish()
      let reader = try TraceReader(path: path)
      let error = expectTraceError(.lacking) { try reader.feature(.modulated, call: 0) }
      #expect(
        error?.message == """
          the tap modulated was not recorded; there are latent, timestep, hidden.0, block.1, output, guided
          """)
      expectTraceError(.lacking) { try reader.states(of: .hidden(1)) }
      expectTraceError(.lacking) { try reader.stretchSeconds(of: .block(2)) }
      let absent = expectTraceError(.lacking) { try reader.feature(.guided, call: 1) }
      #expect(absent?.message == "the feature of call 1 is absent")
      expectTraceError(.lacking) { try reader.feature(.output, call: 4) }
      expectTraceError(.lacking) { try reader.feature(.output, call: -1) }
      expectTraceError(.lacking) { try reader.final(chunk: 2) }
    }
  }
}
