import Trace

/// Follows a calibrated table of how the residual's norm changes, and computes when the product of its
/// ratios has strayed too far from 1 (MagCache, arXiv 2506.09045).
///
/// After the retained calls of the start, at each call: `ρ *= γ_s; n += 1; err += |1 − ρ|`; predict while
/// err is within the threshold and n ≤ cap, otherwise compute and start with ρ = 1, n = 0, err = 0. The
/// ratios decide only: what is held is the residual of the whole stack, unscaled. The last call is not
/// forced. The families differ in how the retained share is rounded, whether the threshold itself still
/// predicts, and further conditions (Zehong-Ma/MagCache df81cb1; the diffusers hook).
///
/// A calibration (docs/calibration.md) gives ratios of one's own, those of each branch where branches decide for
/// themselves; at other noise levels they are multiplied up (``MagCacheCalibration/resampled(_:from:to:)``), where
/// the published code takes the nearest index.
///
/// Differs: the counts of Wan 2.2 start anew with its second expert; there they are carried over the retained calls.
struct MagCachePolicy: Policy {
  /// Whose rules.
  enum Family: String, CaseIterable {
    case flux, diffusers, hunyuan, framepack, omnigen2, wan, qwen
    case wan22T2V = "wan2.2-t2v"
    case wan22I2V = "wan2.2-i2v"

    /// Wan's family counts evaluations, branch by branch, and the threshold itself computes.
    var countsEvaluations: Bool {
      switch self {
      case .wan, .qwen, .wan22T2V, .wan22I2V: true
      case .flux, .diffusers, .hunyuan, .framepack, .omnigen2: false
      }
    }

    /// Whether guidance branches decide apart.
    var decidesByBranch: Bool { countsEvaluations || self == .omnigen2 }

    fileprivate var defaults: (table: String, threshold: String, cap: String, retention: String) {
      switch self {
      case .flux: ("flux", "0.24", "5", "0.1")
      case .diffusers: ("flux", "0.06", "3", "0.2")
      case .hunyuan: ("hunyuan-720p", "0.24", "6", "0.2")
      case .framepack: ("framepack", "0.1", "3", "0.2")
      case .omnigen2: ("omnigen2-t2i", "0.05", "3", "0.2")
      case .wan: ("wan2.1-t2v-1.3b", "0.12", "2", "0.2")
      case .qwen: ("qwen-image", "0.06", "2", "0.2")
      case .wan22T2V: ("wan2.2-t2v", "0.06", "2", "0.4")
      case .wan22I2V: ("wan2.2-i2v", "0.06", "2", "0.1")
      }
    }
  }

  private static func by(_ value: (Family) -> String) -> Parameter.OtherDefaults {
    .init(
      key: "family",
      values: Dictionary(
        uniqueKeysWithValues: Family.allCases.filter { value($0) != value(.flux) }
          .map { ($0.rawValue, value($0)) }))
  }

  static let entry = PolicyEntry(
    name: "magcache", summary: "Follows a calibrated table of the residual's norm ratios (MagCache).",
    source: "arXiv 2506.09045; Zehong-Ma/MagCache df81cb1 (rules and tables); diffusers "
      + "hooks/mag_cache.py. FLUX.1 Kontext: table=flux-kontext,threshold=0.05,cap=4,retention=0.2.",
    parameters: [
      familyParameter("flux"),
      Parameter(
        "table", .choice(MagnitudeRatios.names + ["custom", byBranch]), default: "flux",
        by: by { $0.defaults.table }, "the calibrated ratios"),
      Parameter(
        "ratios", .numbers, default: nil,
        "ratio of each call to the one before, the first 1; taken by nearest index where the number of calls differs",
        when: .init(key: "table", choices: ["custom", byBranch])),
      Parameter(
        "second-ratios", .numbers, default: nil, "those of the second guidance branch",
        when: .init(key: "table", choices: [byBranch])),
    ] + limits + [CalibrationUse.none],
    thresholds: thresholds, kind: .ordinary { try MagCachePolicy($0) }
  ).loading { spec in try CalibrationUse.path(in: spec).map { try MagCachePolicy.load($0) } }

  /// The table with ratios of one's own for each of two guidance branches.
  static let byBranch = "custom-by-branch"

  private static let thresholds = [
    Threshold("threshold") {
      Family(rawValue: $0.choice("family"))!.countsEvaluations ? .predictBelow : .predictAtMost
    }
  ]

  private static func familyParameter(_ standard: String) -> Parameter {
    Parameter(
      "family", .choice(Family.allCases.map(\.rawValue)), default: standard,
      "whose rounding, boundary and extra rules")
  }

