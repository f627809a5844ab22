public import Trace

/// Makes a headroom report, recording by recording.
public struct HeadroomSurvey: Sendable {
  /// Shifts that fewer steps are tried with.
  public static let shifts = [0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16]

  /// The largest allowed errors of the final latent, ascending.
  public let budgets: [Double]
  private var samples: [HeadroomSample] = []
  private var noise = NoiseFloor()
  private var shares: [(half: Double, most: Double)] = []
  private var isEuler = true

  /// Throws a ``PolicyError`` unless there are three or so budgets above 0.
  public init(budgets: [Double]) throws {
    guard !budgets.isEmpty, budgets.count <= 9, budgets.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw PolicyError("budgets are 1 to 9 errors above 0")
    }
    self.budgets = Set(budgets).sorted()
  }

  /// Takes a recording in, with how finely it is stored where that is known.
  public mutating func add(_ geometries: [Geometry], precision: StoredPrecision? = nil) throws {
    let sample = try HeadroomSample(geometries)
    samples.append(sample)
    isEuler = isEuler && geometries.allSatisfy { ($0.header?.solver ?? "euler") == "euler" }
    for geometry in geometries { noise.add(geometry, precision) }
    if let found = try HeadroomSurvey.bottlenecks(sample, geometries, budget: middle) { shares.append(found) }
    for geometry in geometries { try geometry.distances.requireIntact() }
  }

  /// Takes in how far another recording of the same rollout is from one; `geometries` are those of `trace`.
  public mutating func add(
    repeating trace: some FeatureSource, _ other: some FeatureSource, _ geometries: [Geometry]
  ) throws { try noise.add(repeating: trace, other, geometries) }

  private var middle: Double { budgets[(budgets.count - 1) / 2] }

  // Parts of the tokens that carry half and most of the error of the best ideal at a budget.
  private static func bottlenecks(
    _ sample: HeadroomSample, _ geometries: [Geometry], budget: Double
  ) throws -> (half: Double, most: Double)? {
    let found = HeadroomSample.predictors.compactMap { name, predictor in
      sample.counts(.ideal(predictor: name), budget: budget).map { (predictor: predictor, counts: $0) }
    }
    guard let best = found.min(by: { $0.counts.reduce(0, +) < $1.counts.reduce(0, +) }) else { return nil }
    let spec = IdealPolicy.spec(for: best.predictor, site: geometries[0].site, calls: best.counts)
    let replay = try Replay(PolicyRegistry.plan(spec), over: geometries, figures: .details)
    guard let bottlenecks = replay.details?.bottlenecks, let half = bottlenecks.fraction(carrying: 0.5),
      let most = bottlenecks.fraction(carrying: 0.9)
    else { return nil }
    return (half, most)
  }

  /// What has been taken in, together.
  public func headroom() throws -> Headroom {
    guard !samples.isEmpty else { throw PolicyError("there is no recording to look at") }
    let ways = HeadroomSample.predictors.map { Headroom.Way.ideal(predictor: $0.name) } + [.fewerSteps]
    var needs = ways.flatMap { way in budgets.map { need(way, $0) } }
    // One shift for all budgets, so that it is one schedule: the best at the middle one.
    let shifted = HeadroomSurvey.shifts.map { Headroom.Way.reshifted(shift: $0) }
      .compactMap { way in need(way, middle).meanCount.map { (way: way, count: $0) } }
    if let best = shifted.min(by: { $0.count < $1.count }) { needs += budgets.map { need(best.way, $0) } }
    func mean(_ part: ((half: Double, most: Double)) -> Double) -> Double? { Moments(shares.map(part)).mean }
    return Headroom(
      traceCount: samples.count, callCount: Moments(samples.map { Double($0.callCount) }).mean!,
      budgets: budgets, needs: needs, isEuler: isEuler, halfErrorTokens: mean(\.half),
      mostErrorTokens: mean(\.most), noise: noise)
  }

  private func need(_ way: Headroom.Way, _ budget: Double) -> Headroom.Need {
    let counts = samples.map { $0.counts(way, budget: budget)?.reduce(0, +) }
    guard !counts.contains(nil) else {
      return Headroom.Need(way: way, budget: budget, meanCount: nil, worstCount: nil)
    }
    let known = counts.compactMap { $0 }
    return Headroom.Need(
      way: way, budget: budget, meanCount: Moments(known.map(Double.init)).mean, worstCount: known.max())
  }
}
