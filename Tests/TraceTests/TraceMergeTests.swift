import Foundation
import TestSupport
import Testing
import Trace

@Suite struct TraceMergeTests {
  // The sample's calls that `keep` names, with some of its taps, as a process of its own records them.
  private func part(
    _ path: String, taps: [Tap] = Array(SampleTrace.taps.keys), finals: Bool = false,
    noiseSeed: Int = -1, value: Float? = nil, prompt: String? = nil, lossy: LossyRule? = nil,
    coding: FeatureCoding = .plain, keep: (Call) -> Bool = { _ in true }
  ) throws {
    var header = SampleTrace.header
    header.noiseSeed = noiseSeed
    header.conditions = prompt.map { [Condition("prompt", $0)] } ?? []
    let calls = SampleTrace.calls.filter(keep)
    let taps = SampleTrace.taps.filter { taps.contains($0.key) }
    let writer = try TraceWriter(
      path: path, header: header, layouts: [SampleTrace.output, SampleTrace.step], taps: taps,
      callCount: calls.count, coding: coding, lossy: lossy)
    for (ordinal, call) in calls.enumerated() {
      var own = call
      own.ordinal = ordinal
      let states = Dictionary(
        uniqueKeysWithValues: taps.keys.map { ($0, SampleTrace.state($0, call: call.ordinal)) })
      var features: [Tap: Tensor] = [:]
      for (tap, state) in states where state != .absent {
        features[tap] = SampleTrace.tensor(tap, call: call.ordinal)
        if let value { features[tap]?.values[3] = value }
      }
      try writer.append(
        own, states: states, stretchSeconds: SampleTrace.stretchSeconds(call: call.ordinal),
        features: features)
    }
    if finals {
      for chunk in 0..<2 { try writer.setFinal(chunk: chunk, SampleTrace.final(chunk: chunk)) }
    }
    try writer.finish()
  }

  private func complaint(_ paths: [String], _ folder: URL) throws -> TraceError? {
    let output = folder.path + "/merged"
    let error = #expect(throws: TraceError.self) { try TraceMerge(of: paths, to: output) }
    // Nothing is left of a merge that failed.
    #expect(!FileManager.default.fileExists(atPath: output))
    #expect(!FileManager.default.fileExists(atPath: output + ".partial"))
    return error
  }

