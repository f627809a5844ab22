/// Builds the geometry of a trace's chunks at a site from the recorded features.
public enum GeometryBuilder {
  /// One geometry per chunk, in order.
  ///
  /// Needs the tap `site.to` (and `site.from` where the site has one) at every call, computed by the
  /// network; a predicted or derived value is refused, since errors are measured against it.
  /// Keeps one chunk's features and its distance table in memory at a time. A step whose branches were
  /// not all recorded, at the end of an interrupted recording, is left out.
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
    guard calls.allSatisfy({ $0.map(\.step) == calls[0].map(\.step) }) else {
      throw TraceError(
        .lacking, path: trace.path, at: "chunk \(chunk)", "the guidance branches do not have the same steps")
    }
    let layout = try trace.layout(of: site.to)
    let valid = layout.tokens.indices.filter { layout.tokens[$0].isValid }
    let points = try calls.joined().map { call in
      let to = try fresh(site.to, of: trace, call)
      guard let tap = site.from else { return rows(valid, of: to) }
      let from = try fresh(tap, of: trace, call)
      guard from.columns == to.columns, from.rows == to.rows else {
        throw TraceError(.lacking, path: trace.path, "taps \(site.to) and \(tap) have different layouts")
      }
      return zip(rows(valid, of: to), rows(valid, of: from)).map { $0 - $1 }
    }
    let final = try? trace.final(chunk: chunk)
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
    return try trace.feature(tap, call: call.ordinal)
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
