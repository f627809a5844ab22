import Trace

/// Adds up a polynomial of how much the input of the first block changes from call to call, and computes
/// when the sum reaches a threshold (TeaCache, arXiv 2411.19108).
///
/// `d_s = mean |m_s − m_(s−1)| / mean |m_(s−1)|`, with m the modulated input of block 1 or the timestep
/// embedding, at every call, predicted ones too; `acc += P(d_s)`, which may be negative; predict while
/// acc < threshold, otherwise compute and start from 0. The polynomial is evaluated as `numpy.poly1d` does.
/// What is held is the residual of the whole stack. Forced calls and branches follow each model's script
/// (ali-vilab/TeaCache 7c10efc).
///
/// A calibration (docs/calibration.md) gives polynomials of one's own, by expert, and by branch where branches
/// decide for themselves.
///
/// Differs: double precision. Wan's `-ret` variants look at the projected embedding `e0`; here at the embedding.
/// FLUX and others take m after the normalisation of block 1, which is the tap `modulated`.
struct TeaCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "teacache",
    summary: "Adds up a fitted polynomial of the change of the first block's input (TeaCache).",
    source:
      "arXiv 2411.19108; ali-vilab/TeaCache 7c10efc (polynomials, thresholds, forced calls); qwen-image: "
      + "vllm-project/vllm-omni, made by hand. The -ret variants look at Wan's projected embedding, here at the embedding.",
    parameters: [
      Parameter(
        "model", .choice(TeaCachePreset.published.map(\.name) + ["custom"]), default: "flux",
        "whose polynomial and rules"),
      Parameter(
        "coefficients", .numbers, default: nil, "factors of the polynomial, highest power first",
        when: .init(key: "model", choices: ["custom"])),
      Parameter(
        "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.25",
        by: TeaCachePreset.defaults("0.25", \.threshold), "sum at which a call is computed"),
      Parameter(
        "signal", .choice(["modulated", "timestep"]), default: "modulated",
        by: TeaCachePreset.defaults("modulated", \.signal),
        "the modulated input of block 1 or the timestep embedding"),
    ]
      + ForcedCalls.parameters(
        [.ends, .first, .calls, .share],
        by: [
          "forced": TeaCachePreset.defaults("ends", \.forced.rawValue),
          "first-calls": TeaCachePreset.defaults("2", \.firstCalls),
          "last-calls": TeaCachePreset.defaults("2", \.lastCalls),
        ]) + [
        Parameter(
          "branches", .choice(["pooled", "separate"]), default: "pooled",
          by: TeaCachePreset.defaults("pooled") { $0.isSeparate ? "separate" : "pooled" },
          "one decision for all guidance branches, or one for each"),
        Parameter(
          "absolute", .choice(["no", "yes"]), default: "no",
          by: TeaCachePreset.defaults("no") { $0.isAbsolute ? "yes" : "no" },
          "add the polynomial's absolute value (vllm-omni)"),
        CalibrationUse.none,
      ],
    thresholds: thresholds, kind: .ordinary { TeaCachePolicy($0) }
  ).loading { spec in try CalibrationUse.path(in: spec).map { try TeaCachePolicy.load($0) } }

  private static let thresholds = [Threshold("threshold", .predictBelow)]

  private static func load(_ path: String) throws -> PolicyEntry.Loaded {
    let calibration = try CalibrationFile.read(path)
    let teacache = try CalibrationUse.part(.teacache, of: calibration, path, \.teacache)
    let threshold = teacache.fits.first { $0.branch == nil }!.halvingThreshold
    return PolicyEntry.Loaded(
      parameters: CalibrationUse.parameters + [
        Parameter(
          "threshold", .real(0...Double.greatestFiniteMagnitude), default: threshold.shortest,
          "sum at which a call is computed")
      ] + ForcedCalls.parameters([.ends, .first, .calls, .share]) + [
        Parameter(
          "branches", .choice(["pooled", "separate"]), default: "pooled",
          "one decision for all guidance branches, or one for each"),
        Parameter(
          "polynomials", .choice(["own", "shared"]), default: "own",
          "a polynomial for each branch, or the one of all together",
          when: .init(key: "branches", choices: ["separate"]),
          isQuiet: true),
        Parameter(
          "absolute", .choice(["no", "yes"]), default: "no", "add the polynomial's absolute value (vllm-omni)"
        ),
      ], thresholds: thresholds,
      writtenOut: .init(source: path, domain: calibration.domain, looksAtFeatures: true) { values in
        let domain = calibration.domain
        let experts = Set(domain.experts).sorted()
        let branches = decidesByBranch(values) ? (0..<domain.branchCount).map { Optional($0) } : [nil]
        let coefficients = Set(
          branches.flatMap { branch in
            experts.map { teacache.fit(branch: branch, expert: $0)!.polynomial.coefficients }
          })
        guard coefficients.count == 1 else {
          throw PolicyError(
            experts.count > 1
              ? "\(path) has a polynomial for each of \(experts.count) experts; one can be written"
              : "\(path) has a polynomial for each guidance branch; one can be written: set polynomials=shared"
          )
        }
        return PolicySpec(
          name: values.spec.name,
          settings: CalibrationUse.settings(
            values,
            [
              .init("model", "custom"),
              .init("coefficients", coefficients.first!.map(\.shortest).joined(separator: "+")),
              .init("signal", teacache.signal.rawValue),
            ]
          ).filter { $0.key != "polynomials" })
      }
    ) { TeaCachePolicy($0, teacache, CalibrationUse($0, calibration.domain)) }
  }

  // Whether each branch has a polynomial of its own, of a calibration.
  private static func decidesByBranch(_ values: ParameterValues) -> Bool {
    values.choice("branches") == "separate" && values.choice("polynomials") == "own"
  }

  let spec: PolicySpec
  let coupling: Coupling
  private let threshold: Double
  private var coefficients: [Double]
  /// Whose polynomial it is, where it is a published one.
  private let published: String?
  private let calibrated: (polynomials: TeaCacheCalibration, use: CalibrationUse)?
  /// Whether each branch has a polynomial of its own.
  private let hasOwnPolynomials: Bool
  private let isAbsolute: Bool
  private let forced: ForcedCalls
  private let change: ChangeRequest
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())
  private var accumulated = 0.0

  init(_ values: ParameterValues) {
    let model = values.choice("model")
    self.init(
      values, published: model == "custom" ? nil : model,
      coefficients: TeaCachePreset.published.first { $0.name == model }?.preset.coefficients
        ?? values.numbers("coefficients"),
      signal: TeaCacheCalibration.Signal(rawValue: values.choice("signal"))!, calibrated: nil)
  }

  /// With polynomials of one's own; which one follows from branch and expert.
  init(_ values: ParameterValues, _ polynomials: TeaCacheCalibration, _ use: CalibrationUse) {
    self.init(
      values, published: nil, coefficients: [], signal: polynomials.signal, calibrated: (polynomials, use))
  }

  private init(
    _ values: ParameterValues, published: String?, coefficients: [Double], signal: TeaCacheCalibration.Signal,
    calibrated: (polynomials: TeaCacheCalibration, use: CalibrationUse)?
  ) {
    spec = values.spec
    threshold = values.real("threshold")
    self.published = published
    self.coefficients = coefficients
    self.calibrated = calibrated
    hasOwnPolynomials = calibrated != nil && TeaCachePolicy.decidesByBranch(values)
    isAbsolute = values.choice("absolute") == "yes"
    coupling = Coupling(rawValue: values.choice("branches"))!
    forced = ForcedCalls(values)
    change = ChangeRequest(signal.quantity, .adjacent)
  }

  func check(_ geometry: Geometry) throws { try calibrated?.use.check(geometry) }
  func findings(on geometry: Geometry) -> [Finding] {
    let origin =
      calibrated?.use.findings(on: geometry, spec)
      ?? (published.flatMap { BorrowedNumbers.finding("polynomial", of: $0, on: geometry) }.map { [$0] } ?? [])
    let branches = coupling == .separate ? (0..<geometry.branchCount).map { Optional($0) } : [nil]
    return origin + branches.flatMap { windows(on: geometry, branch: $0) }
  }

  // Signals of a recording at which the polynomial is negative, or was not fitted.
  private func windows(on geometry: Geometry, branch: Int?) -> [Finding] {
    let branches = branch.map { $0..<($0 + 1) } ?? 0..<geometry.branchCount
    guard geometry.changes[change] != nil else { return [] }
    let signals = GeometrySignals.open(geometry, branches: branches)
    var (negative, outside) = ([Int](), [Int]())
    for segment in geometry.segments {
      var copy = self
      copy.begin(CallStream(geometry, segment: segment, branch: branches.lowerBound))
      let range = calibrated.map { calibrated in
        let expert = calibrated.use.expert(at: segment.lowerBound, of: geometry.callCount)
        return calibrated.polynomials.fit(branch: hasOwnPolynomials ? branch : nil, expert: expert)!
          .polynomial.range
      }
      for position in segment.dropFirst() {
        let x = signals.relativeChange(change, at: position, from: position - 1)
        if !isAbsolute, copy.polynomial(x) < 0 { negative.append(position) }
        if let range, x.isFinite, !range.contains(x) { outside.append(position) }
      }
    }
    func finding(_ rule: String, _ positions: [Int], _ meaning: String, _ remedy: String) -> [Finding] {
      let place = [branch.map { "branch \($0)" } ?? "", Linter.calls(positions)].filter { !$0.isEmpty }
      return positions.isEmpty
        ? []
        : [
          Finding(
            rule: rule, policy: spec.description, place: place.joined(separator: ", "), meaning: meaning,
            remedy: remedy)
        ]
    }
    return finding(
      "negative-window", negative,
      "the polynomial is below zero for these signals: the sum falls, and calls are predicted on and on",
      "use absolute=yes, or a polynomial of a lower degree")
      + finding(
        "out-of-range", outside,
        "these signals lie outside the range that the polynomial was fitted on: its values there are a guess",
        "calibrate from recordings like this one")
  }

  var site: Site? { .stack }
  var station: Tap { change.quantity.station }
  var predictor: (any Predictor)? { forecaster.predictor }
  func changes(blockCount: Int) -> [ChangeRequest] { [change] }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    if let calibrated {
      let expert = calibrated.use.expert(at: stream.positions.lowerBound, of: stream.steps.count)
      let branch = hasOwnPolynomials ? stream.branch : nil
      coefficients = calibrated.polynomials.fit(branch: branch, expert: expert)!.polynomial.coefficients
    }
    accumulated = 0
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if let reason = forced.reason(at: position, in: stream!) {
      accumulated = 0
      return Decision(.compute, reason)
    }
    let value = polynomial(signals.relativeChange(change, at: position, from: position - 1))
    accumulated += isAbsolute ? abs(value) : value
    let sum = accumulated
    if sum < threshold { return Decision(.predict, .threshold, signal: sum, threshold: threshold) }
    accumulated = 0
    return Decision(.compute, .threshold, signal: sum, threshold: threshold)
  }

  private func polynomial(_ x: Double) -> Double { coefficients.reduce(0) { $0 * x + $1 } }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
