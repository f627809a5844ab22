public import Trace

/// Computes at a regular interval and carries the newest value on by the modes of the last computed ones (the
/// DMD calibrator of cache-dit).
///
/// Of the last `history` computed values, the longest equally spaced run up to the newest is taken. With at
/// least four, ``DynamicModes`` predicts (s − a) / spacing spacings ahead, a mode that does not converge or is
/// not finite holding the newest value; with fewer, TaylorSeer's first-order difference, which exists from call
/// 3 on (the calibrator's counter lags one behind). Every branch has modes of its own, as every item of a batch
/// has there. Follows vipshop/cache-dit f86744a (rank 0, ridge 1e-8). The weights do not sum to 1.
public struct DMDPolicy: Policy {
  static let entry = PolicyEntry(
    name: "dmd",
    summary:
      "Computes at a regular interval; between, dynamic modes of the last computed values (DMD calibrator).",
    source: "vipshop/cache-dit f86744a (calibrators/dmd.py).",
    standIn:
      "In cache-dit it predicts what DBCache skips, with DBCache's decisions; here a regular timetable "
      + "decides and any site can be predicted.",
    parameters: CounterSchedule.parameters(interval: "3", firstEnhance: "4") + [
      Parameter("history", .integer(4...16), default: "6", "computed values looked back on at most"),
      .site("stack"),
    ],
    kind: .ordinary { DMDPolicy($0) })

  private static let fewest = 4

  public let spec: PolicySpec
  public let site: Site?
  private let history: Int
  private let fallback = TaylorPredictor(order: 1, firstEnhance: 4)
  private var schedule: CounterSchedule
  private var stream: CallStream?
  /// Computed positions, newest first.
  private var anchors: [Int] = []
  /// Modes of each branch that the decision covers, nil where they are not determined; empty with too few values.
  private var modes: [DynamicModes?] = []
  private var run: [Int] = []
  private var branches = TokenGroups([])

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    history = values.integer("history")
    schedule = CounterSchedule(values)
  }

  public var minimumCallCount: Int { schedule.firstEnhance + 1 }
  public var predictor: (any Predictor)? { nil }
  public var cachedTensorCount: Int { history }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    schedule.reset()
    anchors = []
    modes = []
    run = []
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    schedule.decision(stream!.index(of: position))
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    schedule.predicted()
    let distance = position - anchors[0]
    guard !modes.isEmpty else {
      return Prediction(
        fallback.combinations(anchors: Array(anchors.prefix(2)), distance: distance)[0])
    }
    let horizon = Double(distance) / Double(run[run.count - 1] - run[run.count - 2])
    let combinations = modes.map { modes in
      guard let weights = modes?.weights(horizon: horizon) else { return Combination(valueAt: anchors[0]) }
      return zip(run.dropFirst(), weights).reduce(Combination()) {
        $0 + Combination(valueAt: $1.0) * $1.1
      }
    }
    return combinations.count == 1
      ? Prediction(combinations[0]) : Prediction(combinations, groups: branches)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    schedule.computed()
    anchors = [position] + anchors.prefix(history - 1)
    run = DMDPolicy.run(anchors)
    modes = run.count < DMDPolicy.fewest ? [] : grams(signals).map { DynamicModes(gram: $0) }
  }

  /// The longest equally spaced run up to the newest, oldest first; `anchors` newest first.
  static func run(_ anchors: [Int]) -> [Int] {
    guard anchors.count > 1 else { return anchors }
    let spacing = anchors[0] - anchors[1]
    let gaps = zip(anchors, anchors.dropFirst()).prefix { $0 - $1 == spacing }
    return anchors.prefix(gaps.count + 1).reversed()
  }

  /// Inner products of the run's values, branch by branch.
  private mutating func grams(_ signals: some Signals) -> [[[Double]]] {
    let tokenCount = signals.tokenModalities.count
    func sums(_ combination: Combination) -> [Double] {
      let norms = signals.norms(of: combination)
      return stride(from: 0, to: norms.count, by: tokenCount).map { first in
        norms[first..<(first + tokenCount)].reduce(0) { $0 + $1 * $1 }
      }
    }
    let squares = run.map { sums(Combination(valueAt: $0)) }
    let branchCount = squares[0].count
    if branches.indices.count != branchCount * tokenCount {
      branches = TokenGroups((0..<(branchCount * tokenCount)).map { UInt8($0 / tokenCount) })
    }
    var grams = Array(
      repeating: run.map { _ in [Double](repeating: 0, count: run.count) }, count: branchCount)
    for i in run.indices {
      for j in i..<run.count {
        let distances =
          i == j
          ? [Double](repeating: 0, count: branchCount)
          : sums(Combination(valueAt: run[i]) - Combination(valueAt: run[j]))
        for branch in 0..<branchCount {
          let product = (squares[i][branch] + squares[j][branch] - distances[branch]) / 2
          (grams[branch][i][j], grams[branch][j][i]) = (product, product)
        }
      }
    }
    return grams
  }
}
