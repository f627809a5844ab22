import Foundation

/// Which calls are computed, in a JSON, YAML or CSV file (docs/adding-a-policy.md).
struct ScheduleFile {
  /// Timetables as `[chunk][branch]`; one entry where it serves all.
  var calls: [[FixedSchedule.Calls]]
  /// What the file says of the policy's parameters, by key.
  var settings: [(key: String, field: Field)] = []
  /// What it was found on: by chunk, a single one for all, none where the file does not say.
  var domains: [ValidityDomain] = []

  static let keys = [
    "computed", "mask", "steps_computation_mask", "compute_bins", "cache_bins", "branches",
  ]

  // What may stand beside timetables, and at the top: the policy's settings, and where the schedule is from.
  private static let validFor = "valid_for"
  private static let notes = ["settings", "found", validFor]

  static func read(_ path: String) throws -> ScheduleFile {
    if URL(filePath: path).pathExtension.lowercased() == "csv" {
      return ScheduleFile(calls: try csv(path))
    }
    let whole = try Document.read(path)
    guard whole.isMapping else { return ScheduleFile(calls: [[try list(whole)]]) }
    let members = try whole.members(keys + ["chunks"] + notes)
    let settings = try members["settings"]?.entries() ?? []
    var domains = try members[validFor].map { [try ValidityDomain($0)] } ?? []
    guard let chunks = members["chunks"] else {
      return ScheduleFile(
        calls: [try branches(whole, beside: notes)], settings: settings, domains: domains)
    }
    if let other = members.fields.keys.sorted().first(where: { $0 != "chunks" && !notes.contains($0) }) {
      throw members[other]!.fault("\(other) must stand within each of the chunks")
    }
    let items = try nonEmpty(chunks)
    let own = try items.compactMap { item in
      item.isMapping ? try item.entries().first { $0.key == validFor }?.field : nil
    }
    if !own.isEmpty {
      guard own.count == items.count, domains.isEmpty else {
        throw chunks.fault("valid_for stands once for all chunks, or in each of them")
      }
      domains = try own.map { try ValidityDomain($0) }
    }
    return ScheduleFile(
      calls: try items.map { $0.isMapping ? try branches($0, beside: [validFor]) : [try list($0)] },
      settings: settings, domains: domains)
  }

  private static func nonEmpty(_ field: Field) throws -> [Field] {
    let items = try field.items("a list of timetables")
    guard !items.isEmpty else { throw field.fault("\(field.name) is empty") }
    return items
  }

  private static func branches(
    _ field: Field, beside notes: [String] = []
  ) throws -> [FixedSchedule.Calls] {
    var members = try field.members(keys + notes)
    members.fields = members.fields.filter { !notes.contains($0.key) }
    guard let branches = members["branches"] else { return [try timetable(members)] }
    guard members.fields.count == 1 else {
      throw field.fault("branches stands beside other keys; a timetable for each branch must stand within it")
    }
    return try nonEmpty(branches).map {
      $0.isMapping ? try timetable($0.members(keys.filter { $0 != "branches" })) : try list($0)
    }
  }

  private static func timetable(_ members: Members) throws -> FixedSchedule.Calls {
    let isBins = members["compute_bins"] != nil || members["cache_bins"] != nil
    guard members.fields.count == (isBins ? 2 : 1) else {
      throw members.owner.fault(
        "one of computed, mask, steps_computation_mask, or compute_bins with cache_bins must stand here")
    }
    if let computed = members["computed"] { return try positions(computed) }
    if let mask = members["mask"] ?? members["steps_computation_mask"] { return try self.mask(mask) }
    return try bins(
      members.required("compute_bins", "a list of whole numbers"),
      members.required("cache_bins", "a list of whole numbers"))
  }

  /// A bare list: the first call is always computed, so one that begins with 0 holds positions.
  private static func list(_ field: Field) throws -> FixedSchedule.Calls {
    let items = try field.items(
      "a list of computed positions (beginning with 0), a 0/1 list (beginning with 1), or keys out of "
        + keys.joined(separator: ", "))
    switch try items.first?.integer(in: 0...1) {
    case 0: return try positions(field)
    case 1: return try mask(field)
    default: throw field.fault("the list is empty; call 0 must be computed")
    }
  }

  private static func positions(_ field: Field) throws -> FixedSchedule.Calls {
    var positions: [Int] = []
    for item in try field.items("a list of computed positions") {
      let position = try item.integer(in: 0...1_000_000)
      if let last = positions.last, position <= last {
        throw item.fault("\(item.name) is \(position) after \(last); positions must ascend")
      }
      positions.append(position)
    }
    guard positions.first == 0 else { throw field.fault("\(named(field)) must begin with call 0") }
    return .positions(positions)
  }

