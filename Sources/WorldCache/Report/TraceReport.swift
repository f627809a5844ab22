public import Trace

/// What a trace says about itself, as tables.
public enum TraceReport {
  /// The header, one line per fact.
  public static func header(_ trace: TraceReader) -> Table {
    var table = Table(columns: [.init("property", key: "property"), .init("value", key: "value")])
    for (name, value) in facts(trace) { table.append([.text(name), cell(value)]) }
    return table
  }

  /// One row per tap: layout, shape, what was recorded, bytes.
  public static func taps(_ trace: TraceReader) throws -> Table {
    var table = Table(columns: [
      .init("tap", key: "tap"), .init("layout", key: "layout"), .init("rows", key: "rows"),
      .init("channels", key: "channels"), .init("fresh", key: "fresh_calls"),
      .init("predicted", key: "predicted_calls"), .init("derived", key: "derived_calls"),
      .init("absent", key: "absent_calls"), .init("raw MB", key: "raw_megabytes"),
      .init("stored MB", key: "stored_megabytes"), .init("ratio", key: "compression_ratio"),
    ])
    if trace.lossy != nil { table.columns.append(.init("largest bound", key: "largest_bound")) }
    for tap in trace.taps {
      let layout = try trace.layout(of: tap)
      let states = try trace.states(of: tap)
      let bytes = try trace.byteCounts(of: tap)
      func count(_ state: TapState) -> Table.Cell { .integer(states.filter { $0 == state }.count) }
      let bound: [Table.Cell] =
        trace.lossy == nil ? [] : [.number(try trace.bounds(of: tap).max() ?? 0, decimals: 9)]
      table.append(
        [
          .text(tap.name), .text(layout.name), .integer(layout.tokens.count), .integer(layout.channelCount),
          count(.fresh), count(.predicted), count(.derived), count(.absent),
          .number(Double(bytes.raw) / 1e6, decimals: 2), .number(Double(bytes.stored) / 1e6, decimals: 2),
          bytes.stored > 0 ? .number(Double(bytes.raw) / Double(bytes.stored), decimals: 2) : .none,
        ] + bound)
    }
    return table
  }

  /// What a verification found sound, in one row.
  public static func verification(_ verification: TraceVerification, _ trace: TraceReader) -> Table {
    var table = Table(columns: [
      .init("calls", key: "calls"), .init("planned", key: "planned_calls"), .init("taps", key: "taps"),
      .init("tensors", key: "tensors"), .init("raw MB", key: "raw_megabytes"),
      .init("digest", key: "digest"),
    ])
    table.append([
      .integer(trace.calls.count), .integer(trace.plannedCallCount), .integer(trace.taps.count),
      .integer(verification.tensorCount), .number(Double(verification.rawByteCount) / 1e6, decimals: 2),
      .text(verification.digest.description),
    ])
    return table
  }

  /// Header and taps in one document.
  public static func json(_ trace: TraceReader, _ taps: Table) -> JSONValue {
    .object(facts(trace).map { ($0.replacing(" ", with: "_"), $1) } + [("taps", taps.json)])
  }

  private static func facts(_ trace: TraceReader) -> [(String, JSONValue)] {
    let header = trace.header
    var special: [(String, JSONValue)] = []
    if !header.conditions.isEmpty {
      special.append(("conditions", .string(header.conditions.map(\.name).joined(separator: ", "))))
    }
    if trace.coding != .plain { special.append(("coding", .string(trace.coding.rawValue))) }
    if let lossy = trace.lossy {
      special += [
        ("lossy fraction", .number(lossy.fraction)), ("lossy percentile", .number(lossy.percentile)),
      ]
    }
    let facts: [(String, JSONValue)] = [
      ("model", .string(header.model)), ("digest", .string(trace.digest?.description ?? "")),
      ("weights digest", .string(header.weightsDigest)),
      ("recorder", .string(header.recorder)), ("dtype", .string(trace.dtype.rawValue)),
      ("calls", .integer(trace.calls.count)), ("planned calls", .integer(trace.plannedCallCount)),
      ("chunks", .integer(header.chunkCount)),
      ("branches", .integer(header.branchCount)), ("steps", .integer(header.stepCount)),
      ("solver", .string(header.solver)), ("shift", .number(header.shift)),
      ("guidance", .number(trace.calls.first?.guidance ?? 1)), ("blocks", .integer(header.blockCount)),
      ("scene seed", .integer(header.sceneSeed)), ("noise seed", .integer(header.noiseSeed)),
      ("BLAS threads", .integer(header.blasThreadCount)), ("BLAS core", .string(header.blasCore)),
      ("seconds", .number(trace.calls.reduce(0) { $0 + $1.seconds })),
    ]
    return facts + special
  }

  private static func cell(_ value: JSONValue) -> Table.Cell {
    switch value {
    case .integer(let number): .integer(number)
    case .number(let number): .text(Table.decimal(number, 3))
    case .string(let text): .text(text.isEmpty ? "-" : text)
    default: .none
    }
  }
}
