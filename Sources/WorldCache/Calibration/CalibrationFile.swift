import Foundation
import Trace

/// A calibration as JSON: written in full precision, read strictly.
///
/// Unknown keys, missing numbers, lists of the wrong length and versions that are not known are errors that
/// name the file, the line and what is allowed (docs/calibration.md).
public enum CalibrationFile {
  static let format = "wctrace calibration"
  static let version = 1

  /// Reads a file; throws a ``PolicyError``.
  public static func read(_ path: String) throws -> Calibration {
    let whole = Field(file: path, name: "", document: try JSONText.parse(Document.text(of: path), of: path))
    let keys = ["format", "version", "valid_for", "recordings", "chunks"]
    let members = try whole.members(keys + Calibration.Method.allCases.map(\.rawValue))
    try members.require(format: format, of: "a calibration", versions: version...version)
    let domain = try ValidityDomain(members.required("valid_for", "model, calls and solver"))
    let count = domain.callCount
    func part<Part>(_ method: Calibration.Method, _ read: (Field) throws -> Part) rethrows -> Part? {
      try members[method.rawValue].map(read)
    }
    return Calibration(
      domain: domain,
      recordings: try members.required("recordings", "a list of digests or paths").items().map {
        try $0.text()
      },
      chunkCount: try members.required("chunks", "a whole number").integer(in: 1...1_000_000_000),
      teacache: try part(.teacache) { try teaCache($0, experts: domain.experts) },
      magcache: try part(.magcache) { try magCache($0, callCount: count) },
      smoothcache: try part(.smoothcache) { try smoothCache($0, callCount: count) },
      lemica: try part(.lemica) { try edges($0, .lemica, callCount: count) },
      meancache: try part(.meancache) { try edges($0, .meancache, callCount: count) })
  }

