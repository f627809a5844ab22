import Trace

/// Carries the newest value on by the modes of the last computed ones (the DMD calibrator of cache-dit;
/// vipshop/cache-dit 1.5.3, calibrators/dmd.py).
///
/// Of the last `history` computed values, the longest equally spaced run up to the newest is taken. With at
/// least four, ``DynamicModes`` predicts (s − a) / spacing spacings ahead, a mode that does not converge or is
/// not finite holding the newest value. With fewer, a line: `f_0 + (s − a_0) (f_0 − f_2) / (a_0 − a_1)` with the
/// computed calls a_0 > a_1 > a_2, from call 3 on. So it is in the code: the difference reaches back over two gaps and
/// is divided by the newest one alone, so that the line is about twice as steep as TaylorSeer's, which it is
/// said to be. Every branch has modes of its own, as every item of a batch has there. Rank 0, ridge 1e-8.
/// The weights of modes do not sum to 1.
struct ModeForecaster: Forecasting {
  private static let fewest = 4

  let history: Int
  /// Computed positions, newest first.
  private var anchors: [Int] = []
  /// Modes of each branch that the decision covers, nil where they are not determined; empty with too few values.
  private var modes: [DynamicModes?] = []
  private var run: [Int] = []
  /// Squared distances of each branch between computed positions that are looked back on, and squared norms, of a
  /// position from itself.
  private var squares: [Pair: [Double]] = [:]
  private var branches = TokenGroups([])

  private struct Pair: Hashable { var older, newer: Int }

  init(history: Int) { self.history = history }

  mutating func reset() {
    anchors = []
    modes = []
    run = []
    squares = [:]
  }

  mutating func computed(at position: Int, signals: some Signals) {
    anchors = [position] + anchors.prefix(history - 1)
    squares = squares.filter { $0.key.older >= anchors.last! }
    run = ModeForecaster.run(anchors)
    modes = run.count < ModeForecaster.fewest ? [] : grams(signals).map { DynamicModes(gram: $0) }
  }

  func prediction(at position: Int) -> Prediction {
    let distance = position - anchors[0]
    guard !modes.isEmpty else { return Prediction(line(distance)) }
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

  private func line(_ distance: Int) -> Combination {
    let newest = Combination(valueAt: anchors[0])
    guard anchors.count > 2, anchors[0] > 2 else { return newest }
    let share = Double(distance) / Double(anchors[0] - anchors[1])
    return newest + (newest - Combination(valueAt: anchors[2])) * share
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
    func squares(_ older: Int, _ newer: Int) -> [Double] {
      let pair = Pair(older: older, newer: newer)
      if let known = self.squares[pair] { return known }
      let value = Combination(valueAt: newer)
      let norms = signals.norms(of: older == newer ? value : Combination(valueAt: older) - value)
      let sums = stride(from: 0, to: norms.count, by: tokenCount).map { first in
        norms[first..<(first + tokenCount)].reduce(0) { $0 + $1 * $1 }
      }
      self.squares[pair] = sums
      return sums
    }
    let own = run.map { squares($0, $0) }
    let branchCount = own[0].count
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
          : squares(run[i], run[j])
        for branch in 0..<branchCount {
          let product = (own[i][branch] + own[j][branch] - distances[branch]) / 2
          (grams[branch][i][j], grams[branch][j][i]) = (product, product)
        }
      }
    }
    return grams
  }
}
