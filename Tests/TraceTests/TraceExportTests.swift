import Foundation
import TestSupport
import Testing
import Trace

/// A whole trace out to NumPy files and back in.
@Suite struct TraceExportTests {
  private func expectSame(_ trace: TraceReader, _ original: TraceReader) throws {
    var header = trace.header
    header.recorder = original.header.recorder
    #expect(header == original.header)
    #expect(trace.calls == original.calls)
    #expect(trace.taps == original.taps)
    #expect(trace.dtype == original.dtype)
    for tap in original.taps {
      #expect(try trace.layout(of: tap) == original.layout(of: tap))
      let states = try original.states(of: tap)
      #expect(try trace.states(of: tap) == states)
      for (call, state) in states.enumerated() where state != .absent {
        #expect(try trace.feature(tap, call: call) == original.feature(tap, call: call))
      }
    }
    for tap in Tap.line(blockCount: original.header.blockCount) {
      #expect(try trace.stretchSeconds(of: tap) == original.stretchSeconds(of: tap))
    }
    for chunk in 0..<original.header.chunkCount {
      #expect(try trace.final(chunk: chunk) == original.final(chunk: chunk))
    }
    _ = try TraceVerification(of: trace)
  }

  @Test(
    "a cached run goes out and comes back with states, times and final latents",
    arguments: StorageType.allCases)
  func roundTrip(dtype: StorageType) throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/sample.h5"
      try SampleTrace.record(to: path, dtype: dtype).finish()
      let original = try TraceReader(path: path)
      let out = folder.path + "/out"
      try TraceExport.write(original, to: out)
      let names = try FileManager.default.contentsOfDirectory(atPath: out).sorted()
      #expect(
        names == [
          "block.1.npy", "final.npy", "guided.npy", "hidden.0.npy", "latent.npy", "meta.json", "output.npy",
          "timestep.npy",
        ])
      #expect(expectTraceError(.exists) { try TraceExport.write(original, to: out) } != nil)
      let back = folder.path + "/back.h5"
      #expect(try TraceImport.write(out + "/meta.json", to: back, recorder: "tests") == 4)
      try expectSame(try TraceReader(path: back), original)
    }
  }

  @Test("experts, solver stages, prompts and seeds are imported, and positions counted in each stream")
  func everything() throws {
    try withTemporaryDirectory { folder in
      // A two-stage solver whose second step is of another expert; two branches; one token of one channel.
      let clocks = [0, 1].flatMap { step in [0, 1].flatMap { stage in [0, 1].map { (step, stage, $0) } } }
      let calls = clocks.map { step, stage, branch in
        """
        {"step": \(step), "stage": \(stage), "branch": \(branch), "expert": \(step), "timestep": 1, "sigma": 1,
         "weight": -0.5, "guidance": 5, "stretches": {"hidden.0": 0.25, "hidden.1": 2}}
        """
      }
      let file = try NumPyFile(path: folder.path + "/output.npy", type: "<f4", shape: [8, 1, 1])
      try file.append((0..<8).map { Float($0) }.withUnsafeBytes { Data($0) })
      try file.finish()
      let json = """
        {"model": "m", "solver": "heun", "blocks": 1, "chunks": 3, "scene_seed": 7, "noise_seed": -1,
         "conditions": [{"name": "prompt", "text": "a room"}, {"name": "camera", "numbers": [1, 0.5]}],
         "calls": [\(calls.joined(separator: ","))], "layouts": {"output": {"channels": 1, "grid": [1, 1, 1]}},
         "taps": {"output": {"file": "output.npy"}}}
        """
      try Data(json.utf8).write(to: folder.appendingPathComponent("meta.json"))
      let path = folder.path + "/x.h5"
      _ = try TraceImport.write(folder.path + "/meta.json", to: path, recorder: "tests")
      let reader = try TraceReader(path: path)
      #expect(reader.calls.map(\.expert) == [0, 0, 0, 0, 1, 1, 1, 1])
      #expect(reader.calls.map(\.stage) == [0, 0, 1, 1, 0, 0, 1, 1])
      #expect(reader.calls.map(\.branch) == [0, 1, 0, 1, 0, 1, 0, 1])
      #expect(reader.calls.map(\.position) == [0, 0, 1, 1, 0, 0, 1, 1])
      #expect(reader.calls.allSatisfy { $0.seconds == 2.25 })
      #expect(try reader.stretchSeconds(of: .hidden(1)).allSatisfy { $0 == 2 })
      #expect(reader.header.chunkCount == 3)
      #expect(reader.header.sceneSeed == 7 && reader.header.noiseSeed == -1)
      #expect(reader.header.conditions == [Condition("prompt", "a room"), Condition("camera", [1, 0.5])])
    }
  }

  @Test("what contradicts itself is refused with its place")
  func refusals() throws {
    try withTemporaryDirectory { folder in
      let file = try NumPyFile(path: folder.path + "/output.npy", type: "<f4", shape: [1, 2, 3])
      try file.append(Data(count: 24))
      try file.finish()
      func complaint(
        layout: String = #""grid": [1, 1, 2]"#, tap: String = "", more: String = "", call: String = ""
      ) throws -> String {
        let json = """
          {"model": "m", "solver": "s", "blocks": 1\(more), "layouts": {"output": {"channels": 3, \(layout)}},
           "calls": [{"step": 0, "timestep": 1, "sigma": 1, "weight": -1\(call)}],
           "taps": {"output": {"file": "output.npy"\(tap)}}}
          """
        try Data(json.utf8).write(to: folder.appendingPathComponent("meta.json"))
        let error = #expect(throws: TraceError.self) {
          try TraceImport.write(folder.path + "/meta.json", to: folder.path + "/x.h5", recorder: "tests")
        }
        return error.map { "\($0.location): \($0.message)" } ?? ""
      }
      #expect(
        try complaint(tap: #", "states": ["warm"]"#)
          == "taps.output.states: there is no state 'warm'; there are absent, fresh, predicted, derived")
      #expect(
        try complaint(tap: #", "states": ["fresh", "fresh"]"#)
          == "taps.output.states: there must be one for each of the 1 calls, there are 2")
      #expect(
        try complaint(layout: #""modalities": ["a"]"#)
          == "layouts.output: a layout needs either a grid or tokens")
      #expect(
        try complaint(
          layout: #""tokens": {"modality": [0, 0], "frame": [0], "row": [0, 0], "column": [0, 1]}"#)
          == "layouts.output.tokens: the lists must be of one length")
      #expect(
        try complaint(layout: #""grid": [1, 1, 2], "valid_channels": [3, 2]"#)
          == "layouts.output.valid_channels: there must be one number for each of the 1 modalities, there are 2"
      )
      #expect(
        try complaint(more: #", "conditions": [{"name": "prompt"}]"#)
          == "conditions: the condition 'prompt' needs either a text or numbers")
      #expect(
        try complaint(call: #", "stretches": {"hidden": 1}"#)
          == "calls[0].stretches: there is no tap 'hidden'")
      #expect(try complaint(more: #", "steps": 0"#).contains("steps"))
      #expect(
        try complaint(more: #", "final": {"file": "f.npy", "layout": "output"}"#).hasPrefix(
          "final: 'layout' means nothing here"))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
          "meta.json", "output.npy",
        ])
    }
  }
}
