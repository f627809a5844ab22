import Foundation
import TestSupport
import Testing
import Trace

@Suite struct ArraysTests {
  private static let calls = """
    [{"step": 0, "timestep": 1000, "sigma": 1, "weight": -0.25},
     {"step": 1, "timestep": 750, "sigma": 0.75, "weight": -0.75}]
    """

  // Two calls, three tokens of two channels, at the tap `output`.
  private func metadata(
    _ file: String = "output.npy", calls: String = calls, more: String = "", blocks: Int = 1,
    layout: String = #"{"channels": 2, "grid": [1, 1, 3]}"#
  ) -> String {
    """
    {"model": "m", "solver": "euler", "blocks": \(blocks), "calls": \(calls), "layouts": {"output": \(layout)},
     "taps": {"output": {"file": "\(file)"}}\(more)}
    """
  }

  private func numPy(_ type: String, _ shape: [Int], _ bytes: Data, in folder: URL) throws {
    let file = try NumPyFile(path: folder.path + "/output.npy", type: type, shape: shape)
    try file.append(bytes)
    try file.finish()
  }

  private func make(_ json: String, in folder: URL) throws -> TraceReader {
    try Data(json.utf8).write(to: folder.appendingPathComponent("meta.json"))
    let path = folder.path + "/x.h5"
    _ = try TraceImport.write(folder.path + "/meta.json", to: path, recorder: "tests", overwrite: true)
    return try TraceReader(path: path)
  }

  private static let numbers: [Float] = (0..<12).map { Float($0) * 0.1 }

