import Trace

/// Groups tokens by how they moved over the last three computed calls.
///
/// A token belongs to group g when its measure is at or above g of the quantiles, so that the first group
/// holds the smallest values. Quantiles are over all tokens of the covered branches.
struct TokenGrouping: Hashable, Sendable {
  enum Criterion: String, Hashable, Sendable, CaseIterable {
    case curvature, speed, acceleration
  }

  let criterion: Criterion
  /// In ascending order.
  let quantiles: [Double]

  private struct Key: Hashable {
    let grouping: TokenGrouping
    let anchors: [Int]
  }

  /// `anchors` are three computed calls, newest first.
  func groups(anchors: [Int], signals: some Signals) -> TokenGroups {
    signals.remembered(Key(grouping: self, anchors: anchors)) {
      let values =
        switch criterion {
        case .curvature: Curvature.values(anchors: anchors, signals: signals)
        case .speed: signals.norms(of: Velocities(anchors: anchors).newest)
        case .acceleration: signals.norms(of: Velocities(anchors: anchors).acceleration)
        }
      let boundaries = Quantile.linear(quantiles, of: values)
      return TokenGroups(values.map { value in UInt8(boundaries.count { value >= $0 }) })
    }
  }
}
