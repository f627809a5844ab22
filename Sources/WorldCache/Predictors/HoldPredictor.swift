public import Trace

/// Repeats the newest computed value.
public struct HoldPredictor: Predictor {
  public init() {}

  public var name: String { "hold" }
  public var anchorCount: Int { 1 }

  public func combinations(anchors: [Int], distance: Int) -> [Combination] {
    [Combination(valueAt: anchors[0])]
  }
}
