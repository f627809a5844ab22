import Foundation
import TestSupport
import Testing
import Trace

@Suite struct RecorderTests {
  // A model of two blocks on one token of one channel: each stretch adds 1, `guided` is the mean of
  // the branches. It shows every tap and obeys jumps as ``CallHook`` demands.
  private static func run(_ group: [Call], _ hook: inout some CallHook) throws {
    let line = Tap.line(blockCount: 2)
    try hook.begin(group)
    var values = group.map { Float(100 * $0.ordinal) }
    var index = 0
    while index < line.count {
      let tap = line[index]
      if tap == .guided, values.count == group.count { values = [values.reduce(0, +) / Float(group.count)] }
      let answer = try hook.reached(tap, values.map { Tensor(rows: 1, columns: 1, values: [$0]) })
      switch answer {
      case .onward:
        index += 1
        values = values.map { $0 + 1 }
      case .jump(let target, let tensors):
        index = try #require(line.firstIndex(of: target))
        values = tensors.map { $0.values[0] }
      case .replace(let tensors):
        index += 1
        values = zip(values, tensors).map { ($1?.values[0] ?? $0) + 1 }
      }
    }
  }

  /// Jumps from one tap to another in the calls of one step; the values it puts there are -1, -2, ...
  private struct Jumper: CallHook {
    var step: Int
    var from: Tap
    var to: Tap
    var current = 0
    var shown: [Tap] = []

    mutating func begin(_ group: [Call]) { current = group[0].step }

    mutating func reached(_ tap: Tap, _ tensors: [Tensor]) -> Passage {
      if current == step { shown.append(tap) }
      guard current == step, tap == from else { return .onward }
      let count = to == .guided ? 1 : tensors.count
      return .jump(to: to, with: (1...count).map { Tensor(rows: 1, columns: 1, values: [-Float($0)]) })
    }
  }

  private static let line = Tap.line(blockCount: 2)

  private static func writer(_ path: String, stepCount: Int, branchCount: Int) throws -> TraceWriter {
    let header = TraceHeader(
      model: "adder", solver: "euler", shift: 1, stepCount: stepCount, branchCount: branchCount,
      blockCount: 2, recorder: "tests")
    return try TraceWriter(
      path: path, header: header, layouts: [.vector(name: "one", channelCount: 1)],
      taps: Dictionary(uniqueKeysWithValues: line.map { ($0, "one") }), callCount: stepCount * branchCount)
  }

