import Foundation
import TestSupport
import Testing

@testable import Trace

struct SafetensorsTests {
  private func read(_ bytes: Data) throws -> Safetensors {
    let path = try SafetensorsFile.write(bytes)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try Safetensors(path: path)
  }

  private func failure(_ bytes: Data) -> TraceError? {
    do {
      _ = try read(bytes)
      return nil
    } catch {
      return error as? TraceError
    }
  }

  @Test func readsWhatWasWritten() throws {
    let file = try read(
      SafetensorsFile.bytes(
        ["b": ([2, 2], [1, -2, 3.5, 4]), "a": ([3], [7, 8, 9]), "scalar": ([], [5])],
        metadata: ["config": "x"]))
    #expect(try file.values("a") == [7, 8, 9])
    #expect(try file.values("b") == [1, -2, 3.5, 4])
    #expect(try file.values("scalar") == [5])
    #expect(file.entries["b"]?.shape == [2, 2])
    #expect(file.metadata == ["config": "x"])
  }

  @Test func anUnknownNameIsLacking() throws {
    let file = try read(SafetensorsFile.bytes(["a": ([1], [1])]))
    #expect { try file.values("b") } throws: { ($0 as? TraceError)?.code == .lacking }
  }

  @Test func aMissingFileIsMissing() {
    #expect {
      try Safetensors(path: "/nonexistent/weights.safetensors")
    } throws: {
      ($0 as? TraceError)?.code == .missing && "\($0)".contains("/nonexistent/weights.safetensors")
    }
  }

  // Each file is wrong in one way, and the message names the place or the limit.
  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, "header"),
    (#"[]"#, "header"),
    (#"{"a":{"dtype":"F32","shape":[1]}}"#, "header"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":0},"__metadata__":{"n":1}}"#, "header"),
    // Longer than the eight data bytes, before their start, with a gap, backwards.
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#, "it is cut off"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-4,4]}}"#, "data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,-4]}}"#, "data_offsets"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, "data_offsets"),
    // Two arrays share their bytes.
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      "data_offsets"
    ),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, "needs 12"),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "shape"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, "shape"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "end at byte 4 of 8"),
  ])
  func aDamagedHeaderIsCorrupt(header: String, hint: String) throws {
    let error = try #require(failure(SafetensorsFile.bytes(header: header, data: Data(count: 8))))
    #expect(error.code == .corrupt)
    #expect("\(error)".contains(hint))
  }

  @Test func lengthsThatCannotBeAreCorrupt() throws {
    #expect(failure(Data(count: 7))?.code == .corrupt)
    // 2^56 - 1 bytes of header: refused by its length, before anything is read.
    let huge = try #require(failure(Data([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x7B])))
    #expect(huge.code == .corrupt && huge.message.contains("\(Safetensors.headerLimit)"))
    // 9 bytes of header announced, 2 there.
    let short = try #require(failure(Data([9, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D])))
    #expect(short.code == .corrupt && short.message.contains("17"))
  }

  @Test func otherElementTypesAreInvalid() throws {
    let header = #"{"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}"#
    let error = try #require(failure(SafetensorsFile.bytes(header: header, data: Data(count: 8))))
    #expect(error.code == .invalid && error.message.contains("BF16") && error.message.contains("F32"))
  }

  // Published test vectors of FNV-1a, 64 bit.
  @Test(arguments: [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")])
  func digestIsFNV1a(text: String, expected: String) {
    #expect(Safetensors.digest(of: Data(text.utf8)) == expected)
  }

  @Test func whatIsWrittenReadsBackTheSame() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appendingPathComponent("a.safetensors").path
      let numbers: [Float] = [1, -2.5, .leastNonzeroMagnitude, 3e38, 0, 7]
      try Safetensors.write(
        [("b", [2, 3], numbers), ("a", [0], [])], metadata: ["kind": "test — 1"], to: path)
      let file = try Safetensors(path: path)
      #expect(file.metadata == ["kind": "test — 1"])
      #expect(try file.values("b") == numbers)
      #expect(try file.values("a").isEmpty)
      #expect(file.entries["b"]?.shape == [2, 3])
      #expect(throws: TraceError.self) {
        try Safetensors.write([], metadata: [:], to: folder.appendingPathComponent("no/where").path)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.safetensors"])
    }
  }
}
