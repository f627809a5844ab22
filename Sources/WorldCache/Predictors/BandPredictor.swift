public import Trace

/// Predicts the two frequency bands of a split site apart and adds them up.
///
/// Both predictors must treat all tokens alike.
public struct BandPredictor: Predictor {
  public let low: any Predictor
  public let high: any Predictor

  public init(low: any Predictor, high: any Predictor) {
    self.low = low
    self.high = high
  }

  public var name: String { "bands" }
  public var anchorCount: Int { max(low.anchorCount, high.anchorCount) }
  public var minimumAnchorCount: Int { max(low.minimumAnchorCount, high.minimumAnchorCount) }

  public func combinations(anchors: [Int], distance: Int) -> [Combination] {
    func combination(_ predictor: any Predictor, _ band: Int) -> Combination {
      predictor.combinations(anchors: Array(anchors.prefix(predictor.anchorCount)), distance: distance)[0]
        .of(.init(band: band))
    }
    return [combination(low, 0) + combination(high, 1)]
  }
}