  private static let limits = [
    Parameter(
      "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.24",
      by: by { $0.defaults.threshold }, "summed deviation up to which calls are predicted"),
    Parameter(
      "cap", .integer(0...Int.max), default: "5", by: by { $0.defaults.cap },
      "longest streak of predicted calls (K)"),
    Parameter(
      "retention", .real(0...1), default: "0.1", by: by { $0.defaults.retention },
      "share of the calls that is computed at the start"),
  ]

  // The hook of diffusers has no rules that are one model's own.
  private static func load(_ path: String) throws -> PolicyEntry.Loaded {
    let calibration = try CalibrationFile.read(path)
    let magcache = try CalibrationUse.part(.magcache, of: calibration, path, \.magcache)
    let domain = calibration.domain
    var writtenOut = PolicyEntry.WrittenOut(source: path, domain: domain) { values in
      try spec(values, magcache, domain, of: path) { $0 }
    }
    writtenOut.resampled = { values, sigmas in
      try spec(values, magcache, domain, of: path) { own in
        domain.hasLevels(sigmas) ? own : MagCacheCalibration.resampled(own, from: domain.sigmas, to: sigmas)
      }
    }
    return PolicyEntry.Loaded(
      parameters: CalibrationUse.parameters + [familyParameter("diffusers")] + limits, thresholds: thresholds,
      writtenOut: writtenOut
    ) { MagCachePolicy($0, magcache, CalibrationUse($0, domain)) }
  }

  /// With the ratios in its settings, those of a branch made by `ratios` of the calibration's own.
  private static func spec(
    _ values: ParameterValues, _ magcache: MagCacheCalibration, _ domain: ValidityDomain, of path: String,
    _ ratios: ([Double]) -> [Double]
  ) throws -> PolicySpec {
    let family = Family(rawValue: values.choice("family"))!
    let branches = family.decidesByBranch ? (0..<domain.branchCount).map { Optional($0) } : [nil]
    var lists = branches.map { branch in
      ratios(magcache.ratios(branch: branch)!.mean).map(\.shortest).joined(separator: "+")
    }
    if Set(lists).count == 1 { lists = [lists[0]] }
    guard lists.count <= 2 else {
      throw PolicyError(
        "\(path) has ratios for each of \(lists.count) guidance branches; two lists can be written at most")
    }
    let settings: [PolicySpec.Setting] =
      lists.count == 1
      ? [.init("table", "custom"), .init("ratios", lists[0])]
      : [.init("table", byBranch), .init("ratios", lists[0]), .init("second-ratios", lists[1])]
    return PolicySpec(name: values.spec.name, settings: CalibrationUse.settings(values, settings))
  }

  let spec: PolicySpec
  private let family: Family
  private let table: [[Double]]
  /// The name of a published table.
  private let published: String?
  private let calibrated: (ratios: MagCacheCalibration, use: CalibrationUse)?
  private let threshold: Double
  private let cap: Int
  private let retention: Double
  private var stream: CallStream?
  private var ratios: [Double] = []
  private var forecaster = Forecaster(HoldPredictor())
  /// ρ, n and err since the newest computed call.
  private var product = 1.0
  private var streak = 0
  private var error = 0.0

  /// Throws a ``PolicyError`` for ratios of each branch under rules that decide for all branches at once.
  init(_ values: ParameterValues) throws {
    let table = values.choice("table")
    let isByBranch = table == MagCachePolicy.byBranch
    self.init(
      values,
      table: MagnitudeRatios.published[table]
        ?? [values.numbers("ratios")] + (isByBranch ? [values.numbers("second-ratios")] : []),
      calibrated: nil)
    guard !isByBranch || family.decidesByBranch else {
      let others = Family.allCases.filter(\.decidesByBranch).map(\.rawValue).joined(separator: ", ")
      throw PolicyError(
        "family=\(family.rawValue) of policy 'magcache' decides for all guidance branches at once and would never look "
          + "at second-ratios; take table=custom with one list, or a family that decides for each: \(others)")
    }
  }

  /// With ratios of one's own.
  init(_ values: ParameterValues, _ ratios: MagCacheCalibration, _ use: CalibrationUse) {
    self.init(values, table: [], calibrated: (ratios, use))
  }

  private init(
    _ values: ParameterValues, table: [[Double]],
    calibrated: (ratios: MagCacheCalibration, use: CalibrationUse)?
  ) {
    spec = values.spec
    family = Family(rawValue: values.choice("family"))!
    self.table = table
    published =
      table.isEmpty || MagnitudeRatios.published[values.choice("table")] == nil
      ? nil : values.choice("table")
    self.calibrated = calibrated
    threshold = values.real("threshold")
    cap = values.integer("cap")
    retention = values.real("retention")
  }

