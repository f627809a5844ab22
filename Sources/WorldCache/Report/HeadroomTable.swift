import Trace

/// Headroom for people and programs.
public enum HeadroomTable {
  /// One row for each way: computed calls at each budget, mean over recordings and of the worst one.
  public static func needs(_ headroom: Headroom) -> Table {
    var table = Table(columns: [.init("computed calls needed (open loop)", key: "way")])
    for budget in headroom.budgets {
      let text = HeadroomVerdict.percent(budget)
      table.columns += [
        .init("at \(text)", key: "computed_calls_mean_at_\(budget.shortest)"),
        .init("worst", key: "computed_calls_worst_at_\(budget.shortest)"),
        .init("speed-up", key: "call_speedup_at_\(budget.shortest)"),
      ]
    }
    for way in headroom.ways {
      table.append(
        [.text(way.description)]
          + headroom.budgets.flatMap { budget -> [Table.Cell] in
            let need = headroom.need(way, budget)
            return [
              need?.meanCount.map { .number($0, decimals: 1) } ?? .none,
              need?.worstCount.map { .integer($0) } ?? .none,
              need?.meanCount.map { .number(headroom.callCount / $0, decimals: 2) } ?? .none,
            ]
          })
    }
    return table
  }

  /// Noise beside what changes between calls.
  public static func noise(_ noise: NoiseFloor) -> Table {
    var table = Table(columns: [
      .init("relative to", key: "relative_to"), .init("quantity", key: "quantity"),
      .init("median %", key: "median_percent"), .init("worst %", key: "worst_percent"),
    ])
    func add(_ reference: String, _ what: String, _ values: [Double]) {
      guard let median = Quantile.median(values) else { return }
      table.append([
        .text(reference), .text(what), .number(median * 100, decimals: 4),
        .number(values.max()! * 100, decimals: 4),
      ])
    }
    add("value", "change since the call before", noise.stepChanges)
    let dtypes = noise.dtypes.map(\.rawValue).sorted().joined(separator: ", ")
    add("step change", "rounding as stored (\(dtypes)\(noise.isLossy ? ", lossy" : ""))", noise.storageShares)
    add("value", "two uncached runs, a call", noise.repeatDifferences)
    add("step change", "two uncached runs, a call", noise.repeatShares)
    add("final latent", "two uncached runs, at the end", noise.finalDifferences)
    return table
  }

  public static func json(_ headroom: Headroom, _ verdict: HeadroomVerdict) -> JSONValue {
    .object([
      ("traces", .integer(headroom.traceCount)), ("calls", .number(headroom.callCount)),
      ("budgets", .array(headroom.budgets.map { .number($0) })), ("ways", needs(headroom).json),
      ("noise", noise(headroom.noise).json),
      ("half_error_token_fraction", headroom.halfErrorTokens.map { .number($0) } ?? .null),
      ("most_error_token_fraction", headroom.mostErrorTokens.map { .number($0) } ?? .null),
      ("euler", .bool(headroom.isEuler)), ("outcome", .string(verdict.outcome.rawValue)),
      ("verdict", .array(verdict.sentences.map { .string($0) })),
    ])
  }
}
