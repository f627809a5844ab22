import Trace

/// The books of a replay's errors, call by call.
struct ErrorSums {
  private let geometry: Geometry
  private let figures: Figures
  private let memo: ReplayMemo
  private(set) var callErrors: [[Double]]
  private(set) var worstTokenErrors: [Double]
  private(set) var tokenSquaredErrors: [Double]
  private(set) var growth: [(squares: Double, count: Int)] = []
  private(set) var streakSquaredError = 0.0
  /// The same token by token; nil without ``Figures/details``.
  private(set) var streakSquaredErrors: [Double]?
  private var direct = FinalError()
  /// The streak under way of every lane.
  private var streaks: [FinalError]
  private let sums: TokenSums

  init(_ geometry: Geometry, laneCount: Int, figures: Figures, memo: ReplayMemo) {
    self.geometry = geometry
    self.figures = figures
    self.memo = memo
    sums = TokenSums(memo)
    callErrors = Array(
      repeating: [Double](repeating: 0, count: geometry.callCount), count: geometry.branchCount)
    worstTokenErrors = [Double](repeating: 0, count: figures.contains(.tokens) ? geometry.callCount : 0)
    tokenSquaredErrors = [Double](repeating: 0, count: figures.contains(.tokens) ? geometry.tokenCount : 0)
    streaks = Array(repeating: FinalError(), count: laneCount)
    if figures.contains(.details) { streakSquaredErrors = tokenSquaredErrors }
  }

  /// Counts the error of one predicted position, over the branches that the decision covers.
  mutating func add(
    _ prediction: Prediction, at position: Int, distance: Int, lane: Int, branches: Range<Int>
  ) {
    let tokenCount = geometry.tokenCount
    let recorded = geometry.recorded(at: position)
    // A decision that sees one branch only has one group for each of its tokens, whatever it covers.
    let isShared = prediction.groups.map { $0.indices.count == tokenCount } ?? true
    for branch in branches {
      let first = isShared ? 0 : (branch - branches.lowerBound) * tokenCount
      lazy var forms = prediction.combinations.map { geometry.weights(of: $0 - recorded, branch: branch) }
      let groups = prediction.groups.map { TokenSlice(groups: $0, first: first) }
      let meanSquare = geometry.meanSquare(position, branch: branch)
      let relative: Double
      if figures.contains(.tokens) {
        let squares = geometry.distances.squaredNorms(of: forms, groups)
        let worst = FixedOrder.largest(squares)
        relative = Relative.square(FixedOrder.sum(squares) / Double(tokenCount), meanSquare)
        worstTokenErrors[position] = max(
          worstTokenErrors[position], Relative.square(worst, meanSquare).squareRoot())
        // An exact prediction of a tensor that is zero throughout has no error to count.
        if worst > 0 { FixedOrder.add(squares, times: 1 / meanSquare, to: &tokenSquaredErrors) }
      } else {
        let key = ErrorKey(
          combinations: prediction.combinations, groups: groups, position: position, branch: branch)
        let sum = memo.value(key, byteCount: 256) {
          sums.sumOfSquaredNorms(of: forms, groups, geometry.distances)
        }
        relative = Relative.square(sum / Double(tokenCount), meanSquare)
      }
      callErrors[branch][position] = relative.squareRoot()
      while growth.count < distance { growth.append((0, 0)) }
      growth[distance - 1].squares += relative
      growth[distance - 1].count += 1
      guard geometry.site.isIntegrated, figures.contains(.finalLatent) else { continue }
      streaks[lane].add(forms, groups, times: geometry.calls[branch][position].weight, branch: branch)
    }
  }

  private struct ErrorKey: Hashable {
    let combinations: [Combination]
    let groups: TokenSlice?
    let position: Int
    let branch: Int
  }

  /// Passes the errors so far on through a step that emits the latent's own error again.
  ///
  /// At the site `gain` a predicted call emits `latent + prediction`, so that an error of the latent grows
  /// by 1 + the weights of the predicted calls.
  mutating func grow(by factor: Double) {
    guard factor != 1 else { return }
    direct.scale(by: factor)
    for lane in streaks.indices { streaks[lane].scale(by: factor) }
    streakSquaredError *= factor * factor
    streakSquaredErrors = streakSquaredErrors?.map { $0 * factor * factor }
  }

  /// Ends a streak: its error of the final latent is one vector per token.
  mutating func closeStreak(lane: Int) {
    guard !streaks[lane].isEmpty else { return }
    if let totals = streakSquaredErrors {
      let squares = streaks[lane].squaredNorms(in: geometry)
      streakSquaredError += FixedOrder.sum(squares)
      streakSquaredErrors = zip(totals, squares).map { $0 + $1 }
    } else {
      streakSquaredError += streaks[lane].squaredNorm(in: geometry, sums)
    }
    direct.add(streaks[lane])
    streaks[lane] = FinalError()
  }

  /// Token by token; nil without ``Figures/details``.
  var directSquaredErrors: [Double]? {
    figures.contains(.details) ? direct.squaredNorms(in: geometry) : nil
  }

  var directSquaredError: Double { direct.squaredNorm(in: geometry, sums) }
}

/// The groups of one branch's tokens among those that a prediction covers.
struct TokenSlice: Hashable, Sendable {
  let groups: TokenGroups
  let first: Int

  func indices(_ count: Int) -> ArraySlice<UInt8> { groups.indices[first..<(first + count)] }
}

extension DistanceTable {
  /// Squared norms of the combination of each token; the first one serves all when there are no groups.
  func squaredNorms(of forms: [[(point: Int, weight: Double)]], _ groups: TokenSlice?) -> [Double] {
    guard let groups else { return squaredNorms(forms[0]) }
    return squaredNorms(of: forms, groups: groups.indices(tokenCount))
  }
}

/// Sums of squared norms over all tokens, group by group; what groups have added up is kept.
final class TokenSums {
  private let memo: ReplayMemo
  private var totals: [TokenSlice: GroupTotals] = [:]

  // All groupings by one ranking share its sums.
  private struct RankingSlice: Hashable {
    let ranking: RankedTokens
    let first: Int
  }

  init(_ memo: ReplayMemo) { self.memo = memo }

  func sumOfSquaredNorms(
    of forms: [[(point: Int, weight: Double)]], _ groups: TokenSlice?, _ table: DistanceTable
  ) -> Double {
    guard let groups else { return table.sumOfSquaredNorms(of: forms[0]) }
    if let (ranking, cuts) = groups.groups.ranked {
      let slice = RankingSlice(ranking: ranking, first: groups.first)
      return memo.value(slice, byteCount: 16 * table.tokenCount) {
        RankedTotals(table, ranking, first: groups.first)
      }.sumOfSquaredNorms(of: forms, cuts: cuts)
    }
    if let known = totals[groups] { return known.sumOfSquaredNorms(of: forms) }
    let made = memo.value(groups, byteCount: 4096) {
      GroupTotals(table, groups: groups.indices(table.tokenCount), groupCount: forms.count)
    }
    totals[groups] = made
    return made.sumOfSquaredNorms(of: forms)
  }
}
