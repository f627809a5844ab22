/// Which of several traces' errors counts.
public enum TuningStatistic: String, Hashable, Sendable, CaseIterable { case worst, p95, mean }

/// What a speed-up is counted in.
public enum TuningCost: String, Hashable, Sendable, CaseIterable {
  case calls, seconds

  /// Throws a ``PolicyError`` where a replay says nothing of this cost: recordings need not hold times.
  public func require(of figures: TuningFigures) throws {
    guard self == .calls || figures.uncachedSeconds > 0 else {
      throw PolicyError("the trace holds no times; use --cost calls")
    }
  }
}

/// Costs and errors over traces.
public struct TuningSummary: Sendable {
  /// Mean, 95th percentile (linear between ranks), worst and smallest over traces.
  public struct Spread: Sendable {
    public let mean: Double
    public let p95: Double
    public let worst: Double
    public let smallest: Double

    /// Nil when one is lacking.
    init?(_ values: [Double?]) {
      let known = values.compactMap { $0 }.sorted()
      guard known.count == values.count, let first = known.first, let last = known.last else { return nil }
      mean = known.reduce(0, +) / Double(known.count)
      p95 = Quantile.linear(0.95, ofSorted: known)
      worst = last
      smallest = first
    }

    public subscript(statistic: TuningStatistic) -> Double {
      switch statistic {
      case .worst: worst
      case .p95: p95
      case .mean: mean
      }
    }
  }

  /// Means over traces.
  public let computedCount: Double
  public let callCount: Double
  public let seconds: Double
  public let uncachedSeconds: Double
  /// Least of the traces' speed-ups.
  public let smallestSpeedup: [TuningCost: Double]
  /// Nil where the metric is not defined on every trace. By modality it is the largest of the modalities.
  public let error: Spread?
  public let modalities: [(name: String, error: Spread?)]

  public init(_ figures: [TuningFigures], _ metric: TuningMetric, byModality: Bool = false) {
    let count = Double(figures.count)
    func mean(_ part: (TuningFigures) -> Double) -> Double { figures.reduce(0) { $0 + part($1) } / count }
    computedCount = mean { Double($0.computedCount) }
    callCount = mean { Double($0.callCount) }
    seconds = mean(\.seconds)
    uncachedSeconds = mean(\.uncachedSeconds)
    smallestSpeedup = [
      .calls: figures.map { Double($0.callCount) / Double($0.computedCount) }.min()!,
      .seconds: figures.map { $0.uncachedSeconds / $0.seconds }.min()!,
    ]
    let names = byModality ? figures[0].modalities.map(\.name) : []
    modalities = names.map { name in
      (name, Spread(figures.map { $0.modalities.first { $0.name == name }?.errors[metric] }))
    }
    error = Spread(
      figures.map { figures in
        guard byModality else { return figures.errors[metric] }
        let errors = figures.modalities.compactMap { $0.errors[metric] }
        return errors.count == figures.modalities.count ? errors.max() : nil
      })
  }

  /// Part of the uncached cost, 0 to 1.
  public func fraction(_ cost: TuningCost) -> Double {
    switch cost {
    case .calls: computedCount / callCount
    case .seconds: seconds / uncachedSeconds
    }
  }

  public func speedup(_ cost: TuningCost) -> Double { 1 / fraction(cost) }
}
