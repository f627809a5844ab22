import Foundation
import TestSupport
import Testing
import Trace

// Step differences and lossy storage: 2 chunks of 7 steps with 2 branches, key frames every 3 fresh values.
@Suite struct CodingTests {
  private static let layout = TokenTable(
    name: "all", modalities: ["rgb"], channelCount: 4,
    tokens: (0..<5).map {
      TokenTable.Token(
        modality: 0, frame: 0, row: 0, column: $0, validChannels: 3, isValid: $0 != 4)
    })

  private static let calls = (0..<28).map {
    Call(
      ordinal: $0, chunk: $0 / 14, branch: $0 % 2, step: $0 / 2 % 7, position: $0 / 2 % 7, timestep: 0,
      sigma: 1,
      weight: 0)
  }

  // Block 1 is skipped at steps 2 and 5; the output is predicted there.
  private static func states(_ call: Call) -> [Tap: TapState] {
    [2, 5].contains(call.step)
      ? [.output: .predicted, .block(1): .absent] : [.output: .fresh, .block(1): .fresh]
  }

  // Each token drifts at a speed of its own.
  private static func tensor(_ tap: Tap, _ call: Call) -> Tensor {
    let values = (0..<20).map { index in
      let speed = Float(1 + index / 4) * 0.01
      return Float(index - 10) / 7 + speed * Float(call.step * (index % 4 + 1)) + Float(call.branch)
        + (tap == .output ? 0.001 : 0) * Float(call.ordinal)
    }
    return Tensor(rows: 5, columns: 4, values: values)
  }

  private func record(
    to path: String, dtype: StorageType, coding: FeatureCoding, lossy: LossyRule? = nil
  ) throws -> TraceWriter {
    let writer = try TraceWriter(
      path: path,
      header: TraceHeader(
        model: "m", solver: "s", shift: 1, stepCount: 7, chunkCount: 2, branchCount: 2, blockCount: 1,
        recorder: "r"),
      layouts: [Self.layout], taps: [.block(1): "all", .output: "all"], callCount: 28, dtype: dtype,
      coding: coding, keyInterval: 3, lossy: lossy, durability: .none)
    for call in Self.calls {
      let states = Self.states(call)
      let present = states.filter { $0.value != .absent }.keys
      try writer.append(
        call, states: states,
        features: Dictionary(uniqueKeysWithValues: present.map { ($0, Self.tensor($0, call)) }))
    }
    return writer
  }

  private func features(_ trace: TraceReader) throws -> [[UInt32]] {
    try trace.taps.flatMap { tap in
      try trace.calls.indices.filter { try trace.state(of: tap, call: $0) != .absent }
        .map { try trace.feature(tap, call: $0).values.map(\.bitPattern) }
    }
  }

