/// A calibration with what follows from it, in one document.
public enum CalibrationReport {
  /// The calibration as its file holds it, with timetables and findings beside.
  public static func json(_ calibration: Calibration, _ timetables: Table) -> JSONValue {
    .object([
      ("calibration", CalibrationFile.json(calibration)), ("timetables", timetables.json),
      ("findings", Finding.table(calibration.findings).json),
    ])
  }

  /// Ratios for another number of calls on the recorded curve of noise levels, as `magcache` takes them, one line
  /// for each branch.
  public static func ratios(
    _ magcache: MagCacheCalibration, _ domain: ValidityDomain, callCount: Int
  ) -> String {
    let sigmas = MagCacheCalibration.sigmas(domain.sigmas, callCount: callCount)
    return magcache.ratios.map { ratios in
      let values = MagCacheCalibration.resampled(ratios.mean, from: domain.sigmas, to: sigmas)
      return "\(ratios.branch.map { "branch \($0)" } ?? "all branches") at \(callCount) calls: "
        + values.map { Table.decimal($0, 5) }.joined(separator: "+")
    }.joined(separator: "\n")
  }
}