  @Test func numPyBecomesATrace() throws {
    try withTemporaryDirectory { folder throws in
      try numPy("<f4", [2, 3, 2], Self.numbers.withUnsafeBytes { Data($0) }, in: folder)
      let reader = try make(metadata(more: #", "shift": 3, "weights_digest": "w""#), in: folder)
      #expect(reader.dtype == .float32)
      #expect(reader.header.shift == 3)
      #expect(reader.header.weightsDigest == "w")
      #expect(reader.header.stepCount == 2)
      #expect(reader.calls.map(\.sigma) == [1, 0.75])
      #expect(reader.calls.map(\.weight) == [-0.25, -0.75])
      #expect(reader.calls.map(\.position) == [0, 1])
      #expect(try reader.layout(of: .output).tokens.map(\.column) == [0, 1, 2])
      #expect(try reader.feature(.output, call: 1).values == Array(Self.numbers[6...]))
      #expect(try reader.states(of: .output) == [.fresh, .fresh])
      _ = try TraceVerification(of: reader)
    }
  }

  @Test func valuesThatAreNotFiniteAreRefusedUnlessAskedFor() throws {
    try withTemporaryDirectory { folder throws in
      for (value, word) in [(Float.nan, "nan"), (-.infinity, "-inf")] {
        var numbers = Self.numbers
        numbers[6 + 2 * 2 + 1] = value
        try numPy("<f4", [2, 3, 2], numbers.withUnsafeBytes { Data($0) }, in: folder)
        let error = expectTraceError(.invalid) { try make(metadata(), in: folder) }
        #expect(error?.location == "output, call 1, token 2")
        #expect(error?.message.hasPrefix("channel 1 is \(word); replay needs finite values") == true)
        // Nothing is left that the next attempt would stumble over.
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/x.h5.wcj"))
        let path = folder.path + "/taken.h5"
        _ = try TraceImport.write(
          folder.path + "/meta.json", to: path, recorder: "tests", overwrite: true, allowsNonFinite: true)
        let values = try TraceReader(path: path).feature(.output, call: 1).values
        #expect(values.map(\.bitPattern) == numbers[6...].map(\.bitPattern))
        // Where the tap is absent the array may hold anything.
        try numPy("<f4", [2, 3, 2], numbers.withUnsafeBytes { Data($0) }, in: folder)
        let absent = metadata().replacing(
          #""output.npy""#, with: #""output.npy", "states": ["fresh", "absent"]"#)
        #expect(try make(absent, in: folder).states(of: .output) == [.fresh, .absent])
      }
      // A final latent, too.
      try numPy("<f4", [2, 3, 2], Self.numbers.withUnsafeBytes { Data($0) }, in: folder)
      try SafetensorsFile.bytes(["f": ([1, 3, 2], [0, 1, 2, .infinity, 4, 5])])
        .write(to: folder.appendingPathComponent("f.safetensors"))
      let json = metadata(more: #", "final": {"file": "f.safetensors"}"#)
      let error = expectTraceError(.invalid) { try make(json, in: folder) }
      #expect(error?.location == "final, chunk 0, token 1")
    }
  }

  @Test func halvesStayHalves() throws {
    try withTemporaryDirectory { folder throws in
      let halves = Self.numbers.map { Float16($0) }
      try numPy("<f2", [2, 3, 2], halves.withUnsafeBytes { Data($0) }, in: folder)
      let reader = try make(metadata(), in: folder)
      #expect(reader.dtype == .float16)
      #expect(try reader.feature(.output, call: 0).values == halves[..<6].map { Float($0) })
    }
  }

  @Test func safetensorsBecomeATrace() throws {
    try withTemporaryDirectory { folder throws in
      let bytes = SafetensorsFile.bytes(["a": ([2, 3, 2], Self.numbers), "b": ([1], [7])])
      try bytes.write(to: folder.appendingPathComponent("x.safetensors"))
      var json = metadata("x.safetensors", more: #", "final": {"file": "f.safetensors"}"#)
      try SafetensorsFile.bytes(["f": ([1, 3, 2], Array(Self.numbers[..<6]))])
        .write(to: folder.appendingPathComponent("f.safetensors"))
      let error = expectTraceError(.lacking) { try make(json, in: folder) }
      #expect(error?.message == #"name one of its arrays with "array"; the file has a, b"#)
      json = json.replacing(#""x.safetensors""#, with: #""x.safetensors", "array": "a""#)
      let reader = try make(json, in: folder)
      #expect(try reader.feature(.output, call: 1).values == Array(Self.numbers[6...]))
      #expect(try reader.final(chunk: 0).values == Array(Self.numbers[..<6]))
    }
  }

  @Test func bfloat16IsReadExactly() throws {
    try withTemporaryDirectory { folder throws in
      // 1.0 is 0x3f80, -2.0 is 0xc000, 3.140625 is 0x4049: the upper halves of the float32 patterns.
      let data = Data([0x80, 0x3f, 0x00, 0xc0, 0x49, 0x40, 0x80, 0x3f, 0x00, 0xc0, 0x49, 0x40])
      let header = #"{"a": {"dtype": "BF16", "shape": [1, 3, 2], "data_offsets": [0, 12]}}"#
      try SafetensorsFile.bytes(header: header, data: data)
        .write(to: folder.appendingPathComponent("x.safetensors"))
      let one = #"[{"step": 0, "timestep": 1, "sigma": 1, "weight": -1}]"#
      let reader = try make(metadata("x.safetensors", calls: one), in: folder)
      #expect(reader.dtype == .bfloat16)
      #expect(try reader.feature(.output, call: 0).values == [1, -2, 3.140625, 1, -2, 3.140625])
    }
  }

  @Test func whatIsWrongIsSaid() throws {
    try withTemporaryDirectory { folder throws in
      func complaint(_ json: String) -> TraceError? {
        #expect(throws: TraceError.self) { try make(json, in: folder) }
      }
      #expect(complaint(metadata())?.code == .missing)
      try numPy("<f4", [2, 3, 2], Self.numbers.withUnsafeBytes { Data($0) }, in: folder)
      #expect(complaint("{")?.code == .invalid)
      #expect(complaint(#"{"model": "m"}"#)?.message == "'solver' is missing")
      let short = complaint(metadata(calls: #"[{"step": 0, "timestep": 1, "sigma": 1}]"#))
      #expect(short?.location == "calls.[0]")
      #expect(short?.message == "'weight' is missing")
      let misspelt = complaint(metadata(more: #", "weights-digest": "w""#))
      #expect(
        misspelt?.message.hasPrefix("'weights-digest' means nothing here; there are model, solver") == true)
      #expect(complaint(metadata(more: #", "dtype": "int8""#))?.location == "dtype")
      #expect(complaint(metadata(blocks: 0))?.code == .invalid)
      let shape = complaint(metadata(layout: #"{"channels": 3, "grid": [1, 1, 2]}"#))
      #expect(
        shape?.message == """
          the shape must be [2, 2, 3], as calls and the layout output say; it is [2, 3, 2]
          """)
      let grid = complaint(metadata(layout: #"{"channels": 2, "grid": [3]}"#))
      #expect(grid?.location == "layouts.output")
      // A layout that no tap has, too.
      let unused = complaint(
        metadata(
          layout: """
            {"channels": 2, "grid": [1, 1, 3]}, "u": {"channels": 4611686018427387904, "grid": [1, 1, 4]}
            """))
      #expect(unused?.location == "layouts.u")
      #expect(unused?.message.contains("which no tensor can have") == true)
      try numPy("<f8", [2, 3, 2], Data(count: 96), in: folder)
      #expect(complaint(metadata())?.message == "the numbers are '<f8'; only '<f4' and '<f2' are read")
      try numPy("<f4", [2, 3, 2], Data(count: 47), in: folder)
      #expect(complaint(metadata())?.message == "47 bytes of numbers are there; the shape needs 48")
      try numPy("<f4", [6, 2], Data(count: 48), in: folder)
      #expect(complaint(metadata())?.message == "the shape must be (calls, tokens, channels), it is [6, 2]")
      // Nothing is left behind.
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(names == ["meta.json", "output.npy"])
    }
  }

  @Test("channels that pad a token must be 0, since every channel counts")
  func padding() throws {
    try withTemporaryDirectory { folder throws in
      // Of two channels the first token has one, the last none; the second row only pads the tensor.
      let tokens = """
        {"channels": 2, "modalities": ["m"], "tokens": {"modality": [0, 0, 0], "frame": [0, 0, 0], "row": [0, 0, 0],
         "column": [0, 1, 2], "valid_channels": [1, 0, 0], "valid": [true, false, true]}}
        """
      var numbers: [Float] = [1, 0, 8, 9, 0, -0.0, 2, 0, 8, 9, 0, 0]
      func make(final: Bool = false) throws -> TraceReader {
        try numPy("<f4", [2, 3, 2], numbers.withUnsafeBytes { Data($0) }, in: folder)
        return try self.make(
          metadata(more: final ? #", "final": {"file": "f.safetensors"}"# : "", layout: tokens), in: folder)
      }
      #expect(try make().feature(.output, call: 1).values == [2, 0, 8, 9, 0, 0])
      try SafetensorsFile.bytes(["f": ([1, 3, 2], [1, 0, 8, 9, 0, 3])])
        .write(to: folder.appendingPathComponent("f.safetensors"))
      let last = expectTraceError(.invalid) { try make(final: true) }
      #expect(last?.location == "final, chunk 0, token 2")
      numbers[7] = 0.5
      let error = expectTraceError(.invalid) { try make() }
      #expect(error?.location == "output, call 1, token 0")
      #expect(
        error?.message
          == "channel 1 is 0.5; the layout output has 1 valid channels there, and those after must be 0")
    }
  }

  @Test(arguments: [StorageType.float32, .float16])
  func exportIsTheWayBack(dtype: StorageType) throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.path + "/sample.h5"
      try SampleTrace.record(to: path, dtype: dtype).finish()
      let sample = try TraceReader(path: path)
      let array = folder.path + "/output.npy"
      #expect(try TapExport.write(.output, of: sample, to: array) == 0)
      expectTraceError(.exists) { try TapExport.write(.output, of: sample, to: array) }
      let call = #"{"step": 0, "timestep": 1000, "sigma": 1, "weight": -1, "chunk": CHUNK}"#
      let calls = (0..<4).map { call.replacing("CHUNK", with: "\($0)") }.joined(separator: ", ")
      let reader = try make(
        metadata(calls: "[\(calls)]", layout: #"{"channels": 4, "grid": [2, 1, 3]}"#), in: folder)
      #expect(reader.dtype == dtype)
      for call in 0..<4 {
        #expect(try reader.feature(.output, call: call) == sample.feature(.output, call: call))
      }
      // Block 1 is absent at call 2: 24 NaN after the numbers of two calls.
      #expect(try TapExport.write(.block(1), of: sample, to: array, overwrite: true) == 1)
      let size = dtype == .float32 ? 4 : 2
      let bytes = try Data(contentsOf: URL(fileURLWithPath: array)).suffix(4 * 24 * size)
      let absent = Array(bytes.dropFirst(2 * 24 * size).prefix(24 * size))
      let isNaN = absent.withUnsafeBytes { bytes in
        dtype == .float32
          ? bytes.bindMemory(to: Float.self).allSatisfy(\.isNaN)
          : bytes.bindMemory(to: Float16.self).allSatisfy(\.isNaN)
      }
      #expect(isNaN)
    }
  }
}
