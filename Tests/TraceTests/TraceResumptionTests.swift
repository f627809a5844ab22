import Foundation
import TestSupport
import Testing
import Trace

@Suite struct TraceResumptionTests {
  private func look(_ path: String, _ header: TraceHeader = SampleTrace.header, dtype: StorageType = .float32)
    throws -> TraceResumption
  {
    try TraceResumption(
      of: path, header: header, layouts: [SampleTrace.output, SampleTrace.step], taps: SampleTrace.taps,
      callCount: SampleTrace.calls.count, dtype: dtype)
  }

  private func files(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }

  @Test func aFinishedTraceIsKept() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      #expect(try look(path) == .nothing)
      try SampleTrace.record(to: path).finish()
      var header = SampleTrace.header
      header.recorder = "a later version"
      header.blasCore = "another machine"
      #expect(try look(path, header) == .finished)
    }
  }

  @Test("a recording with other settings is refused, and the setting named")
  func otherSettings() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      try SampleTrace.record(to: path).finish()
      var header = SampleTrace.header
      header.shift = 5
      let shift = #expect(throws: TraceError.self) { try look(path, header) }
      #expect(shift?.code == .invalid)
      #expect(shift?.message == "another recording has this name; shift is 3.0 there and 5.0 here")
      header = SampleTrace.header
      header.blasThreadCount = 4
      let threads = #expect(throws: TraceError.self) { try look(path, header) }
      #expect(threads?.message == "another recording has this name; BLAS threads is 2 there and 4 here")
      let dtype = #expect(throws: TraceError.self) { try look(path, dtype: .float16) }
      #expect(dtype?.message == "another recording has this name; dtype is float32 there and float16 here")
    }
  }

  @Test("a damaged trace is not taken for a finished one")
  func damage() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      try SampleTrace.record(to: path).finish()
      var bytes = try Data(contentsOf: URL(filePath: path))
      // The blocks of the tap latent start with zstd's magic number; the first block has one such.
      let magic = try #require(bytes.range(of: Data([0x28, 0xb5, 0x2f, 0xfd])))
      bytes[magic.upperBound + 8] ^= 1
      try bytes.write(to: URL(filePath: path))
      expectTraceError(.corrupt) { try look(path) }
    }
  }

  @Test("an interrupted recording is told from one that lacks only its name, and its leftovers go")
  func interrupted() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      // What a killed recorder leaves: the journal, and the file that it was making.
      func leave(_ calls: Int) throws {
        var writer: TraceWriter? = try TraceWriter(
          path: path, header: SampleTrace.header, layouts: [SampleTrace.output, SampleTrace.step],
          taps: SampleTrace.taps, callCount: 4, overwrite: true)
        for call in SampleTrace.calls.prefix(calls) {
          let present = SampleTrace.taps.keys.filter { SampleTrace.state($0, call: call.ordinal) != .absent }
          try writer?.append(
            call,
            features: Dictionary(
              uniqueKeysWithValues: present.map { ($0, SampleTrace.tensor($0, call: call.ordinal)) }))
        }
        if calls == 4 {
          for chunk in 0..<2 { try writer?.setFinal(chunk: chunk, SampleTrace.final(chunk: chunk)) }
        }
        expectTraceError(.inUse) { try look(path) }
        writer = nil
        let head = Data([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 2, 8, 8])
        try head.write(to: URL(filePath: path + ".partial"))
        try Data().write(to: URL(filePath: path + ".2.partial"))
        try Data("mine".utf8).write(to: URL(filePath: path + ".3.partial"))
      }
      try leave(2)
      #expect(try look(path) == .interrupted(callCount: 2))
      #expect(try files(folder) == ["x.h5.3.partial", "x.h5.wcj"])
      var header = SampleTrace.header
      header.noiseSeed = 9
      let other = #expect(throws: TraceError.self) { try look(path, header) }
      #expect(other?.path == path + ".wcj")
      #expect(other?.message == "the journal is of another recording; noise seed is -1 there and 9 here")
      try leave(4)
      #expect(try look(path) == .completed)
      #expect(try files(folder) == ["x.h5", "x.h5.3.partial"])
      #expect(try look(path) == .finished)
    }
  }

  @Test("recovering removes what the recorder was making, and nothing else")
  func recovery() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      var writer: TraceWriter? = try SampleTrace.record(to: path)
      #expect(writer?.path == path)
      writer = nil
      try Data().write(to: URL(filePath: path + ".partial"))
      try Data("mine".utf8).write(to: URL(filePath: folder.path + "/y.h5.partial"))
      #expect(try TraceRecovery(of: path + ".wcj", to: path).isWhole)
      #expect(try files(folder) == ["x.h5", "x.h5.wcj", "y.h5.partial"])
      // The trace got its name, and the recorder was killed before it removed the journal.
      #expect(try look(path) == .finished)
      #expect(try files(folder) == ["x.h5", "y.h5.partial"])
    }
  }
}
