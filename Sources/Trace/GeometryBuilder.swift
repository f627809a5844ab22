/// Builds the geometry of a trace's chunks at a site from the recorded features.
public enum GeometryBuilder {
  /// One geometry per chunk, in order.
  ///
  /// Needs the tap `site.to` (and `site.from` where the site has one) at every call, computed by the
  /// network and finite; a predicted or derived value is refused, since errors are measured against it.
  /// Keeps the distance tables of all chunks in memory (``byteCount(of:at:)``), and one chunk's features.
  /// A step whose branches were not all recorded, at the end of an interrupted recording, is left out.
  public static func geometries(of trace: TraceReader, at site: Site) throws -> [Geometry] {
    let calls = wholeSteps(of: trace)
    let chunks = Set(calls.map(\.chunk)).sorted()
    guard !chunks.isEmpty else {
      throw TraceError(.lacking, path: trace.path, "the recording was interrupted in its first step")
    }
    return try chunks.map { chunk in
      try geometry(of: trace, at: site, chunk: chunk, calls.filter { $0.chunk == chunk })
    }
  }

  /// Memory that the distance tables of all chunks take: 8 · N · P (P + 1) / 2 bytes for each, with N
  /// tokens and P calls over all branches.
  public static func byteCount(of trace: TraceReader, at site: Site) throws -> Int {
    let tokenCount = try layout(of: site, trace).tokens.count
    return Dictionary(grouping: trace.calls, by: \.chunk).values.reduce(0) { sum, calls in
      sum + 8 * tokenCount * (calls.count * (calls.count + 1) / 2)
    }
  }

  private static func layout(of site: Site, _ trace: TraceReader) throws -> TokenTable {
    guard trace.taps.contains(site.to) else {
      throw TraceError(
        .lacking, path: trace.path,
        "replay needs the tap \(site.to), which was not recorded; the trace has "
          + trace.taps.map(\.name).joined(separator: ", "))
    }
    return try trace.layout(of: site.to)
  }

  private static func wholeSteps(of trace: TraceReader) -> ArraySlice<Call> {
    let calls = trace.calls[...]
    guard calls.count < trace.plannedCallCount, let last = calls.last else { return calls }
    let isLast = { (call: Call) in (call.chunk, call.step) == (last.chunk, last.step) }
    let step = calls.reversed().prefix(while: isLast)
    return Set(step.map(\.branch)).count == trace.header.branchCount ? calls : calls.dropLast(step.count)
  }

  private static func geometry(
    of trace: TraceReader, at site: Site, chunk: Int, _ members: [Call]
  ) throws -> Geometry {
    let branches = Set(members.map(\.branch)).sorted()
    let calls = branches.map { branch in members.filter { $0.branch == branch } }
    let count = calls[0].count
    guard members.allSatisfy({ $0.expert == 0 && $0.stage == 0 }) else {
      throw TraceError(
        .lacking, path: trace.path, at: "chunk \(chunk)",
        "replay covers models with one expert and solvers with one stage")
    }
    guard members.allSatisfy({ $0.weight.isFinite && $0.sigma.isFinite }) else {
      throw TraceError(
        .invalid, path: trace.path, at: "chunk \(chunk)", "a call's weight or sigma is not finite")
    }
    guard calls.allSatisfy({ $0.map(\.step) == calls[0].map(\.step) }) else {
      throw TraceError(
        .lacking, path: trace.path, at: "chunk \(chunk)", "the guidance branches do not have the same steps")
    }
    let layout = try layout(of: site, trace)
    let valid = layout.tokens.indices.filter { layout.tokens[$0].isValid }
    guard !valid.isEmpty else {
      throw TraceError(.lacking, path: trace.path, at: layout.name, "the layout has no valid token")
    }
    let points = try calls.joined().map { call in
      let to = try fresh(site.to, of: trace, call)
      guard let tap = site.from else { return rows(valid, of: to) }
      let from = try fresh(tap, of: trace, call)
      guard from.columns == to.columns, from.rows == to.rows else {
        throw TraceError(.lacking, path: trace.path, "taps \(site.to) and \(tap) have different layouts")
      }
      return zip(rows(valid, of: to), rows(valid, of: from)).map { $0 - $1 }
    }
    let final = try final(of: trace, chunk, layout)
    let (computed, predicted) = try seconds(trace, site, calls, count)
    return Geometry(
      site: site, chunk: chunk, calls: calls, tokens: valid.map { layout.tokens[$0] },
      modalities: layout.modalities,
      distances: DistanceTable(points: points, tokenCount: valid.count, channelCount: layout.channelCount),
      finalSquaredNorms: final.map { squaredNorms(rows(valid, of: $0), layout.channelCount) } ?? [],
      computedSeconds: computed, predictedSeconds: predicted)
  }

  private static func fresh(_ tap: Tap, of trace: TraceReader, _ call: Call) throws -> Tensor {
    let state = try trace.state(of: tap, call: call.ordinal)
    guard state == .fresh else {
      throw TraceError(
        .lacking, path: trace.path, at: "call \(call.ordinal)",
        "replay needs an uncached recording, but \(tap) is \(state.name) here")
    }
    let feature = try trace.feature(tap, call: call.ordinal)
    guard feature.values.allSatisfy(\.isFinite) else {
      throw TraceError(
        .invalid, path: trace.path, at: "call \(call.ordinal)", "\(tap) holds a value that is not finite")
    }
    return feature
  }

  // The final latent is optional; one that is there must be sound and have the layout of the output.
  private static func final(of trace: TraceReader, _ chunk: Int, _ layout: TokenTable) throws -> Tensor? {
    let final: Tensor
    do {
      final = try trace.final(chunk: chunk)
    } catch {
      guard error.code == .lacking else { throw error }
      return nil
    }
    guard final.rows == layout.tokens.count, final.columns == layout.channelCount,
      final.values.allSatisfy(\.isFinite)
    else {
      throw TraceError(
        .corrupt, path: trace.path, at: "/final",
        "the final latent does not have finite values of the layout \(layout.name)")
    }
    return final
  }

  private static func rows(_ rows: [Int], of tensor: Tensor) -> [Float] {
    rows.flatMap { tensor.values[($0 * tensor.columns)..<(($0 + 1) * tensor.columns)] }
  }

  private static func squaredNorms(_ values: [Float], _ channels: Int) -> [Double] {
    stride(from: 0, to: values.count, by: channels).map { first in
      values[first..<(first + channels)].reduce(0) { $0 + Double($1) * Double($1) }
    }
  }

  // A step costs the sum of its stretches' medians over the chunk; a skip leaves out those it jumps over.
  private static func seconds(
    _ trace: TraceReader, _ site: Site, _ calls: [[Call]], _ count: Int
  ) throws -> (computed: Double, predicted: Double) {
    var (computed, predicted) = (0.0, 0.0)
    for tap in Tap.line(blockCount: trace.header.blockCount) {
      let stretch = try trace.stretchSeconds(of: tap)
      let median = median((0..<count).map { index in calls.reduce(0) { $0 + stretch[$1[index].ordinal] } })
      computed += median
      if tap <= site.decidesAt || tap > site.to { predicted += median }
    }
    return (computed, predicted)
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
