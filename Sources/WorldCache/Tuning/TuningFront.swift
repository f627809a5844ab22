/// What is asked of a setting.
public struct TuningGoal: Hashable, Sendable {
  public var metric: TuningMetric
  public var statistic: TuningStatistic
  public var cost: TuningCost
  /// At least so much faster, on average over traces.
  public var speedup: Double?
  /// At most so much error.
  public var largestError: Double?
  /// Whether every modality must keep to it.
  public var byModality: Bool

  public init(
    metric: TuningMetric = .direct, statistic: TuningStatistic = .worst, cost: TuningCost = .seconds,
    speedup: Double? = nil, largestError: Double? = nil, byModality: Bool = false
  ) {
    self.metric = metric
    self.statistic = statistic
    self.cost = cost
    self.speedup = speedup
    self.largestError = largestError
    self.byModality = byModality
  }

  /// Whether anything is to be chosen.
  public var isSet: Bool { speedup != nil || largestError != nil }

  /// Whether a summary keeps to all that is asked.
  public func isMet(by summary: TuningSummary) -> Bool {
    summary.error != nil && keepsSpeedup(summary) != false && keepsError(summary) != false
  }

  /// Whether it is as fast as asked for, nil where that was left open; one unit of rounding is let through.
  public func keepsSpeedup(_ summary: TuningSummary) -> Bool? {
    speedup.map { summary.speedup(cost) >= $0 * (1 - 1e-12) }
  }

  /// Whether its error is as small as asked for, nil where that was left open.
  public func keepsError(_ summary: TuningSummary) -> Bool? {
    largestError.map { largest in summary.error.map { $0[statistic] <= largest } ?? false }
  }
}

// In words.
extension TuningGoal {
  /// `direct error, worst of the traces`.
  public var errorName: String {
    "\(metric.rawValue) error, \(statistic.rawValue) of the traces"
      + (byModality ? " and modalities" : "")
  }

  /// Each thing that is asked for.
  public var wishes: [String] {
    (speedup.map { ["\($0)x in \(cost.rawValue)"] } ?? [])
      + (largestError.map { ["at most \($0) \(errorName)"] } ?? [])
  }

  /// What a summary makes of each of them: `keeps 2.0x in calls (2.31) and misses at most 0.05 direct error, worst of
  /// the traces (0.0612)`; of an error that was left open, what it is.
  public func sentence(_ summary: TuningSummary) -> String {
    let error = summary.error.map { Table.decimal($0[statistic], 4) } ?? "n/a"
    let verdicts = [
      (keepsSpeedup(summary), Table.decimal(summary.speedup(cost), 2)), (keepsError(summary), error),
    ]
    let told = zip(wishes, verdicts.filter { $0.0 != nil }).map { wish, verdict in
      "\(verdict.0! ? "keeps" : "misses") \(wish) (\(verdict.1))"
    }
    return told.joined(separator: " and ")
      + (largestError == nil ? "; no error was asked for, and the \(errorName) is \(error)" : "")
  }
}

/// One behaviour of one setting with its figures.
public struct TuningCandidate: Sendable {
  /// Place of the setting among those that were searched, and of the behaviour in it.
  public let setting: Int
  public let place: Int
  public let behaviour: Behaviour
  /// The spelling to write down, with values from the middle of their intervals.
  public let spec: PolicySpec
  public let isOracle: Bool
  /// What errors are relative to; candidates of different ones cannot be compared.
  public let unit: String
  public let summary: TuningSummary
}

/// The behaviours that no other one beats in both cost and error, and the one that a goal picks.
public struct TuningFront: Sendable {
  public let goal: TuningGoal
  /// All that the metric is defined for.
  public let candidates: [TuningCandidate]
  /// Names of policies for which the metric is not defined.
  public let undefined: [String]
  /// By unit in the order found: ascending cost, falling error; bounds have a front of their own.
  public let fronts: [(unit: String, isOracle: Bool, members: [TuningCandidate])]

  public init(_ spaces: [SearchSpace], _ behaviours: [[Behaviour]], _ goal: TuningGoal) {
    self.goal = goal
    var candidates: [TuningCandidate] = []
    var undefined: [String] = []
    for (setting, space) in spaces.enumerated() {
      for (place, behaviour) in behaviours[setting].enumerated() {
        let figures = behaviour.records.map(\.figures)
        let summary = TuningSummary(figures, goal.metric, byModality: goal.byModality)
        guard summary.error != nil else {
          if !undefined.contains(space.spec.name) { undefined.append(space.spec.name) }
          continue
        }
        candidates.append(
          TuningCandidate(
            setting: setting, place: place, behaviour: behaviour,
            spec: space.spec(at: behaviour.intervals.map(\.published)), isOracle: space.isOracle,
            unit: goal.metric.isOfFinalLatent ? "final latent" : figures[0].emission, summary: summary))
      }
    }
    self.candidates = candidates
    self.undefined = undefined
    var fronts: [(unit: String, isOracle: Bool, members: [TuningCandidate])] = []
    for candidate in candidates
    where !fronts.contains(where: { $0.unit == candidate.unit && $0.isOracle == candidate.isOracle }) {
      let rivals = candidates.filter { $0.unit == candidate.unit && $0.isOracle == candidate.isOracle }
      fronts.append((candidate.unit, candidate.isOracle, TuningFront.front(rivals, goal)))
    }
    self.fronts = fronts
  }

  private static func front(_ rivals: [TuningCandidate], _ goal: TuningGoal) -> [TuningCandidate] {
    func figures(_ candidate: TuningCandidate) -> (Double, Double) {
      (candidate.summary.fraction(goal.cost), candidate.summary.error![goal.statistic])
    }
    // Of equals the first one asked for.
    let ranked = rivals.enumerated().sorted {
      let (a, b) = (figures($0.element), figures($1.element))
      return a != b ? a < b : $0.offset < $1.offset
    }
    var members: [TuningCandidate] = []
    for (_, candidate) in ranked {
      let error = candidate.summary.error![goal.statistic]
      if members.last.map({ error < $0.summary.error![goal.statistic] }) ?? true { members.append(candidate) }
    }
    return members
  }

  /// The best of each unit that keeps to the goal: with a speed-up the least error, otherwise the least cost.
  ///
  /// Bounds are never chosen.
  public var choices: [TuningCandidate] {
    guard goal.isSet else { return [] }
    return fronts.filter { !$0.isOracle }.compactMap { front in
      // Along a front the error falls as the cost grows.
      let fitting = front.members.filter { goal.isMet(by: $0.summary) }
      return goal.speedup != nil ? fitting.last : fitting.first
    }
  }

  /// Settings that have a part in a front.
  public var settings: Set<Int> { Set(fronts.flatMap(\.members).map(\.setting)) }
}
