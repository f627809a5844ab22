import Foundation
import TestSupport
import Testing
import Trace

/// Other people's programs: h5py with hdf5plugin must read what our reader reads, bit for bit.
@Suite(.serialized) struct PythonTests {
  private static let python = Tool.repository.appending(path: ".build/python/bin/python")

  // Every pattern of 16 bits that is a number, some of them with more bits where there is room, and
  // the infinities and a NaN; in two calls, so that they fall into different blocks.
  private static func numbers(call: Int, _ dtype: StorageType) -> [Float] {
    (0..<UInt32(1 << 16)).map { pattern in
      switch dtype {
      case .float16:
        let half = Float16(bitPattern: UInt16(pattern) ^ UInt16(call))
        return half.isNaN ? .nan : Float(half)
      case .bfloat16:
        let number = Float(bitPattern: (pattern ^ UInt32(call)) << 16)
        return number.isNaN ? .nan : number
      case .float32:
        let number = Float(bitPattern: pattern << 16 | (pattern &* 40503 &+ UInt32(call)) & 0xffff)
        return number.isNaN ? .nan : number
      }
    }
  }

  private func record(_ path: String, _ dtype: StorageType) throws {
    let layout = TokenTable(
      name: "grid", modalities: ["rgb"], channelCount: 64,
      tokens: (0..<8192).map {
        TokenTable.Token(modality: 0, frame: 0, row: $0 / 64, column: $0 % 64, validChannels: 64)
      })
    let writer = try TraceWriter(
      path: path,
      header: TraceHeader(model: "m", solver: "s", shift: 1, stepCount: 3, blockCount: 1, recorder: "r"),
      layouts: [layout], taps: [.hidden(0): "grid", .output: "grid"], callCount: 3, dtype: dtype,
      durability: .none)
    for step in 0..<3 {
      let values = (0..<8).flatMap { Self.numbers(call: 8 * step + $0, dtype) }
      let tensor = Tensor(rows: 8192, columns: 64, values: values)
      try writer.append(
        Call(ordinal: step, step: step, position: step, timestep: 0, sigma: 1, weight: 1),
        features: step == 1 ? [.output: tensor] : [.hidden(0): tensor, .output: tensor])
    }
    try writer.finish()
  }

  @Test("docs/read_trace.py reads every number as our reader does", arguments: StorageType.allCases)
  func bitForBit(_ dtype: StorageType) throws {
    // Python is set up once, by the Makefile, in .build/python.
    let setup = try Tool(["-c", "exec make -s python"], URL(filePath: "/bin/sh"))
    try #require(
      setup.status == 0,
      "Python 3.11 or later with the packages of Tests/Python/requirements.txt is needed: \(setup.errors)")
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      try record(path, dtype)
      let run = try Tool(
        [Tool.repository.appending(path: "Tests/Python/dump_trace.py").path, path, folder.path], Self.python)
      try #require(run.status == 0, "\(run.errors)")
      let type = dtype == .float16 ? "float16" : "float32"
      #expect(run.output == "hidden.0 \(type) 1 0 1\noutput \(type) 1 1 1\n")
      let reader = try TraceReader(path: path)
      for tap in reader.taps {
        let raw = try Data(contentsOf: folder.appending(path: "\(tap).raw"))
        #expect(raw.count == 3 * 8192 * 64 * 4)
        for call in reader.calls.indices {
          let bytes = raw[(call * raw.count / 3)..<((call + 1) * raw.count / 3)]
          let numbers = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
          guard try reader.state(of: tap, call: call) != .absent else {
            #expect(numbers.allSatisfy { $0.isNaN }, "what is absent reads as NaN")
            continue
          }
          let ours: [Float] = try reader.feature(tap, call: call).values
          // HDF5 converts bfloat16 by itself and makes every NaN the same one.
          let differing = zip(numbers, ours).count {
            $0.bitPattern != $1.bitPattern && !(dtype == .bfloat16 && $0.isNaN && $1.isNaN)
          }
          #expect(differing == 0, "\(tap) of call \(call)")
          // What was recorded, not only what both read.
          let expected = (0..<8).flatMap { Self.numbers(call: 8 * call + $0, dtype) }
          let changed = zip(ours, expected).count { $0 != $1 && !($0.isNaN && $1.isNaN) }
          #expect(changed == 0, "\(tap) of call \(call)")
        }
      }
    }
  }

  @Test("NumPy's files are imported, and NumPy reads an export")
  func arrays() throws {
    let setup = try Tool(["-c", "exec make -s python"], URL(filePath: "/bin/sh"))
    try #require(setup.status == 0, "\(setup.errors)")
    try withTemporaryDirectory { folder in
      // Halves that deflate packs, in more than one of the importer's pieces; `latent` runs backwards.
      let save = """
        import sys, numpy as np
        a = np.round(np.random.default_rng(7).standard_normal((4, 1100, 256)) * 8).astype("<f2")
        np.save(sys.argv[1] + "/plain.npy", a)
        np.savez(sys.argv[1] + "/stored.npz", output=a, latent=a[::-1])
        np.savez_compressed(sys.argv[1] + "/packed.npz", output=a, latent=a[::-1])
        """
      try #require(try Tool(["-c", save, folder.path], Self.python).status == 0)
      func load(_ taps: String) throws -> TraceReader {
        let calls = (0..<4).map { #"{"step": \#($0), "timestep": 1, "sigma": 1, "weight": -1}"# }
        let json = """
          {"model": "m", "solver": "s", "blocks": 1, "calls": [\(calls.joined(separator: ","))],
           "layouts": {"grid": {"channels": 256, "grid": [1, 11, 100]}}, "taps": {\(taps)}}
          """
        try Data(json.utf8).write(to: folder.appending(path: "meta.json"))
        let path = folder.path + "/x.h5"
        let run = try Tool("import", folder.path + "/meta.json", "-o", path, "--force")
        try #require(run.status == 0, "\(run.errors)")
        return try TraceReader(path: path)
      }
      let plain = try load(#""output": {"file": "plain.npy", "layout": "grid"}"#)
      let expected = try (0..<4).map { try plain.feature(.output, call: $0) }
      #expect(Set(expected[0].values).count > 10)
      for name in ["stored.npz", "packed.npz"] {
        let reader = try load(
          ["output", "latent"].map { #""\#($0)": {"file": "\#(name)", "array": "\#($0)", "layout": "grid"}"# }
            .joined(separator: ","))
        #expect(reader.dtype == .float16)
        for call in 0..<4 {
          #expect(try reader.feature(.output, call: call) == expected[call], "\(name)")
          #expect(try reader.feature(.latent, call: 3 - call) == expected[call], "\(name)")
        }
      }
      let export = try Tool("export", folder.path + "/x.h5", "-o", folder.path + "/out")
      #expect(export.status == 0, "\(export.errors)")
      let compare = """
        import sys, numpy as np
        a, b = (np.load(sys.argv[1] + name) for name in ("/plain.npy", "/out/output.npy"))
        c = np.load(sys.argv[1] + "/out/latent.npy")
        print(b.dtype, b.shape, np.array_equal(a, b), np.array_equal(a[::-1], c))
        """
      #expect(
        try Tool(["-c", compare, folder.path], Self.python).output == "float16 (4, 1100, 256) True True\n")
    }
  }
}
