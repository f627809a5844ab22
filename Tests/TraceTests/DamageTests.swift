import Foundation
import TestSupport
import Testing
import Trace

@Suite struct DamageTests {
  // One flipped bit anywhere is either reported or, in bytes that mean nothing, without effect.
  // Every 7th byte keeps the test short; 7 shares no factor with the powers of two in the layout,
  // and the bit moves along with the byte.
  @Test func flippedBitsAreNoticed() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("sample.h5").path
      try SampleTrace.record(to: path).finish()
      let sound = try WholeTrace(path: path)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      defer { try? file.close() }
      let every = ProcessInfo.processInfo.environment["WCTRACE_FLIP_EVERY"].flatMap(Int.init) ?? 7
      var noticed = 0
      for index in stride(from: 0, to: bytes.count, by: every) {
        try file.put(bytes[index] ^ 1 << UInt8(index % 8), at: index)
        do throws(TraceError) {
          let damaged = try WholeTrace(path: path)
          #expect(damaged == sound, "a flip at byte \(index) changes what is read")
        } catch {
          noticed += 1
          let codes: [TraceError.Code] = [.corrupt, .notATrace, .unfinished]
          #expect(codes.contains(error.code), "a flip at byte \(index) is reported as \(error)")
        }
        try file.put(bytes[index], at: index)
      }
      // About half of so small a file is unused space; the rest must have been noticed.
      #expect(noticed > bytes.count / every / 4)
      #expect(try WholeTrace(path: path) == sound)
    }
  }

  @Test func cutFilesAreNoticed() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("sample.h5").path
      try SampleTrace.record(to: path).finish()
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      for count in [1, 7, 8, 47, 48, bytes.count / 2, bytes.count - 1] {
        try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
        // The signature takes 8 bytes; with less the file could be anything.
        expectTraceError(count < 8 ? .notATrace : .corrupt) { try TraceReader(path: path) }
      }
      try (bytes + [0]).write(to: URL(fileURLWithPath: path))
      expectTraceError(.corrupt) { try TraceReader(path: path) }
    }
  }

  @Test func aDamagedTensorIsReportedWhereItIs() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("sample.h5").path
      try SampleTrace.record(to: path).finish()
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      // Tensors are the first zstd frames of 96 bytes in the file: their header says 0x60 bytes of
      // content, in one segment, with a checksum. The first one belongs to the first tap of call 0.
      let frame = try #require(bytes.firstRange(of: Data([0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x60])))
      let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
      try file.put(bytes[frame.upperBound + 10] ^ 1, at: frame.upperBound + 10)
      try file.close()
      let reader = try TraceReader(path: path)
      var damaged: [String] = []
      for tap in reader.taps where try reader.layout(of: tap) == SampleTrace.output {
        do throws(TraceError) {
          _ = try reader.feature(tap, call: 0)
        } catch {
          #expect(error.code == .corrupt)
          #expect(error.location == "/taps/\(tap)")
          #expect(error.message == "the block at [0, 0, 0] fails its checksum")
          damaged.append(tap.name)
        }
      }
      #expect(damaged.count == 1)
      // The other calls are not affected.
      #expect(try reader.feature(.output, call: 1) == SampleTrace.tensor(.output, call: 1))
    }
  }
}

extension FileHandle {
  fileprivate func put(_ byte: UInt8, at offset: Int) throws {
    try seek(toOffset: UInt64(offset))
    try write(contentsOf: Data([byte]))
  }
}
