import Foundation
public import Trace

/// Computes where calibrated errors of holding are too large, by a greedy scan (SmoothCache).
///
/// Entry i of row r is the error of holding call i at call i + r + 1: `Σ|f_i − f_(i+r+1)| / Σ|f_(i+r+1)|`, over
/// the newer value, taken directly and not added up. The scan goes from call 0: it tries the longest row
/// first; on the first whose entry is at most alpha call i is computed, the r + 1 after it are skipped, and it
/// goes on behind them; else call i is computed. The first and the last call are always computed. Follows
/// Roblox/SmoothCache edeb4ed. Rows are given in a file, or calibrated on the very trace that is replayed: then
/// the policy has seen what it is to predict.
/// A calibration (docs/calibration.md) gives rows that were averaged over other recordings, and their site.
public struct SmoothCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "smoothcache",
    summary:
      "Computes where a calibrated error of holding exceeds alpha (SmoothCache); with rows=trace an oracle, "
      + "calibrated on the trace that it is replayed on.",
    source:
      "arXiv 2411.10510; Roblox/SmoothCache edeb4ed (alpha: DiT-XL 0.08, 0.18 or 0.35 at 50 calls; Open-Sora "
      + "0.35 at 30; Stable Audio 0.08 at 70). Differs: there every type of module has a schedule of its own.",
    standIn:
      "SmoothCache holds module outputs before their gates, type by type; here one value of the whole model "
      + "is one type.",
    parameters: [
      Parameter(
        "alpha", .real(0...Double.greatestFiniteMagnitude), default: "0.15", "largest error of a skipped call"
      ),
      Parameter("lookahead", .integer(1...1000), default: "3", "longest streak of predicted calls (K)"),
      Parameter(
        "rows", .text("trace, or a JSON file {\"rows\": [[…], …]} with the errors by distance and call"),
        default: "trace", "where the calibrated errors come from"),
      .site("stack"), CalibrationUse.none,
    ],
    thresholds: thresholds,
    kind: .oracle(
      predictor: { _ in HoldPredictor() }, site: { $0.site("site") },
      changes: { SmoothCachePolicy.changes($0.site("site"), blockCount: $1) },
      make: { values, geometry, _ in try SmoothCachePolicy(values, geometry) })
  ).loading { spec in try CalibrationUse.path(in: spec).map { try SmoothCachePolicy.load($0) } }

  private static let thresholds = [Threshold("alpha", .predictAtMost)]

  private static func load(_ path: String) throws -> PolicyEntry.Loaded {
    let calibration = try CalibrationFile.read(path)
    let smoothcache = try CalibrationUse.part(.smoothcache, of: calibration, path, \.smoothcache)
    let longest = smoothcache.rows.count
    return PolicyEntry.Loaded(
      parameters: CalibrationUse.parameters + [
        Parameter(
          "alpha", .real(0...Double.greatestFiniteMagnitude), default: "0.15",
          "largest error of a skipped call"),
        Parameter(
          "lookahead", .integer(1...longest), default: "\(longest)", "longest streak of predicted calls (K)"),
      ], thresholds: thresholds,
      writtenOut: .init(source: path, domain: calibration.domain) { values in
        let scan = Scan(
          rows: Array(smoothcache.rows.prefix(values.integer("lookahead"))), alpha: values.real("alpha"),
          callCount: calibration.domain.callCount)
        return MaskPolicy.spec(
          computing: scan.computed.sorted(), HoldPredictor(), site: smoothcache.site)
      }
    ) { SmoothCachePolicy($0, smoothcache, CalibrationUse($0, calibration.domain)) }
  }

  public let spec: PolicySpec
  public let site: Site?
  private let alpha: Double
  private let scan: Scan
  private let calibrated: CalibrationUse?
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())

  init(_ values: ParameterValues, _ geometry: Geometry) throws {
    spec = values.spec
    calibrated = nil
    let site = values.site("site")
    self.site = site
    let lookahead = values.integer("lookahead")
    let rows =
      values.text("rows") == "trace"
      ? SmoothCachePolicy.rows(of: geometry, at: site, lookahead: lookahead)
      : try SmoothCachePolicy.rows(inFile: values.text("rows"), callCount: geometry.callCount)
    alpha = values.real("alpha")
    scan = Scan(rows: Array(rows.prefix(lookahead)), alpha: alpha, callCount: geometry.callCount)
  }

  /// With rows of a calibration; nothing of the recording is looked at.
  init(_ values: ParameterValues, _ calibration: SmoothCacheCalibration, _ use: CalibrationUse) {
    spec = values.spec
    site = calibration.site
    calibrated = use
    alpha = values.real("alpha")
    scan = Scan(
      rows: Array(calibration.rows.prefix(values.integer("lookahead"))), alpha: alpha,
      callCount: use.domain.callCount)
  }

  public func check(_ geometry: Geometry) throws { try calibrated?.checkByCall(geometry, "rows") }

  public func findings(on geometry: Geometry) -> [Finding] { calibrated?.findings(on: geometry, spec) ?? [] }

  public func changes(blockCount: Int) -> [ChangeRequest] {
    calibrated == nil ? SmoothCachePolicy.changes(site!, blockCount: blockCount) : []
  }
  public var predictor: (any Predictor)? { HoldPredictor() }

  static func changes(_ site: Site, blockCount: Int) -> [ChangeRequest] {
    site.stretch(blockCount: blockCount).map { [ChangeRequest(Quantity($0.to, minus: $0.from), .all)] } ?? []
  }

  /// The errors of holding over each distance of at most `lookahead`.
  static func rows(of geometry: Geometry, at site: Site, lookahead: Int) -> [[Double]] {
    let change = changes(site, blockCount: geometry.blockCount)[0]
    let signals = GeometrySignals.open(geometry)
    return (1..<(lookahead + 1)).map { distance in
      (0..<max(0, geometry.callCount - distance)).map { call in
        signals.relativeChange(change, at: call, from: call + distance)
      }
    }
  }

  /// Reads rows; throws a ``PolicyError`` that says what the file should hold.
  static func rows(inFile path: String, callCount: Int) throws -> [[Double]] {
    struct File: Decodable {
      let rows: [[Double]]
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw PolicyError("the file of rows '\(path)' cannot be read")
    }
    guard let file = try? JSONDecoder().decode(File.self, from: data), !file.rows.isEmpty else {
      throw PolicyError("'\(path)' is not a JSON object with rows, a list of lists of numbers")
    }
    for (place, row) in file.rows.enumerated() where row.count != callCount - 1 - place {
      throw PolicyError(
        "row \(place) of '\(path)' has \(row.count) errors; \(callCount) calls have \(callCount - 1 - place) pairs "
          + "\(place + 1) apart")
    }
    return file.rows
  }

  /// The calls that the scan computes, and why it did not skip further.
  struct Scan {
    private(set) var computed: Set<Int>
    /// By computed call: the smallest error for which it would have been skipped with others.
    private(set) var refused: [Int: Double] = [:]

    init(rows: [[Double]], alpha: Double, callCount: Int) {
      computed = [0, callCount - 1]
      var call = 0
      while call < callCount {
        computed.insert(call)
        let fitting = rows.indices.filter { rows[$0].indices.contains(call) }
        let longest = fitting.last { rows[$0][call] <= alpha }
        let next = call + (longest.map { $0 + 2 } ?? 1)
        // Shorter skips than the longest would change nothing.
        refused[next] = fitting.filter { $0 > longest ?? -1 }.map { rows[$0][call] }.filter { !$0.isNaN }
          .min()
        call = next
      }
    }
  }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    forecaster.reset()
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    if stream!.index(of: position) == 0 { return Decision(.compute, .warmUp) }
    guard scan.computed.contains(position) else { return Decision(.predict, .schedule) }
    return Decision(.compute, .schedule, signal: scan.refused[position], threshold: alpha)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
