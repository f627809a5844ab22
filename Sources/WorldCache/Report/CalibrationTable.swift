import Trace

/// Calibrations for people, and their numbers as one flat table.
public enum CalibrationTable {
  /// One row for each polynomial, with how far it can be trusted.
  public static func polynomials(_ teacache: TeaCacheCalibration) -> Table {
    var table = Table(columns: [
      .init("branch", key: "branch"), .init("expert", key: "expert"), .init("pairs", key: "pairs"),
      .init("groups", key: "groups"), .init("R2", key: "r2"), .init("R2 left out", key: "cross_validated_r2"),
      .init("identity", key: "identity_r2"), .init("signal from", key: "signal_least"),
      .init("median", key: "signal_median"), .init("to", key: "signal_most"),
      .init("covered %", key: "coverage_percent"), .init("condition", key: "condition_number"),
      .init("cancellation", key: "cancellation"), .init("threshold/2", key: "halving_threshold"),
      .init("coefficients", key: "coefficients"),
    ])
    for fit in teacache.fits {
      let (polynomial, quality) = (fit.polynomial, fit.quality)
      table.append([
        fit.branch.map { .integer($0) } ?? .text("all"), .integer(fit.expert), .integer(quality.pairCount),
        .integer(quality.groupCount), .number(quality.r2, decimals: 3),
        quality.crossValidatedR2.map { .number($0, decimals: 3) } ?? .none,
        .number(quality.identityR2, decimals: 3), .number(quality.signalQuantiles[0], decimals: 4),
        .number(quality.signalQuantiles[2], decimals: 4), .number(quality.signalQuantiles[4], decimals: 4),
        quality.coverage.map { .number($0 * 100, decimals: 1) } ?? .none,
        .number(polynomial.conditionNumber, decimals: 0), .number(polynomial.cancellation, decimals: 1),
        .number(fit.halvingThreshold, decimals: 4),
        .text(polynomial.coefficients.map { shortened($0) }.joined(separator: "+")),
      ])
    }
    return table
  }