  @Test("branches recorded by two processes make the rollout of one", arguments: [false, true])
  func branches(reversed: Bool) throws {
    try withTemporaryDirectory { folder in
      let (a, b, whole) = (folder.path + "/a.h5", folder.path + "/b.h5", folder.path + "/whole.h5")
      try part(a, finals: true) { $0.branch == 0 }
      try part(b) { $0.branch == 1 }
      try SampleTrace.record(to: whole).finish()
      let merge = try TraceMerge(of: reversed ? [b, a] : [a, b], to: folder.path + "/merged")
      #expect(merge.rollouts.map(\.callCount) == [4])
      #expect(merge.rollouts.map(\.plannedCallCount) == [4])
      #expect(merge.rollouts[0].path == folder.path + (reversed ? "/merged/b.h5" : "/merged/a.h5"))
      // The digest covers header, layouts, calls, states, times, tensors and final latents.
      #expect(
        try TraceReader(path: merge.rollouts[0].path).digest == TraceReader(path: whole).digest)
    }
  }

  @Test func tapsAndChunksAreJoined() throws {
    try withTemporaryDirectory { folder in
      let names = ["0", "1", "more"].map { folder.path + "/\($0).h5" }
      try part(names[0], taps: [.latent, .output]) { $0.chunk == 0 }
      try part(names[1], taps: [.latent, .output]) { $0.chunk == 1 }
      try part(names[2], taps: SampleTrace.taps.keys.filter { $0 != .output }, finals: true)
      let whole = folder.path + "/whole.h5"
      try SampleTrace.record(to: whole).finish()
      let merge = try TraceMerge(of: names, to: folder.path + "/merged")
      #expect(merge.rollouts[0].sources == names)
      #expect(
        try TraceReader(path: merge.rollouts[0].path).digest == TraceReader(path: whole).digest)
    }
  }

  @Test("a trace with everything is copied byte for byte, and repeats are named")
  func copies() throws {
    try withTemporaryDirectory { folder in
      let set = folder.path + "/set"
      try FileManager.default.createDirectory(atPath: set, withIntermediateDirectories: false)
      let (a, part0) = (set + "/a.h5", folder.path + "/part.h5")
      try part(a, finals: true)
      try part(part0, taps: [.output]) { $0.chunk == 0 }
      try part(set + "/again.h5", finals: true)
      // Another rollout of the same name.
      try part(folder.path + "/a.h5", noiseSeed: 5)
      let output = folder.path + "/merged"
      let merge = try TraceMerge(of: [part0, set, folder.path + "/a.h5", a], to: output)
      #expect(merge.rollouts.map(\.path) == [output + "/a.h5", output + "/a-2.h5"])
      #expect(merge.rollouts[0].sources == [a])
      #expect(merge.rollouts[0].repeats == [part0, set + "/again.h5"])
      #expect(
        try Data(contentsOf: URL(filePath: output + "/a.h5")) == Data(contentsOf: URL(filePath: a)))
      expectTraceError(.exists) { try TraceMerge(of: [a], to: output) }
    }
  }

  @Test("another prompt is another rollout")
  func conditions() throws {
    try withTemporaryDirectory { folder in
      let paths = ["a", "b"].map { "\(folder.path)/\($0).h5" }
      for path in paths { try part(path, prompt: path) }
      let merge = try TraceMerge(of: paths, to: folder.path + "/merged")
      #expect(merge.rollouts.map(\.sources) == paths.map { [$0] })
    }
  }

  @Test func stepDifferencesAreJoinedAndRoundedFeaturesAreNot() throws {
    try withTemporaryDirectory { folder in
      let (a, b) = (folder.path + "/a.h5", folder.path + "/b.h5")
      try part(a, taps: [.output], coding: .stepDelta) { $0.branch == 0 }
      try part(b, taps: [.output], coding: .stepDelta) { $0.branch == 1 }
      let merge = try TraceMerge(of: [a, b], to: folder.path + "/deltas")
      let trace = try TraceReader(path: merge.rollouts[0].path)
      #expect(trace.coding == .stepDelta)
      for call in 0..<4 {
        #expect(try trace.feature(.output, call: call) == SampleTrace.tensor(.output, call: call))
      }
      let c = folder.path + "/c.h5"
      try part(c, taps: [.output], lossy: LossyRule(fraction: 0.5)) { $0.branch == 1 }
      let error = try complaint([a, c], folder)
      #expect(error?.path == c)
      #expect(
        error?.message
          == "features that were rounded when recording cannot be joined with others, as their bounds would change"
      )
    }
  }

  @Test("values that contradict each other are refused with the place")
  func contradictions() throws {
    try withTemporaryDirectory { folder in
      let (a, b, c) = (folder.path + "/a.h5", folder.path + "/b.h5", folder.path + "/c.h5")
      try part(a, taps: [.output])
      try part(b, taps: [.output], value: 9) { $0.ordinal == 2 }
      let value = try complaint([a, b], folder)
      #expect(value?.code == .invalid)
      #expect(value?.path == b)
      #expect(value?.location == "/taps/output, call 0")
      #expect(
        value?.message == "the same call has other values in \(a): these are not parts of one recording")
      try Data("x".utf8).write(to: URL(filePath: c))
      #expect(try complaint([a, c], folder)?.code == .notATrace)
      #expect(try complaint([folder.path + "/none.h5"], folder)?.code == .missing)
      var bytes = try Data(contentsOf: URL(filePath: a))
      let magic = try #require(bytes.range(of: Data([0x28, 0xb5, 0x2f, 0xfd])))
      bytes[magic.upperBound + 8] ^= 1
      try bytes.write(to: URL(filePath: a))
      #expect(try complaint([a], folder)?.code == .corrupt)
      let empty = folder.path + "/empty"
      try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
      #expect(try complaint([empty], folder)?.message == "the folder has no trace (.h5)")
      try Data().write(to: URL(filePath: empty + "/x.h5.wcj"))
      let journal = try complaint([empty], folder)
      #expect(journal?.code == .unfinished)
      #expect(journal?.path == empty + "/x.h5.wcj")
    }
  }
}
