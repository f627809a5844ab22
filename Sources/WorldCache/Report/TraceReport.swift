public import Trace

/// What a trace says about itself, as tables.
public enum TraceReport {
  /// The header, one line per fact.
  public static func header(_ trace: TraceReader) -> Table {
    var table = Table(columns: [.init("property", key: "property"), .init("value", key: "value")])
    for (name, value) in facts(trace) {
      // One line each: several together are wider than a screen.
      if case .object(let conditions) = value {
        for (name, value) in conditions { table.append([.text("condition " + name), .text(summary(value))]) }
      } else {
        table.append([.text(name), .text(cell(value).shown)])
      }
    }
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

  /// The taps, with the header's facts in every row: all in one table.
  public static func flat(_ trace: TraceReader, _ taps: Table) -> Table {
    let facts = facts(trace)
    var table = Table(
      columns: facts.map { .init($0.0, key: $0.0.replacing(" ", with: "_")) } + taps.columns)
    let cells = facts.map { number($0.1) }
    for row in taps.rows { table.append(cells + row) }
    return table
  }

  /// One row per trace of a set.
  public static var setColumns: [Table.Column] {
    [
      .init("trace", key: "trace"), .init("model", key: "model"), .init("scene", key: "scene_seed"),
      .init("noise", key: "noise_seed"), .init("calls", key: "calls"), .init("planned", key: "planned_calls"),
      .init("chunks", key: "chunks"), .init("branches", key: "branches"), .init("steps", key: "steps"),
      .init("taps", key: "taps"), .init("dtype", key: "dtype"), .init("fresh", key: "fresh_features"),
      .init("predicted", key: "predicted_features"), .init("derived", key: "derived_features"),
      .init("absent", key: "absent_features"), .init("raw MB", key: "raw_megabytes"),
      .init("stored MB", key: "stored_megabytes"), .init("ratio", key: "compression_ratio"),
      .init("seconds", key: "seconds"), .init("digest", key: "digest"),
    ]
  }

  /// What a trace holds over all its taps, in the columns of a set.
  public static func setRow(_ trace: TraceReader) throws -> [Table.Cell] {
    let header = trace.header
    let states = try trace.taps.flatMap { try trace.states(of: $0) }
    let bytes = try trace.taps.map { try trace.byteCounts(of: $0) }
    let raw = bytes.reduce(0) { $0 + $1.raw }
    let stored = bytes.reduce(0) { $0 + $1.stored }
    func count(_ state: TapState) -> Table.Cell { .integer(states.count { $0 == state }) }
    return [
      .text(trace.path), .text(header.model), .integer(header.sceneSeed), .integer(header.noiseSeed),
      .integer(trace.calls.count), .integer(trace.plannedCallCount), .integer(header.chunkCount),
      .integer(header.branchCount), .integer(header.stepCount), .integer(trace.taps.count),
      .text(trace.dtype.rawValue), count(.fresh), count(.predicted), count(.derived), count(.absent),
      .number(Double(raw) / 1e6, decimals: 2), .number(Double(stored) / 1e6, decimals: 2),
      stored > 0 ? .number(Double(raw) / Double(stored), decimals: 2) : .none,
      .number(trace.calls.reduce(0) { $0 + $1.seconds }, decimals: 3),
      trace.digest.map { .text($0.description) } ?? .none,
    ]
  }

  /// What is said of a trace that was verified.
  public static var verificationColumns: [Table.Column] {
    [
      .init("calls", key: "calls"), .init("planned", key: "planned_calls"), .init("taps", key: "taps"),
      .init("tensors", key: "tensors"), .init("raw MB", key: "raw_megabytes"),
      .init("digest", key: "digest"),
    ]
  }

  /// What a verification found sound, in one row.
  public static func verification(_ verification: TraceVerification, _ trace: TraceReader) -> Table {
    var table = Table(columns: verificationColumns)
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
      special.append(("conditions", .object(header.conditions.map { ($0.name, json($0)) })))
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

  private static func json(_ condition: Condition) -> JSONValue {
    switch condition.value {
    case .text(let text): .string(text)
    case .numbers(let numbers): .array(numbers.map { .number($0) })
    }
  }

  // A fact as a cell that keeps its precision.
  private static func number(_ value: JSONValue) -> Table.Cell {
    if case .number(let number) = value { return .number(number, decimals: 3) }
    return cell(value)
  }

  private static func cell(_ value: JSONValue) -> Table.Cell {
    switch value {
    case .integer(let number): .integer(number)
    case .number(let number): .text(Table.decimal(number, 3))
    case .string(let text): .text(text.isEmpty ? "-" : text)
    case .object(let conditions):
      .text(conditions.map { "\($0) \(summary($1))" }.joined(separator: ", "))
    default: .none
    }
  }

  private static func short(_ value: JSONValue) -> String {
    guard case .number(let number) = value, value.text.count > 6 else { return value.text }
    return Table.short(number)
  }

  // A condition in a few words: the start of a text, or of a list of numbers.
  private static func summary(_ value: JSONValue) -> String {
    switch value {
    case .string(let text):
      let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
      return line.count > 60 ? "'\(line.prefix(57))...'" : "'\(line)'"
    case .array(let numbers):
      let first = numbers.prefix(4).map(short).joined(separator: " ")
      return numbers.count > 4 ? "\(first) ... (\(numbers.count) numbers)" : first
    default: return value.text
    }
  }
}
