import WorldCache

/// How replay and live runs agree; docs/metrics.md defines every column.
enum ValidationTable {
  /// One row for each estimate of the final error; where some rollouts lie beyond the fit of the feedback, two more for
  /// those within and beyond.
  static func errors(_ records: [ValidationRecord]) -> Table {
    var table = Table(columns: [
      .init("estimate", key: "estimate"), .init("is", key: "label"), .init("rollouts", key: "rollouts"),
      .init("pairs", key: "pairs"),
      .init("rank r", key: "rank_correlation"), .init("groups", key: "groups"),
      .init("r in groups", key: "group_correlation_median"), .init("worst", key: "group_correlation_worst"),
      .init("ratio", key: "ratio_median"), .init("5 %", key: "ratio_p5"), .init("95 %", key: "ratio_p95"),
      .init("within 30 %", key: "ratio_within_30_percent"), .init("pick", key: "pick_ratio_median"),
      .init("worst pick", key: "pick_ratio_worst"), .init("for all", key: "common_pick_ratio_worst"),
    ])
    func append(_ estimator: Estimator, _ rollouts: String, _ records: [ValidationRecord]) {
      let agreement = ErrorAgreement(estimator, records)
      table.append([
        .text(estimator.name), .text(estimator.label), .text(rollouts), .integer(agreement.count),
        number(agreement.correlation, 3), .integer(agreement.groupCount), number(agreement.groupMedian, 3),
        number(agreement.groupWorst, 3), number(agreement.ratio?.median, 3), number(agreement.ratio?.low, 3),
        number(agreement.ratio?.high, 3), number(agreement.closePart, 3), number(agreement.pick?.median, 3),
        number(agreement.pick?.worst, 3), number(agreement.commonPick, 3),
      ])
    }
    for estimator in Estimator.found(in: records) {
      append(estimator, "all", records)
      guard estimator == .withFeedback, records.contains(where: { $0.fitRange == .beyond }) else { continue }
      for range in FitRange.allCases {
        let own = records.filter { $0.fitRange == range }
        if !own.isEmpty { append(estimator, "\(range.rawValue) fit", own) }
      }
    }
    return table
  }

  /// One row for each policy's name, and one for all: over all runs, and over those near the uncached quality.
  static func decisions(_ records: [ValidationRecord]) -> Table {
    var table = Table(columns: [
      .init("policy", key: "policy"), .init("runs", key: "runs"), .init("part", key: "parting_runs"),
      .init("unforced", key: "unforced_decisions"), .init("agree", key: "agreement_until_parting"),
      .init("after", key: "unforced_decisions_after"), .init("agree", key: "agreement_after_parting"),
    ])
    let names = records.map { String($0.policy.prefix { $0 != ":" }) }
    var seen: [String] = []
    for name in names where !seen.contains(name) { seen.append(name) }
    func append(_ title: String, _ own: [ValidationRecord]) {
      let agreement = DecisionAgreement(own)
      table.append([
        .text(title), .integer(agreement.runCount), .integer(agreement.partingCount),
        .integer(agreement.before.count), number(agreement.before.part, 4), .integer(agreement.after.count),
        number(agreement.after.part, 4),
      ])
    }
    for name in seen { append(name, zip(names, records).filter { $0.0 == name }.map(\.1)) }
    append("all", records)
    append("all within 5 % of uncached", records.filter { $0.isWithin(0.05) })
    return table
  }

  /// Where replay and live part first, and why: one row for each run that parts.
  static func partings(_ records: [ValidationRecord], limit: Int) -> Table {
    var table = Table(columns: [
      .init("scene", key: "scene"), .init("chunk", key: "chunk"), .init("lane", key: "lane"),
      .init("call", key: "position"), .init("replay", key: "replay_decision"),
      .init("reason", key: "replay_reason"), .init("signal", key: "replay_signal"),
      .init("live", key: "live_decision"), .init("reason", key: "live_reason"),
      .init("signal", key: "live_signal"), .init("threshold", key: "threshold"),
      .init("policy", key: "policy"),
    ])
    for record in records.filter({ $0.parting != nil }).prefix(limit) {
      let parting = record.parting!
      table.append([
        .integer(record.scene), .integer(parting.chunk), .integer(parting.lane), .integer(parting.position),
        .text(parting.replay.action.rawValue), .text(parting.replay.reason.rawValue),
        number(parting.replay.signal, 4), .text(parting.live.action.rawValue),
        .text(parting.live.reason.rawValue), number(parting.live.signal, 4),
        number(parting.live.threshold ?? parting.replay.threshold, 4), .text(record.policy),
      ])
    }
    return table
  }

  static func number(_ value: Double?, _ decimals: Int) -> Table.Cell {
    value.map { .number($0, decimals: decimals) } ?? .none
  }
}
