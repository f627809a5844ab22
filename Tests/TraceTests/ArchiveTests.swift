import Foundation
import TestSupport
import Testing
import Trace

/// Arrays in NumPy's archives (.npz).
@Suite struct ArchiveTests {
  // numpy 2.4.6: savez and savez_compressed of output = arange(12, dtype float32) * float32(0.1), (2, 3, 2).
  private static let stored = """
    UEsDBC0AAAAAAAAAIQBJOiAg//////////8KABQAb3V0cHV0Lm5weQEAEACwAAAAAAAAALAAAAAAAAAAk05VTVBZAQB2AHsnZGVz\
    Y3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMsIDIpLCB9ICAgICAgICAgICAgICAgICAg\
    ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAzczMPc3MTD6amZk+zczMPgAAAD+amRk/MzMzP83MTD9n\
    ZmY/AACAP83MjD9QSwECLQMtAAAAAAAAACEASTogILAAAACwAAAACgAAAAAAAAAAAAAAgAEAAAAAb3V0cHV0Lm5weVBLBQYAAAAA\
    AQABADgAAADsAAAAAAA=
    """
  private static let packed = """
    UEsDBC0AAAAIAAAAIQBJOiAg//////////8KABQAb3V0cHV0Lm5weQEAEACwAAAAAAAAAHQAAAAAAAAAm+wX6hsQychQxlCtnpJa\
    nFykbqWgbpNmoq6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKxjoKRpo6CrUK5AEuBiA4e+aM7dkzPnazZs60A7Lt\
    gEL2s2ZK2hsbG9sDxe3T09LsGRgagOweewBQSwECLQMtAAAACAAAACEASTogIHQAAACwAAAACgAAAAAAAAAAAAAAgAEAAAAAb3V0\
    cHV0Lm5weVBLBQYAAAAAAQABADgAAACwAAAAAAA=
    """
  // Python's zipfile: a hundred calls of 0.5. Its last match of 258 bytes goes over several calls' entries.
  private static let repeated = """
    UEsDBBQAAAAIAAAAIQAGr930YAAAAOAJAAAKAAAAb3V0cHV0Lm5weZvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSY\
    F59flJIKEndLzClOBYoXZyQWpAL5GoYGBjoKxjoKRpo6CrUK5AAuBgYG+1E8ikfxKB7Fo3gUj+JRTD0MAFBLAQIUAxQAAAAIAAAA\
    IQAGr930YAAAAOAJAAAKAAAAAAAAAAAAAACAAQAAAABvdXRwdXQubnB5UEsFBgAAAAABAAEAOAAAAIgAAAAAAA==
    """
  private static let numbers: [Float] = (0..<12).map { Float($0) * 0.1 }

  private static let calls = """
    {"step": 0, "timestep": 1000, "sigma": 1, "weight": -0.25},
    {"step": 1, "timestep": 750, "sigma": 0.75, "weight": -0.75}
    """

  private func make(
    _ archive: Data, array: String = "", states: String = "", calls: String = calls, in folder: URL
  ) throws -> TraceReader {
    try archive.write(to: folder.appendingPathComponent("x.npz"))
    let json = """
      {"model": "m", "solver": "euler", "blocks": 1, "layouts": {"output": {"channels": 2, "grid": [1, 1, 3]}},
       "calls": [\(calls)],
       "taps": {"output": {"file": "x.npz"\(array)\(states)}}}
      """
    try Data(json.utf8).write(to: folder.appendingPathComponent("meta.json"))
    _ = try TraceImport.write(
      folder.path + "/meta.json", to: folder.path + "/x.h5", recorder: "tests", overwrite: true)
    return try TraceReader(path: folder.path + "/x.h5")
  }

  @Test("stored and deflated arrays are read", arguments: [stored, packed])
  func read(text: String) throws {
    try withTemporaryDirectory { folder in
      let archive = try #require(Data(base64Encoded: text))
      for array in ["", #", "array": "output""#, #", "array": "output.npy""#] {
        let reader = try make(archive, array: array, in: folder)
        for call in 0..<2 {
          #expect(
            try reader.feature(.output, call: call).values == Array(Self.numbers[6 * call..<6 * call + 6]))
        }
      }
      // Absent calls are passed over, and what follows is at its place.
      let reader = try make(archive, states: #", "states": ["absent", "fresh"]"#, in: folder)
      #expect(try reader.states(of: .output) == [.absent, .fresh])
      #expect(try reader.feature(.output, call: 1).values == Array(Self.numbers[6...]))
      let error = #expect(throws: TraceError.self) {
        try make(archive, array: #", "array": "latent""#, in: folder)
      }
      #expect(error?.message == "there is no array 'latent'; the file has output")
    }
  }

  @Test("what is packed tighter than its entries is read to its end, and missed where it is cut")
  func repeated() throws {
    try withTemporaryDirectory { folder in
      let archive = try #require(Data(base64Encoded: Self.repeated))
      let calls = (0..<100).map { #"{"step": \#($0), "timestep": 1, "sigma": 1, "weight": -0.01}"# }
        .joined(separator: ", ")
      let reader = try make(archive, calls: calls, in: folder)
      for call in [0, 50, 99] {
        #expect(try reader.feature(.output, call: call).values == Array(repeating: 0.5, count: 6))
      }
      // 96 packed bytes, 2528 unpacked: of 20 fewer the last calls are missing.
      var short = archive
      for place in [18, archive.count - 78 + 20] { short[place] -= 20 }
      let error = #expect(throws: TraceError.self) { try make(short, calls: calls, in: folder) }
      #expect(error?.message == "the array is damaged: its packed bytes end too early", "\(error!)")
    }
  }

  @Test("a damaged archive is refused, or gives the same numbers", arguments: [stored, packed])
  func damage(text: String) throws {
    try withTemporaryDirectory { folder in
      let archive = try #require(Data(base64Encoded: text))
      var refused = 0
      func examine(_ damaged: Data, _ what: String, states: String = "") throws {
        do {
          let reader = try make(damaged, states: states, in: folder)
          #expect(try reader.feature(.output, call: 0).values == Array(Self.numbers[..<6]), "\(what)")
        } catch let error as TraceError {
          #expect([.corrupt, .lacking, .invalid].contains(error.code), "\(what): \(error)")
          refused += 1
        }
      }
      for index in archive.indices {
        var damaged = archive
        damaged[index] ^= 1 << UInt8(index % 8)
        // The last call is absent, and its bytes count all the same.
        try examine(damaged, "byte \(index)", states: #", "states": ["fresh", "absent"]"#)
      }
      #expect(refused > archive.count / 2)
      for count in stride(from: 0, to: archive.count, by: 3) {
        let before = refused
        try examine(archive.prefix(count), "cut at \(count)")
        #expect(refused == before + 1)
      }
    }
  }
}
