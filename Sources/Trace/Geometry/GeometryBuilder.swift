import Dispatch
import Synchronization

/// Builds the geometry of a rollout's chunks from its features, token block by token block.
public enum GeometryBuilder {
  /// One geometry per chunk, in order.
  ///
  /// Needs the taps of the site and of the requested changes at every call, computed by the network and
  /// finite; a predicted or derived value is refused, since errors are measured against it. Holds the
  /// distance tables of all chunks (``byteCount(of:at:)``) and, per core, one block of tokens at every call;
  /// sites split into bands hold one chunk's features twice. A step whose branches were not all recorded, at
  /// the end of an interrupted recording, is left out. `progress` is told how many token blocks of how many
  /// are done, in no order.
  public static func geometries(
    of source: some FeatureSource, _ request: GeometryRequest,
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws -> [Geometry] {
    try chunks(of: source, request).map { chunk in
      let shape = try chunk.shape()
      let memory = PairsInMemory(
        pairCount: DistanceTable.pairCount(shape.pointCount), tokenCount: shape.tokenCount)
      return try chunk.geometry(into: memory, rows: { memory.rows }, progress)
    }
  }

  static func chunks<Source: FeatureSource>(
    of source: Source, _ request: GeometryRequest
  ) throws -> [ChunkBuilder<Source>] {
    let calls = wholeSteps(of: source)
    let chunks = Set(calls.map(\.chunk)).sorted()
    guard !chunks.isEmpty else {
      throw TraceError(.lacking, path: source.path, "the recording was interrupted in its first step")
    }
    return try chunks.map { chunk in
      try ChunkBuilder(source, request, chunk: chunk, calls.filter { $0.chunk == chunk })
    }
  }

  /// The changes alone that a decision rule looks at, one table per chunk.
  static func changes(of source: some FeatureSource, _ change: ChangeRequest, at site: Site) throws
    -> [ChangeTable]
  {
    try chunks(of: source, GeometryRequest(site)).map { try $0.table(of: change) }
  }

  /// Memory that the distance tables of all chunks take: 8 · N · P (P + 1) / 2 bytes for each, with N
  /// tokens and P calls over all components.
  public static func byteCount(of source: some FeatureSource, at request: GeometryRequest) throws -> Int {
    let (_, to) = try stretch(of: request.site, source)
    let tokenCount = try layout(of: to, source).tokens.count
    let components = request.split == nil ? 1 : 2
    return Dictionary(grouping: source.calls, by: \.chunk).values.reduce(0) { sum, calls in
      let points = components * (request.site == .guided ? calls.count { $0.branch == 0 } : calls.count)
      return sum + 8 * tokenCount * DistanceTable.pairCount(points)
    }
  }

  static func stretch(of site: Site, _ source: some FeatureSource) throws -> (from: Tap?, to: Tap) {
    guard let stretch = site.stretch(blockCount: source.header.blockCount) else {
      throw TraceError(
        .lacking, path: source.path,
        "the site \(site) needs more blocks than the \(source.header.blockCount) of the recorded model")
    }
    return stretch
  }

  static func layout(of tap: Tap, _ source: some FeatureSource) throws -> TokenTable {
    guard source.taps.contains(tap) else {
      throw TraceError(
        .lacking, path: source.path,
        "this needs the tap \(tap), which was not recorded; the trace has "
          + source.taps.map(\.name).joined(separator: ", "))
    }
    return try source.layout(of: tap)
  }

  private static func wholeSteps(of source: some FeatureSource) -> ArraySlice<Call> {
    let calls = source.calls[...]
    guard calls.count < source.plannedCallCount, let last = calls.last else { return calls }
    let isLast = { (call: Call) in (call.chunk, call.step) == (last.chunk, last.step) }
    let step = calls.reversed().prefix(while: isLast)
    return Set(step.map(\.branch)).count == source.header.branchCount ? calls : calls.dropLast(step.count)
  }
}

extension GeometryRequest {
  /// Throws `lacking` where a tap that it needs was not recorded, with those that were, or the model has too few blocks.
  public func check(_ source: some FeatureSource) throws {
    _ = try GeometryBuilder.stretch(of: site, source)
    for tap in missingTaps(of: source) { _ = try GeometryBuilder.layout(of: tap, source) }
  }

  /// Taps that it needs and that were not recorded.
  public func missingTaps(of source: some FeatureSource) -> [Tap] {
    let stretch = site.stretch(blockCount: source.header.blockCount)
    let needed =
      [stretch?.from, stretch?.to].compactMap { $0 }
      + changes.flatMap { [$0.quantity.tap, $0.quantity.minus].compactMap { $0 } }
    return Set(needed).subtracting(source.taps).sorted()
  }
}
