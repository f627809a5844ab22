import Foundation
import TestSupport
import Testing
import Trace

@Suite struct VerificationTests {
  @Test(arguments: StorageType.allCases)
  func aSoundTraceHasItsDigest(dtype: StorageType) throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      try SampleTrace.record(to: path, dtype: dtype).finish()
      let reader = try TraceReader(path: path)
      var progress: [Int] = []
      let verification = try TraceVerification(of: reader) { progress.append($0) }
      #expect(reader.digest == verification.digest)
      #expect(TraceDigest(verification.digest.description) == verification.digest)
      // Four calls at six taps, three of which are absent; two final latents.
      #expect(verification.tensorCount == 4 * 6 - 3 + 2)
      // 17 tensors of 24 numbers and 4 of 5; the final latents are always float32.
      let tensors = (17 * 24 + 4 * 5) * (dtype == .float32 ? 4 : 2)
      #expect(verification.rawByteCount == tensors + 2 * 24 * 4)
      #expect(progress == [1, 2, 3, 4])
    }
  }

  @Test(arguments: ["", "0", "00000000000000000", "000000000000000G", "+000000000000001", "ABCDEFABCDEFABCD"])
  func noDigest(text: String) {
    #expect(TraceDigest(text) == nil)
  }

  // The definition in docs/trace-format.md, written down a second time.
  @Test func theDigestIsAsDocumented() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      let header = TraceHeader(
        model: "mö", weightsDigest: "w", solver: "s", shift: 3, stepCount: 1, blockCount: 1, sceneSeed: -2,
        noiseSeed: 4, blasThreadCount: 5, blasCore: "c", recorder: "r")
      let used = TokenTable.vector(name: "used", channelCount: 2)
      // A layout that no tap has does not count.
      let writer = try TraceWriter(
        path: path, header: header, layouts: [.vector(name: "spare", channelCount: 9), used],
        taps: [.output: "used", .latent: "used"], callCount: 1, durability: .none)
      let call = Call(
        ordinal: 0, step: 0, position: 0, timestep: 7, sigma: 0.5, guidance: 1, weight: -1, seconds: 0.25)
      try writer.append(
        call, stretchSeconds: [.output: 8], features: [.output: Tensor(rows: 1, columns: 2, values: [1, 2])])
      try writer.setFinal(chunk: 0, Tensor(rows: 1, columns: 2, values: [3, 4]))
      try writer.finish()

      func text(_ text: String) -> [UInt8] { number(UInt32(text.utf8.count)) + Array(text.utf8) }
      func number<Number>(_ number: Number) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }
      func hash(_ bytes: [UInt8], _ seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { xxh64($0, seed: seed) }
      }
      var start = ["mö", "w", "s", "c", "r"].flatMap(text) + number(3.0)
      start += [1, 1, 1, 1, -2, 4, 5, 1].flatMap { number(Int64($0)) } + text("float32")
      start += number(UInt32(1)) + text("used") + text("step") + number(UInt32(2)) + number(UInt32(1))
      start += [0, 0, 0, 0, 2].flatMap { number(Int32($0)) } + [1]
      start += number(UInt32(2)) + ["latent", "used", "output", "used"].flatMap(text)
      var line = [Int](repeating: 0, count: 7).flatMap { number(Int64($0)) }
      line += [7, 0.5, 1, -1, 0.25].flatMap(number)
      // latent absent, output fresh; eight taps on the line, output the last but one.
      line += [0, 1] + [0, 0, 0, 0, 0, 0, 8, 0].flatMap { number(Double($0)) }
      line += number(UInt64(0)) + number(hash([Float(1), 2].flatMap(number)))
      let final = hash([Float(3), 4].flatMap(number))
      let digest = hash(number(final), hash(line, hash(start)))
      let padded = String(repeating: "0", count: 16) + String(digest, radix: 16)
      #expect(try TraceReader(path: path).digest?.description == String(padded.suffix(16)))
    }
  }

  @Test func aRecoveredTraceOfAllCallsHasTheSameDigest() throws {
    try withTemporaryDirectory { folder throws in
      let paths = ["a.h5", "b.h5"].map { folder.appendingPathComponent($0).path }
      try SampleTrace.record(to: paths[0]).finish()
      try SampleTrace.record(to: paths[1]).abandon()
      _ = try TraceRecovery(of: paths[1] + ".wcj", to: paths[1])
      let readers = try paths.map { try TraceReader(path: $0) }
      #expect(readers[0].digest == readers[1].digest)
      _ = try TraceVerification(of: readers[1])
    }
  }

  // All checksums are right, and yet the tensors of two calls have changed places.
  @Test func exchangedTensorsAreNoticed() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      let writer = try TraceWriter(
        path: path,
        header: TraceHeader(model: "m", solver: "s", shift: 1, stepCount: 2, blockCount: 1, recorder: "r"),
        layouts: [.vector(name: "all", channelCount: 3)], taps: [.output: "all"], callCount: 2)
      // Nothing in these repeats, so that both are stored in the same number of bytes.
      let tensors = [[0.1, 2.34, -56.7], [7.1, -0.034, 567.8]].map { (values: [Float]) in
        Tensor(rows: 1, columns: 3, values: values)
      }
      for (step, tensor) in tensors.enumerated() {
        try writer.append(
          Call(ordinal: step, step: step, position: step, timestep: 0, sigma: 1, weight: -1),
          features: [.output: tensor])
      }
      try writer.finish()
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      // Frames of 12 bytes of content: 6 bytes head, 3 block head, 12 content, 4 + 4 checksums.
      let head = Data([0x28, 0xb5, 0x2f, 0xfd, 0x24, 12])
      let first = try #require(bytes.firstRange(of: head)).lowerBound
      let second = try #require(bytes[(first + 1)...].firstRange(of: head)).lowerBound
      let frames = [first, second].map { bytes[$0..<$0 + 29] }
      #expect(frames[0] != frames[1])
      bytes.replaceSubrange(first..<first + 29, with: frames[1])
      bytes.replaceSubrange(second..<second + 29, with: frames[0])
      try bytes.write(to: URL(fileURLWithPath: path))
      let reader = try TraceReader(path: path)
      #expect(try reader.feature(.output, call: 0) == tensors[1])
      let error = expectTraceError(.corrupt) { try TraceVerification(of: reader) }
      #expect(error?.message.hasSuffix("something was exchanged") == true)
    }
  }

  @Test func theFirstBadPlaceIsNamed() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      try SampleTrace.record(to: path).finish()
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      // Tensors are the frames of 96 bytes. Blocks lie in the file in the order of recording, so the
      // first one is `latent` of call 0.
      let frame = try #require(bytes.firstRange(of: Data([0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x60])))
      bytes[frame.upperBound + 10] ^= 1
      try bytes.write(to: URL(fileURLWithPath: path))
      let error = expectTraceError(.corrupt) { try TraceVerification(of: TraceReader(path: path)) }
      #expect(error?.location == "/taps/latent")
      #expect(error?.message == "the block at [0, 0, 0] fails its checksum")
    }
  }
}