  @Test(arguments: StorageType.allCases, [nil, LossyRule(fraction: 0.5)])
  func theCodingChangesNothing(dtype: StorageType, lossy: LossyRule?) throws {
    try withTemporaryDirectory { folder in
      let (plain, coded) = (folder.path + "/plain.h5", folder.path + "/coded.h5")
      try record(to: plain, dtype: dtype, coding: .plain, lossy: lossy).finish()
      try record(to: coded, dtype: dtype, coding: .stepDelta, lossy: lossy).finish()
      let (a, b) = (try TraceReader(path: plain), try TraceReader(path: coded))
      #expect(a.coding == .plain && b.coding == .stepDelta && b.dtype == dtype && b.lossy == lossy)
      let expected = try features(a)
      #expect(try features(b) == expected)
      // From the end to the start, each with its whole chain, and some rows only.
      let fresh = try TraceReader(path: coded)
      for call in (0..<28).reversed() {
        #expect(
          try fresh.feature(.output, call: call, rows: 1..<4)
            == a.feature(.output, call: call, rows: 1..<4))
      }
      var (all, others) = ([Float](repeating: 0, count: 28 * 8), [Float](repeating: 0, count: 28 * 8))
      try a.read(.block(1), calls: 0..<28, rows: 2..<4, into: &all)
      try TraceReader(path: coded).read(.block(1), calls: 0..<28, rows: 2..<4, into: &others)
      #expect(others.map(\.bitPattern) == all.map(\.bitPattern))
      // The digest is that of the contents.
      #expect(a.digest != nil && a.digest == b.digest)
      #expect(try TraceVerification(of: b).digest == TraceVerification(of: a).digest)
    }
  }

  @Test(arguments: StorageType.allCases)
  func everyPatternSurvivesDifferences(dtype: StorageType) throws {
    // All upper halves against others in several orders; differences of every size and sign.
    let layout = TokenTable(
      name: "all", modalities: ["rgb"], channelCount: 256,
      tokens: Array(
        repeating: .init(modality: 0, frame: 0, row: 0, column: 0, validChannels: 256), count: 256))
    let tensors = [1, 40503, 3, 65535].map { (factor: UInt32) in
      Tensor(
        rows: 256, columns: 256,
        values: (0..<65536).map { (index: UInt32) in
          let bits = index &* factor & 0xffff
          return switch dtype {
          case .float16:
            Float(Float16(bitPattern: UInt16(bits)).isNaN ? .nan : Float16(bitPattern: UInt16(bits)))
          case .bfloat16: Float(bitPattern: bits << 16)
          case .float32: Float(bitPattern: bits << 16 | index &* 77 & 0xffff)
          }
        })
    }
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      let writer = try TraceWriter(
        path: path,
        header: TraceHeader(model: "m", solver: "s", shift: 1, stepCount: 4, blockCount: 1, recorder: "r"),
        layouts: [layout], taps: [.output: "all"], callCount: 4, dtype: dtype, coding: .stepDelta)
      for (step, tensor) in tensors.enumerated() {
        try writer.append(
          Call(ordinal: step, step: step, position: step, timestep: 0, sigma: 1, weight: 0),
          features: [.output: tensor])
      }
      try writer.finish()
      let reader = try TraceReader(path: path)
      for (call, tensor) in tensors.enumerated() {
        #expect(
          try reader.feature(.output, call: call).values.map(\.bitPattern) == tensor.values.map(\.bitPattern))
      }
    }
  }

  @Test(arguments: FeatureCoding.allCases)
  func interruptedRecordingsAreRecovered(coding: FeatureCoding) throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      try record(to: path, dtype: .float16, coding: coding, lossy: LossyRule(fraction: 0.1)).abandon()
      let recovered = folder.path + "/y.h5"
      #expect(try TraceRecovery(of: path + ".wcj", to: recovered).callCount == 28)
      let whole = folder.path + "/z.h5"
      try record(to: whole, dtype: .float16, coding: coding, lossy: LossyRule(fraction: 0.1)).finish()
      let digests = try [recovered, whole].map { try TraceVerification(of: TraceReader(path: $0)).digest }
      #expect(digests[0] == digests[1])
    }
  }

  @Test func otherProgramsSeeNoFeatures() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      try record(to: path, dtype: .bfloat16, coding: .stepDelta).finish()
      let file = try HDF5File(opening: path)
      let output = try HDF5Dataset(
        opening: "output", in: file.root.group("taps"), elements: HDF5Element.allCases, rank: 3)
      #expect(output.element == .uint16)
      #expect(try output.attributes.string("wct_dtype") == "bfloat16")
      #expect(try output.attributes.string("wct_coding") == "step-delta")
      try file.close()
    }
  }

  @Test func aDamagedKeyFrameSpoilsWhatDependsOnIt() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      try record(to: path, dtype: .float32, coding: .stepDelta).finish()
      // The bytes of block 1 at call 0, in the file exactly once.
      let file = try HDF5File(opening: path)
      let block = try HDF5Dataset(
        opening: "block.1", in: file.root.group("taps"), elements: [.uint32], rank: 3
      ).readBlock(at: [0, 0, 0])
      try file.close()
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      let place = try #require(bytes.range(of: Data(block)))
      bytes[place.lowerBound + block.count / 2] ^= 1
      try bytes.write(to: URL(fileURLWithPath: path))
      let reader = try TraceReader(path: path)
      // Calls 0, 2 and 6 of branch 0: a key frame and the differences that follow; call 8 starts anew.
      for call in [0, 2, 6] {
        let error = expectTraceError(.corrupt) { try reader.feature(.block(1), call: call) }
        #expect(error?.location == "/taps/block.1")
        #expect(error?.message == "the block at [0, 0, 0] fails its checksum")
      }
      for call in [1, 8] {
        #expect(try reader.feature(.block(1), call: call) == Self.tensor(.block(1), Self.calls[call]))
      }
    }
  }

  @Test(arguments: StorageType.allCases)
  func boundsAreKeptAndStated(dtype: StorageType) throws {
    try withTemporaryDirectory { folder in
      let (exact, rounded) = (folder.path + "/exact.h5", folder.path + "/rounded.h5")
      try record(to: exact, dtype: dtype, coding: .plain).finish()
      let rule = LossyRule(fraction: 0.5, percentile: 25)
      try record(to: rounded, dtype: dtype, coding: .plain, lossy: rule).finish()
      let (a, b) = (try TraceReader(path: exact), try TraceReader(path: rounded))
      for tap in b.taps {
        let bounds = try b.bounds(of: tap)
        #expect(try a.bounds(of: tap) == [Double](repeating: 0, count: 28))
        for call in b.calls where try b.state(of: tap, call: call.ordinal) != .absent {
          let bound = bounds[call.ordinal]
          let (was, stored) = (
            try a.feature(tap, call: call.ordinal).values, try b.feature(tap, call: call.ordinal).values
          )
          for (x, y) in zip(was, stored) { #expect(abs(Double(x) - Double(y)) <= bound) }
          // The first of a stream is exact; later ones by the rule, spelled out.
          guard
            let last = b.calls[..<call.ordinal].last(where: {
              $0.chunk == call.chunk && $0.branch == call.branch && Self.states($0)[tap] == .fresh
            })
          else {
            #expect(bound == 0)
            continue
          }
          let before = try b.feature(tap, call: last.ordinal).values
          let changes = (0..<4).map { token in
            let squares = (0..<3).map { channel in
              let index = 4 * token + channel
              return (Double(was[index]) - Double(before[index]))
                * (Double(was[index]) - Double(before[index]))
            }
            return (squares.reduce(0, +) / 3).squareRoot()
          }.sorted()
          // The 25th percentile of 4 tokens: floor(0.25 x 3), the smallest. A power of two below half of it.
          let limit = 0.5 * changes[0]
          #expect(bound <= limit && 2 * bound > limit)
          #expect(stored.allSatisfy { (Double($0) / (2 * bound)).rounded() == Double($0) / (2 * bound) })
        }
        #expect(bounds.contains { $0 > 0 })
      }
      #expect(b.digest != a.digest)
    }
  }

  @Test(arguments: [(0.0, 5.0), (1.5, 5), (.nan, 5), (0.1, -1), (0.1, 101)])
  func rulesOutOfRangeAreRefused(fraction: Double, percentile: Double) throws {
    try withTemporaryDirectory { folder in
      let error = expectTraceError(.invalid) {
        try record(
          to: folder.path + "/x.h5", dtype: .float32, coding: .plain,
          lossy: LossyRule(fraction: fraction, percentile: percentile))
      }
      #expect(
        error?.message
          == "lossy storage needs a fraction above 0 and up to 1 and a percentile of 0 to 100, not "
          + "\(fraction) and \(percentile)")
    }
  }
}
