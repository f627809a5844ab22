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
          if dtype == .bfloat16 { expected.values = expected.values.map(HalfFormatTests.bfloat16) }
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

  @Test(arguments: [(StorageType.float16, HalfFormat.float16), (.bfloat16, .bfloat16)])
  func every16BitPatternSurvives(dtype: StorageType, format: HalfFormat) throws {
    // All 65536 numbers, signalling NaNs with their payloads included.
    let bits = (0...UInt16.max).map { $0 }
    var values = [Float](repeating: 0, count: bits.count)
    bits.withUnsafeBufferPointer { bits in
      values.withUnsafeMutableBufferPointer { format.widen(bits, into: $0) }
    }
    try withTrace(of: Tensor(rows: 256, columns: 256, values: values), as: dtype) { reader in
      let back = try reader.feature(.output, call: 0)
      #expect(back.values.map(\.bitPattern) == values.map(\.bitPattern))
      var stored = [UInt16](repeating: 0, count: bits.count)
      try reader.read(.output, calls: 0..<1, into: &stored)
      #expect(stored == bits)
    }
  }

  @Test func tensorsOfSeveralBlocksSurvive() throws {
    // 1000 rows of 1200 bytes: 436 fit into 512 KiB, so 3 blocks of 334 rows, the last one with 332.
    #expect(BlockShape(rowCount: 1000, rowByteCount: 1200, elementByteCount: 4).blockRowCount == 334)
    let values = (0..<300_000).map { Float($0 % 977) * 0.125 - Float($0) }
    let tensor = Tensor(rows: 1000, columns: 300, values: values)
    try withTrace(of: tensor, as: .float32) { reader in
      #expect(try reader.feature(.output, call: 0) == tensor)
      #expect(try reader.rowCountOfBlock(of: .output) == 334)
      // Within a block, across two, the last rows, none.
      for rows in [10..<20, 330..<340, 999..<1000, 500..<500] {
        let part = try reader.feature(.output, call: 0, rows: rows)
        #expect(part.values == Array(values[rows.lowerBound * 300..<rows.upperBound * 300]))
      }
      let error = expectTraceError(.lacking) { try reader.feature(.output, call: 0, rows: 990..<1001) }
      #expect(
        error?.message == "there are 1 calls of 1000 rows, not calls 0..<1 and rows 990..<1001")
    }
  }

  @Test func severalCallsAreReadAtOnce() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("sample.h5").path
      try SampleTrace.record(to: path, dtype: .float16).finish()
      let reader = try TraceReader(path: path)
      // Rows 1 and 2 of block 1 at calls 1 to 3; call 2 skipped it.
      var values = [Float](repeating: 7, count: 24)
      try reader.read(.block(1), calls: 1..<4, rows: 1..<3, into: &values)
      var bits = [UInt16](repeating: 7, count: 24)
      try reader.read(.block(1), calls: 1..<4, rows: 1..<3, into: &bits)
      for (place, call) in [(0, 1), (2, 3)] {
        let rows = try reader.feature(.block(1), call: call).values[4..<12]
        #expect(values[place * 8..<place * 8 + 8] == rows)
        #expect(bits[place * 8..<place * 8 + 8].map { Float(Float16(bitPattern: $0)) } == Array(rows))
      }
      #expect(values[8..<16].allSatisfy(\.isNaN) && bits[8..<16].allSatisfy { $0 == 0x7e00 })
    }
  }

  @Test func float32HasNo16BitForm() throws {
    try withTrace(of: Tensor(zeros: 2, 2), as: .float32) { reader in
      var bits = [UInt16](repeating: 0, count: 4)
      expectTraceError(.invalid) { try reader.read(.output, calls: 0..<1, into: &bits) }
    }
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

  private func roundTrip(_ tensor: Tensor, as dtype: StorageType) throws -> Tensor {
    try withTrace(of: tensor, as: dtype) { try $0.feature(.output, call: 0) }
  }

  // Writes one tensor as the only feature of a trace with one call and opens it.
  private func withTrace<Result>(
    of tensor: Tensor, as dtype: StorageType, _ body: (TraceReader) throws -> Result
  ) throws -> Result {
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
      return try body(TraceReader(path: path))
    }
  }
}
