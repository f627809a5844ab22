public import Trace

/// WorldCache's prediction: tokens are grouped by curvature and each group has its own predictor.
///
/// Stable tokens (curvature below the quantile `pStable`) hold, chaotic ones (at or above `pChaotic`) are
/// damped, those between are extrapolated linearly. One quantile over all pooled tokens.
public struct GroupedPredictor: Predictor {
  /// Index of a group in ``groups(anchors:signals:)`` and ``combinations(anchors:distance:)``.
  public enum Group: UInt8, Sendable, CaseIterable {
    case stable = 0
    case linear = 1
    case chaotic = 2
  }

  public let pStable: Double
  public let pChaotic: Double
  public let damped: DampedPredictor

  public init(pStable: Double, pChaotic: Double, nMax: Int) {
    self.pStable = pStable
    self.pChaotic = pChaotic
    damped = DampedPredictor(nMax: nMax)
  }

  /// Reads `p-stable`, `p-chaotic` and `n-max`; throws when the quantiles are out of order.
  init(_ values: ParameterValues) throws {
    let (pStable, pChaotic) = (values.real("p-stable"), values.real("p-chaotic"))
    guard pStable <= pChaotic else {
      throw PolicyError(
        "p-stable=\(pStable.shortest) of policy '\(values.spec.name)' is above p-chaotic=\(pChaotic.shortest); "
          + "it must be at most p-chaotic")
    }
    self.init(pStable: pStable, pChaotic: pChaotic, nMax: values.integer("n-max"))
  }

  public var name: String { "worldcache" }
  public var anchorCount: Int { 3 }
  public var minimumAnchorCount: Int { 3 }
  public var longestStreak: Int? { damped.nMax }
  public var groupNames: [String] { Group.allCases.map { "\($0)" } }

  public func groups(anchors: [Int], signals: some Signals) -> TokenGroups? {
    signals.remembered(GroupsKey(pStable: pStable, pChaotic: pChaotic, anchors: anchors)) {
      TokenGroups(groups(of: Curvature.values(anchors: anchors, signals: signals)))
    }
  }

  private struct GroupsKey: Hashable {
    let pStable: Double
    let pChaotic: Double
    let anchors: [Int]
  }

  /// Group of each token by its curvature.
  public func groups(of curvatures: [Double]) -> [UInt8] {
    let (low, high) = boundaries(of: curvatures)
    return curvatures.map { curvature in
      let slow = curvature < low ? Group.stable.rawValue : Group.linear.rawValue
      return curvature >= high ? Group.chaotic.rawValue : slow
    }
  }

  /// The curvatures that separate stable from linear and linear from chaotic tokens.
  public func boundaries(of curvatures: [Double]) -> (stable: Double, chaotic: Double) {
    let quantiles = Quantile.linear([pStable, pChaotic], of: curvatures)
    return (quantiles[0], quantiles[1])
  }

  public func combinations(anchors: [Int], distance: Int) -> [Combination] {
    let newest = Combination(valueAt: anchors[0])
    return [
      newest, newest + Velocities(anchors: anchors).newest * Double(distance),
      damped.combinations(anchors: anchors, distance: distance)[0],
    ]
  }
}