  // Eight digits, as published polynomials have them; json and the file have all.
  private static func shortened(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return value.shortest }
    var (scale, count) = (1.0, 0)
    while abs(value) * scale < 1e7, count < 300 { (scale, count) = (scale * 10, count + 1) }
    return ((value * scale).rounded() / scale).shortest
  }

  /// One row for each branch: what the ratios look like and how much they differ between recordings.
  public static func ratios(_ magcache: MagCacheCalibration) -> Table {
    var table = Table(columns: [
      .init("branch", key: "branch"), .init("least ratio", key: "least_ratio"),
      .init("largest ratio", key: "largest_ratio"), .init("mean |1 - ratio|", key: "mean_deviation_from_one"),
      .init("spread over recordings", key: "relative_spread"), .init("widest spread", key: "widest_spread"),
      .init("at call", key: "widest_spread_call"), .init("spread over tokens", key: "token_deviation"),
      .init("mean 1 - cosine", key: "cosine_distance"),
    ])
    for ratios in magcache.ratios {
      let later = ratios.mean.indices.dropFirst()
      let widest = later.max { ratios.deviation[$0] < ratios.deviation[$1] }
      func mean(_ values: [Double]) -> Table.Cell {
        Moments(Array(values.dropFirst())).mean.map { .number($0, decimals: 5) } ?? .none
      }
      table.append([
        ratios.branch.map { .integer($0) } ?? .text("all"),
        later.map { ratios.mean[$0] }.min().map { .number($0, decimals: 5) } ?? .none,
        later.map { ratios.mean[$0] }.max().map { .number($0, decimals: 5) } ?? .none,
        mean(ratios.mean.map { abs(1 - $0) }),
        ratios.relativeSpread.map { .number($0, decimals: 3) } ?? .none,
        widest.map { .number(ratios.deviation[$0], decimals: 5) } ?? .none,
        widest.map { .integer($0) } ?? .none, mean(ratios.tokenDeviation), mean(ratios.cosineDistance),
      ])
    }
    return table
  }

  /// Timetables that follow from the calibration, as specifications to paste: SmoothCache's at each error, and
  /// the paths over LeMiCa's and MeanCache's edges at each number of computed calls.
  public static func schedules(_ calibration: Calibration, alphas: [Double], computing counts: [Int]) -> Table
  {
    var table = Table(columns: [
      .init("method", key: "method"), .init("computed", key: "computed_calls"), .init("of", key: "calls"),
      .init("worst edge", key: "worst_edge_cost"), .init("open loop, to paste after --policy", key: "policy"),
    ])
    func add(_ method: String, _ computed: [Int], _ worst: Double?, _ policy: String) {
      table.append([
        .text(method), .integer(computed.count), .integer(calibration.domain.callCount),
        worst.map { .number($0, decimals: 4) } ?? .none, .text(policy),
      ])
    }
    func list(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: "+") }
    if let smoothcache = calibration.smoothcache {
      for alpha in alphas {
        let computed = smoothcache.schedule(alpha: alpha)
        add(
          "smoothcache \(alpha.shortest)", computed, nil,
          "mask:calls=\(list(computed)),site=\(smoothcache.site)")
      }
    }
    for count in counts {
      if let lemica = calibration.lemica, let path = EdgePath(lemica, computing: count, .lexicographic) {
        add(
          "lemica", path.computed, path.costs.max() ?? 0,
          "mask:calls=\(list(path.computed)),site=\(lemica.site)")
      }
      if let meancache = calibration.meancache, let path = EdgePath(meancache, computing: count, .power(2)) {
        add(
          "meancache", path.computed, path.costs.max() ?? 0,
          "meancache:list=own,computed=\(list(path.computed)),orders=\(list(path.orders(in: meancache)))")
      }
    }
    return table
  }

  /// Numbers of computed calls for which a method has no timetable, in sentences.
  public static func missing(_ calibration: Calibration, computing counts: [Int]) -> [String] {
    [calibration.lemica, calibration.meancache].compactMap { $0 }.flatMap { edges in
      counts.filter { EdgePath(edges, computing: $0, .power(1)) == nil }.map(edges.missing)
    }
  }

  /// Every number by call: ratios, errors of holding and edges.
  public static func numbers(_ calibration: Calibration) -> Table {
    var table = Table(columns: [
      .init("method", key: "method"), .init("quantity", key: "quantity"), .init("branch", key: "branch"),
      .init("expert", key: "expert"), .init("call", key: "call"), .init("place", key: "place"),
      .init("value", key: "value"), .init("deviation", key: "deviation"),
    ])
    func add(
      _ method: Calibration.Method, _ quantity: String, branch: Int? = nil, expert: Int? = nil,
      call: Int? = nil, place: Int? = nil, _ value: Double, _ deviation: Double? = nil
    ) {
      func cell(_ number: Int?) -> Table.Cell { number.map { .integer($0) } ?? .none }
      table.append([
        .text(method.rawValue), .text(quantity), cell(branch), cell(expert), cell(call), cell(place),
        .number(value, decimals: 6), deviation.map { .number($0, decimals: 6) } ?? .none,
      ])
    }
    for fit in calibration.teacache?.fits ?? [] {
      for (place, value) in fit.polynomial.coefficients.reversed().enumerated() {
        add(.teacache, "coefficient of power", branch: fit.branch, expert: fit.expert, place: place, value)
      }
    }
    for ratios in calibration.magcache?.ratios ?? [] {
      for call in ratios.mean.indices {
        add(.magcache, "ratio", branch: ratios.branch, call: call, ratios.mean[call], ratios.deviation[call])
      }
    }
    if let smoothcache = calibration.smoothcache {
      for (row, values) in smoothcache.rows.enumerated() {
        for (call, value) in values.enumerated() {
          add(
            .smoothcache, "error at distance", call: call, place: row + 1, value,
            smoothcache.deviation[row][call])
        }
      }
    }
    for (method, edges) in [
      (Calibration.Method.lemica, calibration.lemica), (.meancache, calibration.meancache),
    ] {
      for (call, costs) in (edges?.costs ?? []).enumerated() {
        for (skipped, value) in costs.enumerated() where skipped > 0 {
          add(method, "cost of predicted calls", call: call, place: skipped, value)
        }
      }
    }
    return table
  }
}
