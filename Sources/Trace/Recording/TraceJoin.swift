import Foundation

/// One rollout from the traces that hold parts of it.
struct TraceJoin {
  /// Where a call stands in its rollout, whatever its number in a trace.
  private struct Place: Hashable, Comparable {
    var clocks: [Int]

    init(_ call: Call) { clocks = [call.chunk, call.step, call.stage, call.branch, call.expert] }

    static func < (a: Place, b: Place) -> Bool { a.clocks.lexicographicallyPrecedes(b.clocks) }
  }

  /// A call with its ordinals in the traces that have it, by index of the trace.
  private struct Entry {
    var call: Call
    var ordinals: [(trace: Int, ordinal: Int)]
  }

  private let traces: [TraceReader]
  private let entries: [Entry]
  private let taps: [Tap: TokenTable]
  // The trace that alone holds everything, if one does.
  private let whole: Int?
  // Traces that hold something which no earlier one does.
  private let contributors: [Int]

  /// Throws `invalid` when the traces differ in their tokens or calls.
  init(of traces: [TraceReader]) throws(TraceError) {
    self.traces = traces
    entries = try Self.entries(traces)
    taps = try Self.taps(traces)
    let features = traces.indices.map { Self.features(of: traces[$0]) }
    var known: Set<[Int]> = []
    var contributors: [Int] = []
    for index in traces.indices where !features[index].isSubset(of: known) {
      known.formUnion(features[index])
      contributors.append(index)
    }
    let tapCount = taps.count
    let whole = traces.indices.first { features[$0] == known && traces[$0].taps.count == tapCount }
    self.whole = whole
    self.contributors = whole.map { [$0] } ?? contributors
  }

  var sources: [String] { contributors.map { traces[$0].path } }
  var repeats: [String] { traces.indices.filter { !contributors.contains($0) }.map { traces[$0].path } }
  var callCount: Int { entries.count }
  var plannedCallCount: Int { max(callCount, traces.map(\.plannedCallCount).max() ?? 0) }

  /// Writes the trace; throws `invalid` where two traces hold different values.
  func write(to path: String) throws(TraceError) {
    guard let whole else { return try join(to: path) }
    for index in entries.indices { _ = try features(of: entries[index]) }
    for chunk in 0..<traces[0].header.chunkCount { _ = try final(chunk) }
    do {
      try FileManager.default.copyItem(atPath: traces[whole].path, toPath: path)
    } catch {
      throw TraceError(.inputOutput, path: path, "the trace cannot be copied: \(error.localizedDescription)")
    }
    try FileSystem.sync(path)
    _ = try TraceVerification(of: TraceReader(path: path))
  }

  private func join(to path: String) throws(TraceError) {
    let first = traces[contributors[0]]
    for index in contributors where traces[index].lossy != nil {
      throw TraceError(
        .invalid, path: traces[index].path,
        "features that were rounded when recording cannot be joined with others, as their bounds would change"
      )
    }
    let layouts = taps.values.reduce(into: [:]) { $0[$1.name] = $1 }.values.sorted { $0.name < $1.name }
    let writer = try TraceWriter(
      path: path, header: first.header, layouts: layouts, taps: taps.mapValues(\.name),
      callCount: plannedCallCount, dtype: first.dtype, coding: first.coding, keyInterval: first.keyInterval)
    for entry in entries {
      let (states, features) = try features(of: entry)
      let (source, ordinal) = (traces[entry.ordinals[0].trace], entry.ordinals[0].ordinal)
      try writer.append(
        entry.call, states: states, stretchSeconds: source.stretches.mapValues { $0[ordinal] },
        features: features)
    }
    for chunk in 0..<first.header.chunkCount {
      if let final = try final(chunk) { try writer.setFinal(chunk: chunk, final) }
    }
    guard callCount < plannedCallCount else { return try writer.finish() }
    writer.abandon()
    _ = try TraceRecovery(of: writer.journalPath, to: path)
    FileSystem.remove(writer.journalPath)
  }

