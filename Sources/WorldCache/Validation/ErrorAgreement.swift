/// How well an estimate of the final error orders and meets the live ones; docs/metrics.md has the formulas.
public struct ErrorAgreement: Sendable {
  public let estimator: Estimator
  /// Pairs of policy and rollout with the estimate, without those where nothing was skipped.
  public let count: Int
  /// Spearman's rank correlation over all of them.
  public let correlation: Double?
  /// The same within groups of at least ``leastGroup`` settings of one rollout with equal computed calls; settings
  /// that do the same, told by equal live errors, count once.
  public let groupCount: Int
  public let groupMedian: Double?
  public let groupWorst: Double?
  /// Estimate over live error: median, fifth and ninety-fifth hundredth; part of them within 30 % of 1.
  public let ratio: (low: Double, median: Double, high: Double)?
  public let closePart: Double?
  /// Live error of the setting with the smallest estimate at a rollout and number of computed calls, over the
  /// smallest live error there: median and worst over those with at least two settings.
  public let pick: (median: Double, worst: Double)?
  /// The same for settings chosen for all rollouts together: by the mean estimate, among settings with equal mean
  /// computed calls to the nearest call; the largest ratio of mean live errors. Settings without a result on every
  /// rollout are left out.
  public let commonPick: Double?

  public static let leastGroup = 8

  public init(_ estimator: Estimator, _ records: [ValidationRecord]) {
    self.estimator = estimator
    let pairs = records.compactMap { record in
      record.liveError > 0 ? estimator.value(record).map { (record: record, estimate: $0) } : nil
    }
    count = pairs.count
    correlation = RankCorrelation.spearman(pairs.map(\.estimate), pairs.map(\.record.liveError))
    struct Cost: Hashable {
      var rollout: String
      var computed: Int
    }
    let groups = Dictionary(grouping: pairs) {
      Cost(rollout: $0.record.rollout, computed: $0.record.liveComputed)
    }.values.map { group in
      var seen = Set<Double>()
      return group.filter { seen.insert($0.record.liveError).inserted }
    }
    let correlations = groups.filter { $0.count >= ErrorAgreement.leastGroup }.compactMap {
      RankCorrelation.spearman($0.map(\.estimate), $0.map(\.record.liveError))
    }
    groupCount = correlations.count
    groupMedian = Quantile.median(correlations)
    groupWorst = correlations.min()
    let isError = estimator != .counting
    let ratios = isError ? pairs.map { $0.estimate / $0.record.liveError } : []
    let quantiles = ratios.isEmpty ? [] : Quantile.linear([0.05, 0.5, 0.95], of: ratios)
    ratio = quantiles.isEmpty ? nil : (quantiles[0], quantiles[1], quantiles[2])
    closePart =
      ratios.isEmpty ? nil : Double(ratios.count { abs($0 - 1) <= 0.3 }) / Double(ratios.count)
    let picks = groups.filter { $0.count > 1 && isError }.map { group in
      group.min { $0.estimate < $1.estimate }!.record.liveError / group.map(\.record.liveError).min()!
    }
    pick = Quantile.median(picks).map { ($0, picks.max()!) }
    let rolloutCount = Set(pairs.map(\.record.rollout)).count
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    let settings = Dictionary(grouping: pairs, by: \.record.policy).values
      .filter { isError && rolloutCount > 1 && $0.count == rolloutCount }
      .map { own in
        (
          cost: mean(own.map { Double($0.record.liveComputed) }).rounded(),
          estimate: mean(own.map(\.estimate)), live: mean(own.map(\.record.liveError))
        )
      }
    commonPick = Dictionary(grouping: settings, by: \.cost).values.filter { $0.count > 1 }
      .map { group in
        group.min { ($0.estimate, $0.live) < ($1.estimate, $1.live) }!.live / group.map(\.live).min()!
      }.max()
  }
}

/// How often replayed and live decisions agree, over calls that neither side decides by a fixed rule.
///
/// The decisions of a chunk come in the order in which they are taken, call by call and lane by lane.
public struct DecisionAgreement: Sendable {
  /// Up to and including the first difference of a chunk, and after it.
  public var before = Tally()
  public var after = Tally()
  /// Runs, and those that part somewhere, by whatever rule.
  public var runCount = 0
  public var partingCount = 0

  public struct Tally: Hashable, Sendable {
    public var agreed = 0
    public var count = 0
    /// Nil where nothing was compared.
    public var part: Double? { count == 0 ? nil : Double(agreed) / Double(count) }

    mutating func add(_ agrees: Bool) {
      count += 1
      if agrees { agreed += 1 }
    }
  }

  public init(_ records: [ValidationRecord]) {
    for record in records {
      runCount += 1
      if record.parting != nil { partingCount += 1 }
      for (replay, live) in zip(record.replayDecisions, record.liveDecisions) {
        add(Array(replay), Array(live))
      }
    }
  }

  // Lanes part one by one: what one branch decides otherwise changes what the other sees from then on, which
  // counts against it where it follows.
  private mutating func add(_ replay: [Character], _ live: [Character]) {
    var hasParted = false
    for (a, b) in zip(replay, live) {
      let agrees = DecisionLetters.isComputed(a) == DecisionLetters.isComputed(b)
      if DecisionLetters.isJudgement(a), DecisionLetters.isJudgement(b) {
        if hasParted { after.add(agrees) } else { before.add(agrees) }
      }
      if !agrees { hasParted = true }
    }
  }
}
