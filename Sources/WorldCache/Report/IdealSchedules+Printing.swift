import Trace

extension IdealSchedules {
  /// One row for each number of computed calls and chunk.
  public var table: Table {
    var table = Table(columns: [
      .init("chunk", key: "chunk"), .init("computed", key: "computed_calls"), .init("of", key: "calls"),
      .init("error", key: "error"), .init("bound", key: "error_bound"), .init("gap", key: "error_to_bound"),
      .init("streak", key: "streak_error_mean"), .init("worst", key: "streak_error_worst"),
      .init("direct", key: "direct_error_mean"), .init("worst", key: "direct_error_worst"),
      .init("schedule", key: "schedule"), .init("policy (open loop)", key: "policy"),
    ])
    for (computedCount, chunks) in entries {
      for entry in chunks {
        table.append([
          .integer(entry.chunk), .integer(computedCount), .integer(entry.callCount),
          .number(entry.error, decimals: 5), .number(entry.bound, decimals: 5),
          .number(entry.gap, decimals: 3), mean(entry.streakErrors), worst(entry.streakErrors),
          mean(entry.directErrors), worst(entry.directErrors), .text(picture(entry)),
          .text(spec(entry).description),
        ])
      }
    }
    return table
  }

  private func mean(_ values: [Double?]) -> Table.Cell {
    let known = values.compactMap { $0 }
    guard known.count == values.count else { return .none }
    return .number(known.reduce(0, +) / Double(known.count), decimals: 5)
  }

  private func worst(_ values: [Double?]) -> Table.Cell {
    let known = values.compactMap { $0 }
    guard known.count == values.count, let worst = known.max() else { return .none }
    return .number(worst, decimals: 5)
  }

  private func picture(_ entry: Entry) -> String {
    let computed = Set(entry.computed)
    return String((0..<entry.callCount).map { computed.contains($0) ? "C" : "p" })
  }

  /// The schedule of one chunk as a policy that can be pasted into a command.
  public func spec(_ entry: Entry) -> PolicySpec {
    MaskPolicy.spec(computing: entry.computed, predictor, site: site)
  }

  /// A file for `schedule:file=…`: which calls are computed, the predictor, and where it comes from.
  ///
  /// `names` are those of the traces; `command` made it.
  public func file(computing count: Int, names: [String], command: String) -> String? {
    guard let chunks = entries.first(where: { $0.computedCount == count })?.chunks else { return nil }
    func mask(_ entry: Entry) -> JSONValue {
      let computed = Set(entry.computed)
      return .string(String((0..<entry.callCount).map { computed.contains($0) ? "1" : "0" }))
    }
    // Once where all chunks are alike, otherwise in each.
    let domains = chunks.compactMap(\.domain)
    let isShared = domains.count == chunks.count && Set(domains).count == 1
    func validFor(_ domain: ValidityDomain?, _ isStated: Bool) -> [(String, JSONValue)] {
      isStated ? domain.map { [("valid_for", $0.json)] } ?? [] : []
    }
    func chunk(_ entry: Entry) -> JSONValue {
      .object(
        [("mask", mask(entry))] + validFor(entry.domain, !isShared && domains.count == chunks.count))
    }
    let timetables: (String, JSONValue) =
      chunks.count == 1 ? ("mask", mask(chunks[0])) : ("chunks", .array(chunks.map(chunk)))
    var members: [(String, JSONValue)] = [
      // Predictors without settings of their own are refused before they are searched.
      ("settings", PredictorChoice.json(PredictorChoice.settings(predictor, at: site)!)), timetables,
    ]
    members += validFor(domains.first, isShared)
    members.append(
      (
        "found",
        .object([
          ("command", .string(command)), ("objective", .string(aim.objective.rawValue)),
          ("power", .number(aim.power)), ("over", .string(aim.over.rawValue)),
          ("weights", .string(aim.usesSolverWeights ? "solver" : "none")),
          ("computed_calls", .integer(count)), ("errors", .array(chunks.map { .number($0.error) })),
          ("bounds", .array(chunks.map { .number($0.bound) })), ("traces", .array(names.map { .string($0) })),
        ])
      ))
    return JSONValue.object(members).text + "\n"
  }
}