  private static func mask(_ field: Field) throws -> FixedSchedule.Calls {
    let bits: [Bool]
    if field.isList {
      bits = try field.items().map { try $0.integer(in: 0...1) == 1 }
    } else {
      let allowed = "a list of 0 and 1 (1: computed), or a text of them such as \"1101\""
      let text = try field.text(allowed)
      guard text.allSatisfy({ $0 == "0" || $0 == "1" }) else { throw field.refused(allowed) }
      bits = text.map { $0 == "1" }
    }
    guard bits.first == true else {
      throw field.fault("\(named(field)) must begin with 1: call 0 is computed")
    }
    return .mask(bits)
  }

  /// cache-dit's bins: computed and cached calls by turns, beginning with computed ones.
  private static func bins(_ compute: Field, _ cache: Field) throws -> FixedSchedule.Calls {
    let computed = try compute.items("a list of whole numbers").map { try $0.integer(in: 1...1_000_000) }
    let cached = try cache.items("a list of whole numbers").map { try $0.integer(in: 1...1_000_000) }
    guard !computed.isEmpty, computed.count - cached.count == 0 || computed.count - cached.count == 1 else {
      throw cache.fault(
        "cache_bins has \(cached.count) numbers beside \(computed.count) compute_bins; "
          + "it takes as many or one fewer")
    }
    var bits: [Bool] = []
    for (place, count) in computed.enumerated() {
      bits += Array(repeating: true, count: count)
      if place < cached.count { bits += Array(repeating: false, count: cached[place]) }
    }
    return .mask(bits)
  }

  private static func named(_ field: Field) -> String { field.name.isEmpty ? "the list" : field.name }

  /// Rows with the columns `position` and `computed` (1 or 0), and where wanted `chunk` and `branch`.
  private static func csv(_ path: String) throws -> [[FixedSchedule.Calls]] {
    let lines = try Document.text(of: path).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline
    )
    .map { $0.trimmingCharacters(in: .whitespaces) }
    func fault(_ line: Int, _ message: String) -> PolicyError {
      PolicyError("\(path), line \(line + 1): \(message)")
    }
    let columns = lines[0].split(separator: ",", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    let known = ["chunk", "branch", "position", "computed"]
    if let unknown = columns.first(where: { !known.contains($0) }) {
      throw fault(
        0,
        "there is no column '\(unknown)'\(Spelling.hint(for: unknown, in: known)); "
          + "known are \(known.joined(separator: ", "))")
    }
    for column in ["position", "computed"] where !columns.contains(column) {
      throw fault(0, "the column \(column) is missing; the first line names the columns")
    }
    guard Set(columns).count == columns.count else { throw fault(0, "a column is named twice") }
    var tables: [[[Bool]]] = []
    for (line, text) in lines.enumerated().dropFirst() where !text.isEmpty {
      let cells = text.split(separator: ",", omittingEmptySubsequences: false)
      guard cells.count == columns.count else {
        throw fault(line, "there are \(cells.count) cells for \(columns.count) columns")
      }
      var row: [String: Int] = ["chunk": 0, "branch": 0]
      for (column, cell) in zip(columns, cells) {
        let text = cell.trimmingCharacters(in: .whitespaces)
        guard let number = Int(text), number >= 0, column != "computed" || number <= 1 else {
          throw fault(
            line,
            "\(column) is '\(text)'; it takes \(column == "computed" ? "0 or 1" : "a whole number of at least 0")"
          )
        }
        row[column] = number
      }
      let (chunk, branch, position) = (row["chunk"]!, row["branch"]!, row["position"]!)
      guard chunk <= tables.count, chunk == tables.count || branch <= tables[chunk].count,
        chunk < tables.count || branch == 0
      else {
        throw fault(line, "chunk \(chunk), branch \(branch) comes before an earlier one; rows go in order")
      }
      if chunk == tables.count { tables.append([]) }
      if branch == tables[chunk].count { tables[chunk].append([]) }
      guard position == tables[chunk][branch].count else {
        throw fault(
          line, "position is \(position) where \(tables[chunk][branch].count) is next; every call has its row"
        )
      }
      guard position > 0 || row["computed"] == 1 else { throw fault(line, "call 0 must be computed") }
      tables[chunk][branch].append(row["computed"] == 1)
    }
    guard !tables.isEmpty else { throw fault(0, "no rows follow the names of the columns") }
    return tables.map { $0.map { .mask($0) } }
  }
}
