import Trace

/// Each group of tokens has a predictor of its own.
struct QuantileGroupsPredictor: Predictor {
  let grouping: TokenGrouping
  /// One more than there are quantiles.
  let predictors: [any Predictor]

  var name: String { "groups" }
  var anchorCount: Int { max(3, predictors.map(\.anchorCount).max()!) }
  var minimumAnchorCount: Int { max(3, predictors.map(\.minimumAnchorCount).max()!) }
  var longestStreak: Int? { predictors.compactMap(\.longestStreak).min() }

  func groups(anchors: [Int], signals: some Signals) -> TokenGroups? {
    grouping.groups(anchors: Array(anchors.prefix(3)), signals: signals)
  }

  func combinations(anchors: [Int], distance: Int) -> [Combination] {
    predictors.map {
      $0.combinations(anchors: Array(anchors.prefix($0.anchorCount)), distance: distance)[0]
    }
  }
}
