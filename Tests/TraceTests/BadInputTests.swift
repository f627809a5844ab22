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
      let error = expectTraceError(.missing) { try TraceReader(path: path) }
      #expect(error?.message == "there is no such file; an unfinished recording is at \(path).partial")
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
      try file.root.attributes.set("version", 2)
      try file.close()
      let error = expectTraceError(.newerVersion) { try TraceReader(path: path) }
      #expect(error?.message == "the trace has format version 2, this program reads up to 1")
    }
  }

  @Test func unfinishedByName() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      let writer = try SampleTrace.record(to: path)
      // Still open, as another program would find it.
      expectTraceError(.unfinished) { try TraceReader(path: writer.partialPath) }
      writer.abandon()
      expectTraceError(.unfinished) { try TraceReader(path: path + ".partial") }
    }
  }

  @Test func unfinishedByContents() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("x.h5").path
      let renamed = folder.appendingPathComponent("renamed.h5").path
      let writer = try SampleTrace.record(to: path)
      // A copy of the open file is what a killed recording leaves: only the flag tells.
      try FileManager.default.copyItem(atPath: writer.partialPath, toPath: renamed)
      #expect(try Data(contentsOf: URL(fileURLWithPath: renamed))[11] != 0)
      expectTraceError(.unfinished) { try TraceReader(path: renamed) }
      // Closed in order, but without the mark of completion.
      writer.abandon()
      try FileManager.default.removeItem(atPath: renamed)
      try FileManager.default.moveItem(atPath: writer.partialPath, toPath: renamed)
      #expect(try Data(contentsOf: URL(fileURLWithPath: renamed))[11] == 0)
      expectTraceError(.unfinished) { try TraceReader(path: renamed) }
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
