import Trace

extension Calibration {
  /// What should be known before the numbers are trusted; empty when nothing stands out.
  public var findings: [Finding] {
    (teacache.map { teacache in teacache.fits.flatMap { Calibration.findings(of: $0, teacache) } } ?? [])
      + (magcache.map(Calibration.findings) ?? [])
  }

  /// A polynomial that is worse by less than this may well be as good: R² has its own scatter.
  static let identityMargin = 0.01
  /// A cross-validated R² below this leaves most of what is to be foretold unexplained.
  static let poorR2 = 0.5
  /// A smaller part of held-out signals within the fitted range than this means that use goes beyond it.
  static let fullCoverage = 0.95
  /// bfloat16 rounds by 2⁻⁸: from this cancellation on nothing of the value need be left.
  static let lostInBFloat16 = 256.0

  private static func findings(of fit: TeaCacheCalibration.Fit, _ teacache: TeaCacheCalibration) -> [Finding]
  {
    let (polynomial, quality) = (fit.polynomial, fit.quality)
    let place = TeaCacheCalibration.place(fit.branch, fit.expert)
    var found: [Finding] = []
    func add(_ rule: String, _ meaning: String, _ remedy: String) {
      found.append(Finding(rule: rule, policy: "teacache", place: place, meaning: meaning, remedy: remedy))
    }
    let judged = quality.crossValidatedR2 ?? quality.r2
    let kind = quality.crossValidatedR2 == nil ? "R2" : "cross-validated R2"
    if judged + identityMargin < quality.identityR2 {
      add(
        "worse-than-identity",
        "the polynomial explains less (\(kind) \(number(judged))) than the signal itself times one factor "
          + "(\(number(quality.identityR2)))",
        "use a lower --degree, or coefficients=1+0 with model=custom")
    }
    if judged < poorR2 {
      add(
        "poor-fit",
        "\(kind) is \(number(judged)): how much \(teacache.signal.rawValue) changes says little about how much "
          + "\(teacache.target.rawValue) does",
        "try the other --signal or --target; if nothing fits, choose a method with another signal")
    }
    if quality.foldCount == 0 {
      add(
        "one-group",
        "all pairs come from one scene, so that nothing tells how the polynomial does on another",
        "calibrate from recordings of several scenes or prompts")
    }
    if let coverage = quality.coverage, coverage < fullCoverage {
      add(
        "narrow-range",
        "\(Table.decimal((1 - coverage) * 100, 1)) % of a left-out scene's signals lie outside the range of the others",
        "record more scenes: outside its range the polynomial is a guess")
    }
    for window in polynomial.negativeWindows {
      add(
        "negative-window",
        "the polynomial is below zero for signals from \(signal(window.lowerBound)) to "
          + "\(signal(window.upperBound)): there the sum falls, and calls are predicted on and on",
        "use a lower --degree, or absolute=yes")
    }
    for window in polynomial.fallingWindows {
      add(
        "falling-window",
        "the polynomial falls from \(signal(window.lowerBound)) to \(signal(window.upperBound)): a larger "
          + "change counts for less",
        "use a lower --degree unless the target does fall there")
    }
    if polynomial.cancellation >= lostInBFloat16 {
      add(
        "cancellation",
        "its terms are \(Table.decimal(polynomial.cancellation, 0)) times as large as their sum: in bfloat16 "
          + "nothing of it is left",
        "evaluate it in double precision (wctrace does), or use a lower --degree")
    }
    if quality.undefinedCount > 0 {
      add(
        "zero-signal", "signal or target is 0/0 at \(quality.undefinedCount) calls, which were left out",
        "look at the recorded tap: it is zero at some call")
    }
    return found
  }

  /// Above this relative spread the ratios are more the recording's than the model's.
  static let wideSpread = 0.5

  private static func findings(_ magcache: MagCacheCalibration) -> [Finding] {
    var found = magcache.ratios.compactMap { ratios -> Finding? in
      guard let spread = ratios.relativeSpread, spread > wideSpread else { return nil }
      return Finding(
        rule: "ratios-differ", policy: "magcache",
        place: ratios.branch.map { "branch \($0)" } ?? "all branches",
        meaning:
          "between recordings the ratios deviate by \(Table.decimal(spread * 100, 0)) % of what is added up",
        remedy:
          "the plan does not depend on the prompt although the residuals do: check it on held-out recordings")
    }
    if magcache.undefinedCount > 0 {
      found.append(
        Finding(
          rule: "zero-signal", policy: "magcache", place: "",
          meaning:
            "the residual of \(magcache.undefinedCount) tokens is zero at some call; their ratios were left out",
          remedy: "look at the recorded taps hidden.0 and hidden.L: they are the same there"))
    }
    return found
  }

  private static func number(_ value: Double) -> String { Table.decimal(value, 3) }
  private static func signal(_ value: Double) -> String { Table.decimal(value, 4) }
}