  // What is known of a call, compared bit for bit wherever several traces hold it.
  private func features(of entry: Entry) throws(TraceError) -> (states: [Tap: TapState], [Tap: Tensor]) {
    var states: [Tap: TapState] = [:]
    var features: [Tap: (tensor: Tensor, path: String)] = [:]
    for (index, ordinal) in entry.ordinals {
      let trace = traces[index]
      for tap in trace.taps {
        let state = try trace.state(of: tap, call: ordinal)
        guard state != .absent else { continue }
        let tensor = try trace.feature(tap, call: ordinal)
        guard let (known, path) = features[tap] else {
          states[tap] = state
          features[tap] = (tensor, trace.path)
          continue
        }
        guard states[tap] == state, known.hasSameBits(as: tensor) else {
          throw TraceError(
            .invalid, path: trace.path, at: "/taps/\(tap), call \(ordinal)",
            "the same call has other values in \(path): these are not parts of one recording")
        }
      }
    }
    return (states, features.mapValues(\.tensor))
  }

  private func final(_ chunk: Int) throws(TraceError) -> Tensor? {
    var found: (tensor: Tensor, path: String)?
    for trace in traces where trace.finalLatents != nil {
      let tensor = try trace.final(chunk: chunk)
      guard let (known, path) = found else {
        found = (tensor, trace.path)
        continue
      }
      guard known.hasSameBits(as: tensor) else {
        throw TraceError(
          .invalid, path: trace.path, at: "/final",
          "chunk \(chunk) has another final latent in \(path): these are not parts of one recording")
      }
    }
    return found?.tensor
  }

  private static func entries(_ traces: [TraceReader]) throws(TraceError) -> [Entry] {
    var entries: [Place: Entry] = [:]
    for (index, trace) in traces.enumerated() {
      for call in trace.calls {
        let place = Place(call)
        guard var entry = entries[place] else {
          entries[place] = Entry(call: call, ordinals: [(index, call.ordinal)])
          continue
        }
        guard entry.ordinals.allSatisfy({ $0.trace != index }) else {
          throw TraceError(
            .invalid, path: trace.path, at: "call \(call.ordinal)",
            "another call has the same chunk, step, stage, branch and expert, so that parts cannot be matched"
          )
        }
        var same = call
        (same.ordinal, same.position, same.seconds) = (
          entry.call.ordinal, entry.call.position, entry.call.seconds
        )
        guard same == entry.call else {
          throw TraceError(
            .invalid, path: trace.path, at: "call \(call.ordinal)",
            "the call has another noise level, guidance or weight in \(traces[entry.ordinals[0].trace].path)")
        }
        entry.ordinals.append((index, call.ordinal))
        entries[place] = entry
      }
    }
    var counts: [[Int]: Int] = [:]
    return entries.sorted { $0.key < $1.key }.enumerated().map { ordinal, element in
      var entry = element.value
      let stream = [entry.call.chunk, entry.call.branch, entry.call.expert]
      entry.call.ordinal = ordinal
      entry.call.position = counts[stream, default: 0]
      counts[stream, default: 0] += 1
      return entry
    }
  }

  private static func taps(_ traces: [TraceReader]) throws(TraceError) -> [Tap: TokenTable] {
    var taps: [Tap: TokenTable] = [:]
    var layouts: [String: TokenTable] = [:]
    for trace in traces {
      for tap in trace.taps {
        let layout = try trace.layout(of: tap)
        guard taps[tap] ?? layout == layout, layouts[layout.name] ?? layout == layout else {
          throw TraceError(
            .invalid, path: trace.path, at: "/taps/\(tap)",
            "the traces of this rollout hold different tokens; parts are joined by calls and taps only")
        }
        taps[tap] = layout
        layouts[layout.name] = layout
      }
    }
    return taps
  }

  // A mark for every call, feature and final latent that a trace holds.
  private static func features(of trace: TraceReader) -> Set<[Int]> {
    var marks: Set<[Int]> = trace.finalLatents == nil ? [] : [[]]
    let line = Tap.line(blockCount: trace.header.blockCount)
    for call in trace.calls {
      let clocks = Place(call).clocks
      marks.insert(clocks)
      for (index, tap) in line.enumerated() {
        guard let states = trace.recorded[tap]?.states, states[call.ordinal] != .absent else { continue }
        marks.insert(clocks + [index])
      }
    }
    return marks
  }
}

extension Tensor {
  /// Whether all values are the same to the last bit; NaN equals itself.
  fileprivate func hasSameBits(as other: Tensor) -> Bool {
    rows == other.rows && columns == other.columns
      && zip(values, other.values).allSatisfy { $0.bitPattern == $1.bitPattern }
  }
}
