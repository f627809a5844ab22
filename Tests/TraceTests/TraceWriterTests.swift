import Foundation
import TestSupport
import Testing
import Trace

@Suite struct TraceWriterTests {
  @Test func refusesToOverwrite() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
      expectTraceError(.exists) { try SampleTrace.record(to: path) }
      #expect(try files(folder) == ["x.h5"])
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("mine".utf8))
    }
  }

  @Test func overwritesOnlyWhenFinished() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      try Data("old".utf8).write(to: URL(fileURLWithPath: path))
      let writer = try oneCallWriter(path, overwrite: true)
      try writer.append(call, features: [:])
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("old".utf8))
      try writer.finish()
      #expect(try TraceReader(path: path).calls.count == 1)
    }
  }

  @Test func aFileThatAppearsMeanwhileIsNotOverwritten() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      let writer = try SampleTrace.record(to: path)
      try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
      expectTraceError(.exists) { try writer.finish() }
      // The recording is not lost: it can be recovered under another name.
      #expect(try files(folder) == ["x.h5", "x.h5.wcj"])
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("mine".utf8))
      let other = folder.appendingPathComponent("y.h5").path
      #expect(try TraceRecovery(of: path + ".wcj", to: other).isWhole)
    }
  }

  @Test func leavesTheUnfinishedFileOfAnotherRecordingAlone() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      try Data("killed".utf8).write(to: URL(fileURLWithPath: path + ".partial"))
      let writer = try SampleTrace.record(to: path)
      try writer.finish()
      #expect(try files(folder) == ["x.h5", "x.h5.partial"])
      #expect(try Data(contentsOf: URL(fileURLWithPath: path + ".partial")) == Data("killed".utf8))
    }
  }

  @Test func droppingTheWriterLeavesTheJournalUnlessEmpty() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      _ = try oneCallWriter(path)
      #expect(try files(folder) == [])
      _ = try SampleTrace.record(to: path)
      #expect(try files(folder) == ["x.h5.wcj"])
    }
  }

  // But for the journal's random number and the checksums that it enters, between the blocks.
  @Test func theSameRecordingGivesTheSameFile() throws {
    try withTemporaryDirectory { folder throws in
      let paths = ["a.h5", "b.h5"].map { folder.appendingPathComponent($0).path }
      for path in paths { try SampleTrace.record(to: path).finish() }
      let files = try paths.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
      #expect(files[0].count == files[1].count && files[0].prefix(48) == files[1].prefix(48))
      let end = try #require(files[0].range(of: Data("OHDR".utf8))).lowerBound
      #expect(files[0][end...] == files[1][end...])
    }
  }

  @Test func cannotWriteIntoAMissingFolder() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("none/x.h5").path
      expectTraceError(.inputOutput) { try SampleTrace.record(to: path) }
    }
  }

  @Test func refusesDescriptionsThatContradictThemselves() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      func attempt(
        _ layouts: [TokenTable] = [SampleTrace.output], taps: [Tap: String] = [.output: "output"],
        calls: Int = 1
      ) -> String? {
        expectTraceError(.invalid) {
          try TraceWriter(
            path: path, header: SampleTrace.header, layouts: layouts, taps: taps, callCount: calls)
        }?.message
      }
      #expect(attempt(calls: 0) == "the number of calls must be 1 to 16777216, it is 0")
      #expect(attempt([]) == "the tap output names a layout 'output' that is not given")
      #expect(attempt(taps: [:]) == "a trace must record at least one tap")
      #expect(attempt(taps: [.block(2): "output"]) == "a model with 1 blocks has no tap block.2")
      #expect(attempt([SampleTrace.output, SampleTrace.output]) == "each layout needs a name of its own")
      var layout = SampleTrace.output
      layout.modalities = ["rgb,depth", "x"]
      #expect(
        attempt([layout]) == "the layout output needs modalities whose names are not empty and have no comma")
      layout = SampleTrace.output
      layout.tokens[3].validChannels = 5
      #expect(
        attempt([layout])
          == "row 3 of the layout output names a modality, channels or a place that it cannot have")
      #expect(try files(folder).isEmpty)
    }
  }

  // Each refused call ends its writer and removes the file.
  @Test func refusesCallsThatDoNotFit() throws {
    try withTemporaryDirectory { folder throws in
      func attempt(
        ordinal: Int = 0, step: Int = 0, states: [Tap: TapState] = [:], features: [Tap: Tensor] = [:],
        stretchSeconds: [Tap: Double] = [:]
      ) throws -> String? {
        let writer = try oneCallWriter(folder.appendingPathComponent("x.h5").path, dtype: .float16)
        var call = call
        call.ordinal = ordinal
        call.step = step
        let error = expectTraceError(.invalid) {
          try writer.append(call, states: states, stretchSeconds: stretchSeconds, features: features)
        }
        #expect(try files(folder).isEmpty)
        return error?.message
      }
      let tensor = Tensor(zeros: 6, 4)
      #expect(try attempt(ordinal: 1) == "call 0 must come next, not call 1")
      #expect(try attempt(step: 1) == "the step of call 0 must be 0 to 0, it is 1")
      #expect(try attempt(features: [.latent: tensor]) == "the tap latent is not recorded here")
      #expect(
        try attempt(features: [.output: Tensor(zeros: 4, 6)])
          == "at the tap output, the tensor must be 6 x 4 as the layout output says, it is 4 x 6")
      #expect(
        try attempt(states: [.output: .fresh])
          == "the tap output must have a tensor exactly when it is not absent")
      #expect(
        try attempt(states: [.output: .absent], features: [.output: tensor])
          == "the tap output must have a tensor exactly when it is not absent")
      #expect(try attempt(stretchSeconds: [.block(2): 1]) == "a model with 1 blocks has no tap block.2")
      // The largest half-precision number is 65504; from 65520 on values round to infinity.
      var large = tensor
      large.values[5] = -65520
      #expect(
        try attempt(features: [.output: large])
          == "a value at the tap output is too large for float16; record as float32")
    }
  }

  @Test func refusesToFinishHalfARecording() throws {
    try withTemporaryDirectory { folder throws in
      let writer = try oneCallWriter(folder.appendingPathComponent("x.h5").path)
      let error = expectTraceError(.invalid) { try writer.finish() }
      #expect(error?.message == "1 calls were announced, 0 were recorded")
      #expect(try files(folder).isEmpty)
    }
  }

  @Test func finalLatentsAreForAllChunksOrNone() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      let writer = try oneCallWriter(path)
      try writer.append(call, features: [.output: Tensor(zeros: 6, 4)])
      try writer.setFinal(chunk: 1, SampleTrace.final(chunk: 1))
      let error = expectTraceError(.invalid) { try writer.finish() }
      #expect(
        error?.message
          == "1 of 2 chunks have a final latent; give all or none; 'wctrace recover \(path).wcj' makes a trace of the 1 "
          + "recorded calls")
      let without = try oneCallWriter(path, overwrite: true)
      try without.append(call, features: [.output: Tensor(zeros: 6, 4)])
      try without.finish()
      expectTraceError(.lacking) { try TraceReader(path: path).final(chunk: 0) }
    }
  }

  private let call = Call(ordinal: 0, step: 0, position: 0, timestep: 0, sigma: 1, weight: -1)

  private func oneCallWriter(
    _ path: String, dtype: StorageType = .float32, overwrite: Bool = false
  ) throws -> TraceWriter {
    try TraceWriter(
      path: path, header: SampleTrace.header, layouts: [SampleTrace.output], taps: [.output: "output"],
      callCount: 1,
      dtype: dtype, overwrite: overwrite)
  }

  private func files(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
  }
}