  /// Writes a file, whole or not at all; an existing one is replaced.
  public static func write(_ calibration: Calibration, to path: String) throws {
    do {
      try Data((json(calibration).text + "\n").utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be written")
    }
  }

  // Reading.

  private static func teaCache(_ field: Field, experts: [Int]) throws -> TeaCacheCalibration {
    let members = try field.members(["signal", "target", "fits"])
    let fits = try members.required("fits", "a list of polynomials").items().map { try fit($0) }
    for expert in Set(experts).sorted()
    where !fits.contains(where: { $0.branch == nil && $0.expert == expert }) {
      throw field.fault("teacache.fits has no polynomial for all branches (branch null) of expert \(expert)")
    }
    return TeaCacheCalibration(
      signal: .init(
        rawValue: try members.required("signal", "what the policy looks at").choice(
          TeaCacheCalibration.Signal.allCases.map(\.rawValue)))!,
      target: .init(
        rawValue: try members.required("target", "what was fitted").choice(
          TeaCacheCalibration.Target.allCases.map(\.rawValue)))!, fits: fits)
  }

  private static func branch(_ members: Members) throws -> Int? {
    let field = try members.required("branch", "a branch, or null for all together")
    return field.isNull ? nil : try field.integer(in: 0...1000)
  }

  private static func optional(_ members: Members, _ key: String) throws -> Double? {
    let field = try members.required(key, "a number or null")
    return field.isNull ? nil : try field.real()
  }

  private static func fit(_ field: Field) throws -> TeaCacheCalibration.Fit {
    let members = try field.members([
      "branch", "expert", "coefficients", "range", "condition_number", "basis_condition_number",
      "cancellation",
      "halving_threshold", "pairs", "undefined", "groups", "folds", "r2", "cross_validated_r2", "identity_r2",
      "coverage", "signal_quantiles", "negative_windows", "falling_windows",
    ])
    func real(_ key: String) throws -> Double { try members.required(key, "a number").real() }
    func count(_ key: String) throws -> Int {
      try members.required(key, "a whole number").integer(in: 0...1_000_000_000)
    }
    let range = try members.required("range", "the smallest and the largest signal").reals()
    guard range.count == 2, range[0] <= range[1] else {
      throw members["range"]!.fault("\(members["range"]!.name) takes two numbers, the smaller one first")
    }
    let coefficients = try members.required("coefficients", "factors, highest power first").reals()
    guard !coefficients.isEmpty, coefficients.count <= Calibrator.mostDegree + 1 else {
      throw members["coefficients"]!.fault(
        "\(members["coefficients"]!.name) has \(coefficients.count) numbers; it takes 1 to \(Calibrator.mostDegree + 1)"
      )
    }
    let quantiles = try members.required("signal_quantiles", "five numbers").reals()
    guard quantiles.count == 5 else {
      throw members["signal_quantiles"]!.fault("\(members["signal_quantiles"]!.name) takes five numbers")
    }
    let expert = try members.required("expert", "a whole number").integer(in: 0...1000)
    return TeaCacheCalibration.Fit(
      branch: try branch(members), expert: expert,
      polynomial: PolynomialFit(
        coefficients: coefficients, range: range[0]...range[1],
        conditionNumber: try optional(members, "condition_number") ?? .infinity,
        basisConditionNumber: try optional(members, "basis_condition_number") ?? .infinity,
        cancellation: try real("cancellation")),
      quality: FitQuality(
        pairCount: try count("pairs"), undefinedCount: try count("undefined"),
        groupCount: try count("groups"),
        foldCount: try count("folds"), r2: try real("r2"),
        crossValidatedR2: try optional(members, "cross_validated_r2"), identityR2: try real("identity_r2"),
        coverage: try optional(members, "coverage"), signalQuantiles: quantiles),
      halvingThreshold: try real("halving_threshold"))
  }

  private static func magCache(_ field: Field, callCount: Int) throws -> MagCacheCalibration {
    let members = try field.members(["ratios", "undefined"])
    let ratios = try members.required("ratios", "a list by branch").items().map { field in
      let members = try field.members([
        "branch", "mean", "deviation", "least", "most", "token_deviation", "cosine_distance",
      ])
      func row(_ key: String) throws -> [Double] {
        try reals(members.required(key, "one number for every call"), count: callCount)
      }
      let mean = try row("mean")
      guard mean.allSatisfy({ $0 > 0 }) else {
        throw members["mean"]!.fault("\(members["mean"]!.name) has a ratio that is not above 0")
      }
      return MagCacheCalibration.Ratios(
        branch: try branch(members), mean: mean, deviation: try row("deviation"), least: try row("least"),
        most: try row("most"), tokenDeviation: try row("token_deviation"),
        cosineDistance: try row("cosine_distance"))
    }
    guard ratios.contains(where: { $0.branch == nil }) else {
      throw field.fault("magcache.ratios has none for all branches (branch null)")
    }
    return MagCacheCalibration(
      ratios: ratios,
      undefinedCount: try members.required("undefined", "a whole number").integer(in: 0...Int.max))
  }

  private static func reals(_ field: Field, count: Int) throws -> [Double] {
    let numbers = try field.reals()
    guard numbers.count == count else {
      throw field.fault("\(field.name) has \(numbers.count) numbers; it takes \(count)")
    }
    return numbers
  }

  private static func smoothCache(_ field: Field, callCount: Int) throws -> SmoothCacheCalibration {
    let members = try field.members(["site", "rows", "deviation"])
    func rows(_ key: String) throws -> [[Double]] {
      let field = try members.required(key, "a list of lists of numbers")
      let rows = try field.items().enumerated().map { try reals($1, count: max(0, callCount - 1 - $0)) }
      guard !rows.isEmpty, rows.count < callCount else {
        throw field.fault("\(field.name) has \(rows.count) rows; it takes 1 to \(callCount - 1)")
      }
      return rows
    }
    return SmoothCacheCalibration(
      site: try members.required("site", "what is held").site(), rows: try rows("rows"),
      deviation: try rows("deviation"))
  }

  private static func edges(_ field: Field, _ method: EdgeCosts.Method, callCount: Int) throws -> EdgeCosts {
    let members = try field.members(["form", "site", "costs"] + (method == .meancache ? ["orders"] : []))
    _ = try members.required("form", "open-loop").choice(["open-loop"])
    let costs = try members.required("costs", "a list for every call")
    let rows = try costs.items().map { row in
      let numbers = try row.reals()
      guard numbers.first == 0, numbers.allSatisfy({ $0 >= 0 }) else {
        throw row.fault("\(row.name) takes numbers of at least 0, the first of them 0")
      }
      return numbers
    }
    guard rows.count == callCount, rows.enumerated().allSatisfy({ $1.count <= callCount - $0 }) else {
      throw costs.fault(
        "\(costs.name) takes \(callCount) lists, list i with at most \(callCount) - i numbers")
    }
    let place = try members.required("site", "what is held")
    let (site, sites) = (try place.site(), EdgeCosts.sites(method))
    guard sites.contains(site) else {
      throw place.fault("\(place.name) takes \(sites.map(\.description).joined(separator: " or "))")
    }
    guard method == .meancache else {
      return EdgeCosts(method: method, site: site, costs: rows, orders: nil)
    }
    let field = try members.required("orders", "a list for every call")
    let orders = try field.items().map { try $0.items().map { try $0.integer(in: 1...1000) } }
    guard orders.map(\.count) == rows.map(\.count) else {
      throw field.fault("\(field.name) has lists of other lengths than \(costs.name)")
    }
    return EdgeCosts(method: method, site: site, costs: rows, orders: orders)
  }
}
