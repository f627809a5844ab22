import Foundation
import TestSupport
import Testing
import Trace

@Suite struct RoundTripTests {
  @Test(arguments: StorageType.allCases)
  func everythingComesBack(dtype: StorageType) throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("sample.h5").path
      try SampleTrace.record(to: path, dtype: dtype).finish()
      let reader = try TraceReader(path: path)
      #expect(reader.header == SampleTrace.header)
      #expect(reader.calls == SampleTrace.calls)
      #expect(reader.taps == [.latent, .timestep, .hidden(0), .block(1), .output, .guided])
      #expect(reader.dtype == dtype)
      #expect(try reader.layout(of: .output) == SampleTrace.output)
      #expect(try reader.layout(of: .timestep) == SampleTrace.step)
      for tap in reader.taps {
        for call in 0..<4 {
          let state = SampleTrace.state(tap, call: call)
          #expect(try reader.state(of: tap, call: call) == state)
          guard state != .absent else { continue }
          var expected = SampleTrace.tensor(tap, call: call)
          if dtype == .float16 { expected.values = expected.values.map { Float(Float16($0)) } }
          #expect(try reader.feature(tap, call: call) == expected)
        }
      }
      // `modulated` was not recorded, but its stretch was timed.
      for tap in Tap.line(blockCount: 1) {
        #expect(
          try reader.stretchSeconds(of: tap) == (0..<4).map { SampleTrace.stretchSeconds(call: $0)[tap] })
      }
      for chunk in 0..<2 { #expect(try reader.final(chunk: chunk) == SampleTrace.final(chunk: chunk)) }
      // Block 1 is absent at one of four calls: 3 tensors of 24 numbers.
      #expect(try reader.byteCounts(of: .block(1)).raw == 3 * 24 * (dtype == .float32 ? 4 : 2))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["sample.h5"])
    }
  }

  @Test func everyBitPatternOfFloat32Survives() throws {
    // Signalling and quiet NaNs with payloads, infinities, both zeros, the smallest denormal.
    let patterns: [UInt32] = [
      0x7f80_0001, 0x7fc1_2345, 0xffff_ffff, 0x7f80_0000, 0xff80_0000, 0, 0x8000_0000, 1,
    ]
    let tensor = Tensor(rows: 4, columns: 2, values: patterns.map(Float.init(bitPattern:)))
    let back = try roundTrip(tensor, as: .float32)
    #expect(back.values.map(\.bitPattern) == patterns)
  }

  @Test func everyFloat16Survives() throws {
    // All 65536 half-precision numbers but the signalling NaNs, which no conversion keeps.
    let halves = (0...UInt16.max).map(Float16.init(bitPattern:)).map { $0.isSignalingNaN ? 0 : $0 }
    let tensor = Tensor(rows: 256, columns: 256, values: halves.map(Float.init))
    let back = try roundTrip(tensor, as: .float16)
    #expect(back.values.map { Float16($0).bitPattern } == halves.map(\.bitPattern))
  }

  @Test func tensorsOfSeveralBlocksSurvive() throws {
    // 1000 rows of 1200 bytes: 436 fit into 512 KiB, so 3 blocks of 334 rows, the last one with 332.
    #expect(BlockShape(rowCount: 1000, rowByteCount: 1200, elementByteCount: 4).blockRowCount == 334)
    let values = (0..<300_000).map { Float($0 % 977) * 0.125 - Float($0) }
    let tensor = Tensor(rows: 1000, columns: 300, values: values)
    #expect(try roundTrip(tensor, as: .float32) == tensor)
  }

  @Test func readersShareAFile() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wctrace-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("sample.h5").path
    try SampleTrace.record(to: path).finish()
    let shared = try TraceReader(path: path)
    let expected = SampleTrace.tensor(.output, call: 1)
    let tensors = try await withThrowingTaskGroup(of: [Tensor].self) { group in
      for _ in 0..<8 {
        group.addTask {
          // A reader of its own comes and goes while the shared one stays open.
          let own = try TraceReader(path: path)
          return [try own.feature(.output, call: 1), try shared.feature(.output, call: 1)]
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(tensors == [Tensor](repeating: expected, count: 16))
    #expect(try shared.feature(.output, call: 1) == expected)
  }

  // Writes one tensor as the only feature of a trace with one call and reads it back.
  private func roundTrip(_ tensor: Tensor, as dtype: StorageType) throws -> Tensor {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("one.h5").path
      let token = TokenTable.Token(modality: 0, frame: 0, row: 0, column: 0, validChannels: tensor.columns)
      let layout = TokenTable(
        name: "all", modalities: ["rgb"], channelCount: tensor.columns,
        tokens: [TokenTable.Token](repeating: token, count: tensor.rows))
      let writer = try TraceWriter(
        path: path,
        header: TraceHeader(model: "m", solver: "s", shift: 1, stepCount: 1, blockCount: 1, recorder: "r"),
        layouts: [layout], taps: [.output: "all"], callCount: 1, dtype: dtype)
      let call = Call(ordinal: 0, step: 0, position: 0, timestep: 0, sigma: 1, weight: -1)
      try writer.append(call, features: [.output: tensor])
      try writer.finish()
      return try TraceReader(path: path).feature(.output, call: 0)
    }
  }
}
