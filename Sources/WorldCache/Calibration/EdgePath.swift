import Foundation

/// The best way through a chunk over edges of given costs, with so many computed calls.
public struct EdgePath: Hashable, Sendable {
  /// What is least.
  public enum Criterion: Hashable, Sendable {
    /// The edges' costs sorted in falling order, compared one after the other (LeMiCa).
    case lexicographic
    /// The sum of their powers (MeanCache's γ).
    case power(Double)
  }

  /// Computed calls, ascending from 0.
  public var computed: [Int]
  /// The costs of its edges, in order; edges without predicted calls have none.
  public var costs: [Double]

  /// The best path with exactly `count` computed calls, the last call among them where `lastComputed`; nil
  /// where there is none.
  ///
  /// Exact: appending the same edge keeps the order of sums and of sorted costs. Cost: calls × count × the
  /// longest edge, each a comparison of up to `count` costs.
  public init?(_ edges: EdgeCosts, computing count: Int, _ criterion: Criterion, lastComputed: Bool = true) {
    let calls = edges.callCount
    guard (1...calls).contains(count) else { return nil }
    // Best ways to call j with so many computed calls, j among them.
    var layer: [Way?] = Array(repeating: nil, count: calls)
    layer[0] = Way(computed: [0], costs: [], key: [])
    for _ in 1..<count {
      var next: [Way?] = Array(repeating: nil, count: calls)
      for (anchor, way) in layer.enumerated() {
        guard let way else { continue }
        for (skipped, cost) in edges.costs[anchor].enumerated() where anchor + skipped + 1 < calls {
          let reached = anchor + skipped + 1
          let longer = way.extended(to: reached, cost, isEdge: skipped > 0, criterion)
          if next[reached].map({ longer.isBetter(than: $0) }) ?? true { next[reached] = longer }
        }
      }
      layer = next
    }
    var best: Way?
    for (anchor, way) in layer.enumerated() {
      let tail = calls - 1 - anchor
      guard var way, tail == 0 || !lastComputed, tail < edges.costs[anchor].count else { continue }
      if tail > 0 { way = way.extended(to: nil, edges.costs[anchor][tail], isEdge: true, criterion) }
      if best.map({ way.isBetter(than: $0) }) ?? true { best = way }
    }
    guard let best else { return nil }
    computed = best.computed
    costs = best.costs
  }

  /// The orders of the edges after every computed call but the last, for MeanCache's own lists.
  public func orders(in edges: EdgeCosts) -> [Int] {
    zip(computed, computed.dropFirst()).map { from, to in edges.orders?[from][to - from - 1] ?? 1 }
  }

  private struct Way {
    var computed: [Int]
    var costs: [Double]
    /// What is compared: sorted costs, or their sum.
    var key: [Double]

    func extended(to call: Int?, _ cost: Double, isEdge: Bool, _ criterion: Criterion) -> Way {
      var longer = self
      if let call { longer.computed.append(call) }
      guard isEdge else { return longer }
      longer.costs.append(cost)
      switch criterion {
      case .lexicographic:
        let place = longer.key.firstIndex { $0 < cost } ?? longer.key.count
        longer.key.insert(cost, at: place)
      case .power(let exponent): longer.key = [(longer.key.first ?? 0) + pow(cost, exponent)]
      }
      return longer
    }

    // Fewer edges are better than more of them, of which the rest would cost something.
    func isBetter(than other: Way) -> Bool {
      for (mine, theirs) in zip(key, other.key) where mine != theirs { return mine < theirs }
      return key.count < other.key.count
    }
  }
}
