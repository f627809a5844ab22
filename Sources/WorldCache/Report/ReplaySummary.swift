/// What several traces have in common: one row per policy.
public enum ReplaySummary {
  /// Mean, worst and spread over traces; the spread is the largest value minus the smallest.
  ///
  /// A figure that one of the traces lacks is n/a. The ideals of a policy are taken together although their
  /// numbers of computed calls may differ from trace to trace. `rows` are those of all traces and roles, the
  /// repeats of a ``ReplayBatch/Result`` too; traces that a policy cannot run on are not in its row.
  public static func table(_ rows: [ReplayRow], plans: [PolicyPlan]) -> Table {
    var table = Table(columns: [
      .init("traces", key: "traces"), .init("computed", key: "computed_fraction_mean"),
      .init("speed-up", key: "predicted_speedup_mean"), .init("least", key: "predicted_speedup_worst"),
      .init("direct", key: "direct_error_mean"), .init("worst", key: "direct_error_worst"),
      .init("spread", key: "direct_error_spread"), .init("streak", key: "streak_error_mean"),
      .init("worst", key: "streak_error_worst"), .init("spread", key: "streak_error_spread"),
      .init("worst call", key: "worst_call_error_worst"), .init("mean call", key: "mean_call_error_mean"),
      .init("policy over traces (open loop)", key: "policy"),
    ])
    var roles: [ReplayBatch.Role] = []
    for row in rows where !roles.contains(row.role) { roles.append(row.role) }
    var seen: Set<String> = []
    for role in ordered(roles) where seen.insert(name(role, plans)).inserted {
      let figures = rows.filter { $0.role == role }.map(\.figures)
      let (speedup, direct, streak) = (
        Spread(figures.map(\.speedup)), Spread(figures.map(\.direct)), Spread(figures.map(\.streak))
      )
      let (worst, mean) = (Spread(figures.map(\.worstCall)), Spread(figures.map(\.meanCall)))
      table.append([
        .integer(figures.count), number(Spread(figures.map(\.computedFraction))?.mean, 3),
        number(speedup?.mean, 2), number(speedup?.smallest, 2),
        number(direct?.mean, 4), number(direct?.largest, 4), number(direct?.range, 4),
        number(streak?.mean, 4), number(streak?.largest, 4), number(streak?.range, 4),
        number(worst?.largest, 4), number(mean?.mean, 4), .text(name(role, plans)),
      ])
    }
    return table
  }

  // As in the table above: each policy's ideal below it.
  private static func ordered(_ roles: [ReplayBatch.Role]) -> [ReplayBatch.Role] {
    func place(_ role: ReplayBatch.Role) -> (Int, Int) {
      switch role {
      case .always: (-1, 0)
      case .policy(let index): (index, 0)
      case .ideal(let index): (index, 1)
      }
    }
    return roles.sorted { place($0) < place($1) }
  }

  private static func name(_ role: ReplayBatch.Role, _ plans: [PolicyPlan]) -> String {
    switch role {
    case .always: "always"
    case .policy(let index): plans[index].spec.description
    case .ideal(let index): "ideal of " + plans[index].spec.description
    }
  }

  private static func number(_ value: Double?, _ decimals: Int) -> Table.Cell {
    value.map { .number($0, decimals: decimals) } ?? .none
  }

  private struct Spread {
    let mean: Double
    let smallest: Double
    let largest: Double
    var range: Double { largest - smallest }

    // Nil when one is lacking.
    init?(_ values: [Double?]) {
      let known = values.compactMap { $0 }
      guard known.count == values.count, let smallest = known.min(), let largest = known.max() else {
        return nil
      }
      mean = known.reduce(0, +) / Double(known.count)
      self.smallest = smallest
      self.largest = largest
    }
  }
}