  func check(_ geometry: Geometry) throws { try calibrated?.use.check(geometry) }
  func findings(on geometry: Geometry) -> [Finding] {
    if let calibrated { return calibrated.use.findings(on: geometry, spec) }
    var found =
      published.flatMap { BorrowedNumbers.finding("table", of: $0, on: geometry) }.map { [$0] } ?? []
    if table[0].count != geometry.callCount, table[0].count > 1 {
      found.append(
        Finding(
          rule: Finding.wrongStepCount, policy: spec.description,
          meaning:
            "the table has \(table[0].count) ratios and the chunk \(geometry.callCount) calls: each call takes "
            + "the nearest one, which is the ratio over another distance",
          remedy: "make a table for this number of calls with 'wctrace calibrate'"))
    }
    if table.count > 1, !family.decidesByBranch, geometry.branchCount > 1 {
      found.append(
        Finding(
          rule: Finding.calibratedElsewhere, policy: spec.description,
          meaning:
            "the table has ratios for each of \(table.count) guidance branches and family=\(family.rawValue) decides for all "
            + "branches at once: those of the first are used",
          remedy:
            "take a family that decides for each branch: "
            + Family.allCases.filter(\.decidesByBranch).map(\.rawValue).joined(separator: ", ")))
    }
    return found
  }

  var site: Site? { .stack }
  var station: Tap { .hidden(0) }
  var coupling: Coupling { family.decidesByBranch ? .separate : .pooled }
  var predictor: (any Predictor)? { forecaster.predictor }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    if let calibrated {
      let own = calibrated.ratios.ratios(branch: coupling == .separate ? stream.branch : nil)!.mean
      let domain = calibrated.use.domain
      ratios =
        domain.hasLevels(stream.sigmas)
        ? own : MagCacheCalibration.resampled(own, from: domain.sigmas, to: stream.sigmas)
    } else {
      ratios = MagnitudeRatios.resampled(
        table[min(stream.branch, table.count - 1)], callCount: stream.steps.count)
    }
    restart()
    // OmniGen2 counts from its cap, so that the first call that may be predicted is computed.
    if family == .omnigen2 { streak = 3 }
    forecaster.reset()
  }

  private mutating func restart() { (product, streak, error) = (1, 0, 0) }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if isRetained(position) { return Decision(.compute, .warmUp) }
    product *= ratios[position]
    streak += 1
    error += abs(1 - product)
    let sum = error
    let isWithin = family.countsEvaluations ? sum < threshold : sum <= threshold
    let isPredicted = isWithin && streak <= cap && !isExcepted(position)
    let reason: Decision.Reason =
      !isWithin ? .threshold : streak > cap ? .cap : isPredicted ? .threshold : .forced
    if !isPredicted { restart() }
    return Decision(isPredicted ? .predict : .compute, reason, signal: sum, threshold: threshold)
  }

  /// Whether a position belongs to the calls at the start that are always computed.
  private func isRetained(_ position: Int) -> Bool {
    let stream = stream!
    let index = stream.index(of: position)
    if index == 0 { return true }
    let count = Double(stream.count)
    let call = Double(index * stream.branchCount + stream.branch)
    let callCount = count * Double(stream.branchCount)
    let isWhole = stream.positions.lowerBound == 0 && stream.isLast
    switch family {
    case .flux, .diffusers: return index < Int(retention * count + 0.5)
    case .hunyuan, .framepack: return index < Int(retention * count)
    case .omnigen2: return Double(index) < (retention * count).rounded(.up)
    case .wan, .qwen: return call < (callCount * retention).rounded(.down)
    case .wan22T2V, .wan22I2V:
      // With two experts the image variant computes the whole first one; the text variant retains a share of both.
      if isWhole { return call < (callCount * retention).rounded(.down) }
      if stream.positions.lowerBound == 0 {
        return family == .wan22I2V || call < (callCount * retention).rounded(.down)
      }
      return family == .wan22I2V
        ? call < (callCount * retention).rounded(.down) : call <= callCount * retention
    }
  }

  /// Whether a family computes a call although error and streak would allow to predict it.
  private func isExcepted(_ position: Int) -> Bool {
    switch family {
    case .flux:
      // Index 11 of the 28 calls that the table was made for.
      let scale = 27 / Double(stream!.steps.count - 1)
      return (Double(position) * scale).rounded(.toNearestOrEven) == 11
    case .framepack: return abs(1 - ratios[position]) > 0.06
    default: return false
    }
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
