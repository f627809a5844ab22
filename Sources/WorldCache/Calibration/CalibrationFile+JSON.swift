import Trace

extension CalibrationFile {
  /// The whole calibration, diagnostics included.
  public static func json(_ calibration: Calibration) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("format", .string(format)), ("version", .integer(version)),
      ("valid_for", calibration.domain.json),
      ("recordings", .array(calibration.recordings.map { .string($0) })),
      ("chunks", .integer(calibration.chunkCount)),
    ]
    if let teacache = calibration.teacache { members.append(("teacache", json(teacache))) }
    if let magcache = calibration.magcache { members.append(("magcache", json(magcache))) }
    if let smoothcache = calibration.smoothcache {
      members.append(
        (
          "smoothcache",
          .object([
            ("site", .string(smoothcache.site.name)), ("rows", .array(smoothcache.rows.map(numbers))),
            ("deviation", .array(smoothcache.deviation.map(numbers))),
          ])
        ))
    }
    if let lemica = calibration.lemica { members.append(("lemica", json(lemica))) }
    if let meancache = calibration.meancache { members.append(("meancache", json(meancache))) }
    return .object(members)
  }

  private static func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }

  private static func windows(_ ranges: [ClosedRange<Double>]) -> JSONValue {
    .array(ranges.map { numbers([$0.lowerBound, $0.upperBound]) })
  }

  private static func branch(_ branch: Int?) -> (String, JSONValue) {
    ("branch", branch.map { .integer($0) } ?? .null)
  }

  private static func json(_ teacache: TeaCacheCalibration) -> JSONValue {
    .object([
      ("signal", .string(teacache.signal.rawValue)), ("target", .string(teacache.target.rawValue)),
      (
        "fits",
        .array(
          teacache.fits.map { fit in
            let (polynomial, quality) = (fit.polynomial, fit.quality)
            return .object([
              branch(fit.branch), ("expert", .integer(fit.expert)),
              ("coefficients", numbers(polynomial.coefficients)),
              ("range", numbers([polynomial.range.lowerBound, polynomial.range.upperBound])),
              ("halving_threshold", .number(fit.halvingThreshold)), ("pairs", .integer(quality.pairCount)),
              ("undefined", .integer(quality.undefinedCount)), ("groups", .integer(quality.groupCount)),
              ("folds", .integer(quality.foldCount)), ("r2", .number(quality.r2)),
              ("cross_validated_r2", quality.crossValidatedR2.map { .number($0) } ?? .null),
              ("identity_r2", .number(quality.identityR2)),
              ("coverage", quality.coverage.map { .number($0) } ?? .null),
              ("signal_quantiles", numbers(quality.signalQuantiles)),
              ("condition_number", .number(polynomial.conditionNumber)),
              ("basis_condition_number", .number(polynomial.basisConditionNumber)),
              ("cancellation", .number(polynomial.cancellation)),
              ("negative_windows", windows(polynomial.negativeWindows)),
              ("falling_windows", windows(polynomial.fallingWindows)),
            ])
          })
      ),
    ])
  }

  private static func json(_ magcache: MagCacheCalibration) -> JSONValue {
    .object([
      (
        "ratios",
        .array(
          magcache.ratios.map { ratios in
            .object([
              branch(ratios.branch), ("mean", numbers(ratios.mean)), ("deviation", numbers(ratios.deviation)),
              ("least", numbers(ratios.least)), ("most", numbers(ratios.most)),
              ("token_deviation", numbers(ratios.tokenDeviation)),
              ("cosine_distance", numbers(ratios.cosineDistance)),
            ])
          })
      ), ("undefined", .integer(magcache.undefinedCount)),
    ])
  }

  private static func json(_ edges: EdgeCosts) -> JSONValue {
    .object(
      [
        ("form", .string("open-loop")), ("site", .string(edges.site.name)),
        ("costs", .array(edges.costs.map(numbers))),
      ] + (edges.orders.map { [("orders", .array($0.map { .array($0.map { .integer($0) }) }))] } ?? []))
  }
}