  // Two steps of two branches, recorded at every tap; calls 2 and 3 are those of step 1.
  private func record(_ inner: any CallHook, _ body: (TraceReader, Recorder) throws -> Void) throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      let writer = try Self.writer(path, stepCount: 2, branchCount: 2)
      var recorder = Recorder(sink: writer, inner: inner)
      for step in 0..<2 {
        let group = (0..<2).map {
          Call(
            ordinal: 2 * step + $0, branch: $0, step: step, position: step, timestep: 0, sigma: 1,
            weight: -0.5)
        }
        try Self.run(group, &recorder)
      }
      try writer.finish()
      try body(try TraceReader(path: path), recorder)
    }
  }

  // One letter per tap of the line: fresh, predicted, derived, absent as a dot.
  private func picture(_ reader: TraceReader, call: Int) throws -> String {
    let letters: [TapState: String] = [.absent: ".", .fresh: "F", .predicted: "P", .derived: "D"]
    return try Self.line.map { letters[try reader.state(of: $0, call: call)] ?? "?" }.joined()
  }

  private func value(_ reader: TraceReader, _ tap: Tap, _ call: Int) throws -> Float {
    try reader.feature(tap, call: call).values[0]
  }

  @Test func aPlainRunIsFresh() throws {
    try record(Onward()) { reader, _ throws in
      // The line is latent timestep hidden.0 modulated block.1 block.2 hidden.2 output guided.
      #expect(
        try (0..<4).map { try picture(reader, call: $0) } == [
          "FFFFFFFFF", "FFFFFFFF.", "FFFFFFFFF", "FFFFFFFF.",
        ])
      // Call 3 starts at 300 and reaches block.1 after four stretches.
      #expect(try value(reader, .block(1), 3) == 304)
      // The outputs of step 1 are 207 and 307, and one more stretch adds 1 to each: mean 258.
      #expect(try value(reader, .guided, 2) == 258)
    }
  }

  @Test func aJumpOverTheBlocks() throws {
    try record(Jumper(step: 1, from: .modulated, to: .hidden(2))) { reader, recorder in
      // block.1 and block.2 are skipped, hidden.2 is announced, output and guided follow from it.
      #expect(
        try (0..<4).map { try picture(reader, call: $0) } == [
          "FFFFFFFFF", "FFFFFFFF.", "FFFF..PDD", "FFFF..PD.",
        ])
      #expect(try value(reader, .hidden(2), 2) == -1)
      #expect(try value(reader, .hidden(2), 3) == -2)
      #expect(try value(reader, .output, 3) == -1)
      // The inner hook sees the line as the model passes it.
      let jumper = try #require(recorder.inner as? Jumper)
      #expect(jumper.shown == [.latent, .timestep, .hidden(0), .modulated, .hidden(2), .output, .guided])
    }
  }

  @Test func aJumpToTheGuidedPrediction() throws {
    try record(Jumper(step: 0, from: .latent, to: .guided)) { reader, _ throws in
      #expect(
        try (0..<4).map { try picture(reader, call: $0) } == [
          "F.......P", "F........", "FFFFFFFFF", "FFFFFFFF.",
        ])
      #expect(try value(reader, .guided, 0) == -1)
    }
  }

  @Test func timesAddUpAndSkippedStretchesTakeNone() throws {
    try record(Jumper(step: 1, from: .modulated, to: .hidden(2))) { reader, _ throws in
      for call in reader.calls {
        let stretches = try Self.line.map { try reader.stretchSeconds(of: $0)[call.ordinal] }
        #expect(stretches.reduce(0, +) == call.seconds)
        #expect(stretches.allSatisfy { $0 >= 0 })
        #expect(call.seconds > 0)
      }
      for skipped in [Tap.block(1), .block(2)] {
        #expect(try reader.stretchSeconds(of: skipped)[2...] == [0, 0])
        #expect(try reader.stretchSeconds(of: skipped)[0] > 0)
      }
      // The branches of a step share its time.
      #expect(reader.calls[0].seconds == reader.calls[1].seconds)
      #expect(reader.calls[2].seconds == reader.calls[3].seconds)
    }
  }

  /// Burns a known time in the hook, which must not be counted as the model's.
  private struct Burner: CallHook {
    mutating func begin(_ group: [Call]) {}
    mutating func reached(_ tap: Tap, _ tensors: [Tensor]) -> Passage {
      let start = ContinuousClock.now
      while start.duration(to: .now) < .milliseconds(20) {}
      return .onward
    }
  }

  @Test func theHooksOwnTimeIsNotCounted() throws {
    try record(Burner()) { reader, _ throws in
      // A step burns 9 x 20 ms in the hook, 90 ms of it for each call. The smallest stretch over the
      // two steps would be 10 ms if it were counted; uncounted it is microseconds. Taking the smaller
      // of two steps keeps a busy machine from failing the test.
      for tap in Self.line.dropFirst() {
        let seconds = try reader.stretchSeconds(of: tap)
        #expect(min(seconds[0], seconds[2]) < 0.009)
      }
    }
  }

  /// Replaces the second branch's value at `block.1` of step 1.
  private struct Replacer: CallHook {
    var current = 0
    mutating func begin(_ group: [Call]) { current = group[0].step }
    mutating func reached(_ tap: Tap, _ tensors: [Tensor]) -> Passage {
      guard current == 1, tap == .block(1) else { return .onward }
      return .replace(with: [nil, Tensor(rows: 1, columns: 1, values: [-7])])
    }
  }

  // The first branch computes all of it; `guided`, where they meet, is kept with the first call.
  @Test("a replaced value is predicted, and what follows from it derived")
  func replacing() throws {
    try record(Replacer()) { reader, _ throws in
      #expect(
        try (0..<4).map { try picture(reader, call: $0) } == [
          "FFFFFFFFF", "FFFFFFFF.", "FFFFFFFFD", "FFFFPDDD.",
        ])
      #expect(try value(reader, .block(1), 3) == -7)
      #expect(try value(reader, .block(2), 3) == -6)
      #expect(try value(reader, .block(1), 2) == 204)
    }
  }

  /// Shows a group whose tensors have so many channels, and reaches `guided`.
  private func show(_ step: Int, channels: Int, _ recorder: inout Recorder) throws {
    try recorder.begin([Call(ordinal: step, step: step, position: step, timestep: 0, sigma: 1, weight: -0.5)])
    let tensor = Tensor(rows: 1, columns: channels, values: Array(repeating: Float(step), count: channels))
    for tap in Self.line { _ = try recorder.reached(tap, [tensor]) }
  }

  @Test("what goes wrong with a call is told at the next one and ends the writer; earlier calls are safe")
  func errorsOfHandedOverCalls() throws {
    try withTemporaryDirectory { folder throws in
      let path = folder.appendingPathComponent("x.h5").path
      let writer = try Self.writer(path, stepCount: 4, branchCount: 1)
      var recorder = Recorder(sink: writer)
      try show(0, channels: 1, &recorder)
      try writer.waitUntilRecorded()
      #expect(writer.recordedCallCount == 1)
      // Handed over, not looked at yet; then found out.
      try show(1, channels: 2, &recorder)
      let error = try #require(throws: TraceError.self) { try show(2, channels: 1, &recorder) }
      #expect(error.code == .invalid)
      #expect(error.description.contains("must be 1 x 1") && error.description.contains("1 recorded calls"))
      // Whatever is asked of the writer next says the same.
      #expect(throws: error) { try writer.finish() }
      #expect(throws: error) { try writer.waitUntilRecorded() }
      #expect(writer.recordedCallCount == 1)
      writer.abandon()
      _ = try TraceRecovery(of: writer.journalPath, to: path)
      #expect(try TraceReader(path: path).calls.count == 1)
    }
  }
}
