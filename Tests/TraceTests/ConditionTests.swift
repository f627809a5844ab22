import Foundation
import TestSupport
import Testing
import Trace

@Suite struct ConditionTests {
  private static let conditions = [
    Condition("prompt", "a red fox — in snow"), Condition("negative prompt", ""),
    Condition("camera", [0.5, -1, .infinity, 1e-300]), Condition("guidance", [5]),
  ]

  private func record(_ conditions: [Condition], to path: String) throws -> TraceWriter {
    var header = SampleTrace.header
    header.conditions = conditions
    let writer = try TraceWriter(
      path: path, header: header, layouts: [SampleTrace.output], taps: [.output: "output"], callCount: 1)
    try writer.append(SampleTrace.calls[0], features: [.output: SampleTrace.tensor(.output, call: 0)])
    return writer
  }

  @Test func comeBackInOrderFromTraceAndJournal() throws {
    try withTemporaryDirectory { folder in
      let (path, other) = (folder.path + "/x.h5", folder.path + "/y.h5")
      try record(Self.conditions, to: path).finish()
      try record(Self.conditions, to: other).abandon()
      _ = try TraceRecovery(of: other + ".wcj", to: other)
      for path in [path, other] {
        let reader = try TraceReader(path: path)
        #expect(reader.header.conditions == Self.conditions)
        #expect(try TraceVerification(of: reader).digest == reader.digest)
      }
    }
  }

  @Test func areToldApartByTheDigest() throws {
    try withTemporaryDirectory { folder in
      let digests = try [[], Self.conditions, Self.conditions.reversed(), [Condition("prompt", "fox")]]
        .enumerated().map { place, conditions in
          let path = folder.path + "/\(place).h5"
          try record(conditions, to: path).finish()
          return try TraceReader(path: path).digest
        }
      #expect(Set(digests).count == 4)
    }
  }

  @Test func onlyTracesWithThemAreOfVersion2() throws {
    try withTemporaryDirectory { folder in
      for (conditions, version) in [([], 1), (Self.conditions, 2)] {
        let path = folder.path + "/\(version).h5"
        try record(conditions, to: path).finish()
        #expect(try HDF5File(opening: path).root.attributes.int("version") == version)
      }
    }
  }

  @Test(arguments: [
    (
      [Condition("a", [Double](repeating: 0, count: 65537))],
      "the condition a must have 1 to 65536 numbers, it has 65537"
    ), ([Condition("a", [])], "the condition a must have 1 to 65536 numbers, it has 0"),
    (
      [Condition("a", String(repeating: "x", count: 32769))],
      "the condition a must have at most 32768 bytes and no zero byte"
    ),
    ([Condition("a", "x\0")], "the condition a must have at most 32768 bytes and no zero byte"),
    ([Condition("", "x")], "a condition's name must have 1 to 200 bytes and no zero byte, it is ''"),
    (
      [Condition("a", "x"), Condition("a", [1])],
      "there can be 256 conditions, each with a name of its own"
    ),
  ])
  func whatDoesNotFitIsRefused(conditions: [Condition], message: String) throws {
    try withTemporaryDirectory { folder in
      let error = expectTraceError(.invalid) { try record(conditions, to: folder.path + "/x.h5") }
      #expect(error?.message == message)
    }
  }

  @Test func theLargestFit() throws {
    try withTemporaryDirectory { folder in
      let conditions = [
        Condition("text", String(repeating: "x", count: 32768)),
        Condition("numbers", (0..<65536).map(Double.init)),
      ]
      try record(conditions, to: folder.path + "/x.h5").finish()
      #expect(try TraceReader(path: folder.path + "/x.h5").header.conditions == conditions)
    }
  }
}
