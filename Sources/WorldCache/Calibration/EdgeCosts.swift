public import Trace

/// What the final latent loses when a stretch of calls between two computed ones is predicted, open loop.
///
/// An edge goes from a computed call i over k predicted calls to the next computed one, or to the end of the chunk.
/// Its cost is `sqrt(Σ_tokens ‖Σ_s w_s (p_s − f_s)‖² / Σ_tokens ‖X‖²)` with s over the predicted calls, w the
/// solver's weights and X the final latent, mean over recordings. The published methods run the model
/// for every edge (LeMiCa), which includes how later calls answer; this cannot.
public struct EdgeCosts: Hashable, Sendable {
  public enum Method: String, CaseIterable, Sendable {
    /// The value of the newest computed call is held (LeMiCa, arXiv 2511.00090).
    case lemica
    /// The average velocity over the last K calls is extrapolated (MeanCache, arXiv 2601.19961), with the
    /// best K for each edge and the calls before it as recorded. There the cost is the deviation of the
    /// mean velocity; here it is that times the edge's length in σ, so that costs are of the final latent.
    case meancache
  }

  public var method: Method
  public var site: Site
  /// `costs[i][k]`: of the edge after call i over k predicted calls; `costs[i][0]` is 0. Row i has at most
  /// `callCount − i` entries.
  public var costs: [[Double]]
  /// The K with the least mean cost of each edge, 1 where nothing is predicted; nil for methods that hold.
  public var orders: [[Int]]?

  public init(method: Method, site: Site, costs: [[Double]], orders: [[Int]]?) {
    self.method = method
    self.site = site
    self.costs = costs
    self.orders = orders
  }

  public var callCount: Int { costs.count }

  /// Calls that MeanCache averages over at most.
  static let mostOrders = 6

  /// Costs over one chunk, `[order − 1][i][k]`; one order for methods that hold.
  ///
  /// Throws a ``PolicyError`` where there is no final latent to measure by, or another site than one whose
  /// emission the solver integrates.
  static func costs(_ method: Method, over geometry: Geometry, longest: Int) throws -> [[[Double]]] {
    try requireSite(geometry.site)
    let square = FixedOrder.sum(geometry.finalSquaredNorms)
    guard square > 0 else {
      throw PolicyError("edge costs are relative to the final latent, and the trace holds none")
    }
    return try relative(method, over: geometry, longest: longest, to: square)
  }

  /// The same relative to any square; throws a ``PolicyError`` at another site than one whose emission the solver
  /// integrates.
  static func relative(
    _ method: Method, over geometry: Geometry, longest: Int, to square: Double
  ) throws -> [[[Double]]] {
    try requireSite(geometry.site)
    let anchors = 0..<geometry.callCount
    // A value of one expert is nothing to the next, which begins with a computed call.
    func room(_ anchor: Int) -> Int {
      min(longest, geometry.segments.first { $0.contains(anchor) }!.upperBound - 1 - anchor)
    }
    switch method {
    case .lemica:
      let hold = HoldPredictor()
      let squares = StreakSquares(geometry, hold)
      return [
        anchors.map { anchor in
          let steps = (0..<room(anchor)).map {
            hold.combinations(anchors: [anchor], distance: $0 + 1)
          }
          return ([0] + squares.streaks(after: [anchor], steps)).map { ($0 / square).squareRoot() }
        }
      ]
    case .meancache:
      return try (1...mostOrders).map { order in
        try anchors.map { anchor in
          try velocityCosts(after: anchor, order: order, geometry, longest: room(anchor))
            .map { ($0 / square).squareRoot() }
        }
      }
    }
  }

  /// Where the costs of a method are measured.
  static func sites(_ method: Method) -> [Site] { method == .meancache ? [.guided] : [.output, .guided] }

  private static func requireSite(_ site: Site) throws {
    guard sites(.lemica).contains(site) else {
      throw PolicyError("edge costs are measured at the sites output and guided, not at \(site)")
    }
  }

  // The policy itself predicts, so that there is no second reading of the method.
  private static func velocityCosts(
    after anchor: Int, order: Int, _ geometry: Geometry, longest: Int
  ) throws -> [Double] {
    let segment = geometry.segments.first { $0.contains(anchor) }!
    let before = anchor - segment.lowerBound
    let computed = (Array(0...before) + [geometry.callCount]).map(String.init).joined(separator: "+")
    let orders = (Array(repeating: 1, count: before) + [order]).map(String.init).joined(separator: "+")
    let plan = try PolicyRegistry.plan("meancache:list=own,computed=\(computed),orders=\(orders)")
    var policy = try plan.policy(for: geometry)
    let signals = GeometrySignals(geometry)
    policy.begin(CallStream(geometry, segment: segment, branch: 0))
    for position in segment.lowerBound...anchor { policy.computed(at: position, signals: signals) }
    var costs = [0.0]
    var sum = Combination()
    for position in (anchor + 1)..<(anchor + 1 + longest) {
      let error =
        policy.prediction(at: position, signals: signals).combinations[0] - Combination(valueAt: position)
      sum = sum + error * geometry.calls[0][position].weight
      costs.append(geometry.distances.sumOfSquaredNorms(of: geometry.weights(of: sum, branch: 0)))
    }
    return costs
  }

  /// The best path with `count` computed calls; throws a ``PolicyError`` where there is none, with the name of what
  /// it is `of`.
  func path(computing count: Int, _ criterion: EdgePath.Criterion, of name: String) throws -> EdgePath {
    if let path = EdgePath(self, computing: count, criterion) { return path }
    throw PolicyError("\(name): \(missing(count))")
  }

  /// The fewest computed calls of a timetable, its first and last call among them.
  public var fewestComputed: Int {
    var fewest = [1] + Array(repeating: callCount, count: callCount - 1)
    for (anchor, row) in costs.enumerated() {
      for reached in (anchor + 1)..<max(anchor + 1, min(callCount, anchor + 1 + row.count)) {
        fewest[reached] = min(fewest[reached], fewest[anchor] + 1)
      }
    }
    return fewest[callCount - 1]
  }

  /// Why there is no path with so many computed calls, and how many a path has.
  func missing(_ count: Int) -> String {
    // An edge to the end of the chunk leaves the last call out.
    let longest = costs.enumerated().map { min($1.count - 1, callCount - 2 - $0) }.max()!
    return
      "\(method.rawValue) has no timetable of \(count) computed calls of \(callCount): the first and the last are "
      + "computed, and at most \(max(0, longest)) in a row predicted, so that it takes \(fewestComputed) to \(callCount)"
  }

  /// The mean over chunks; each edge with its best order.
  init(_ method: Method, _ site: Site, _ chunks: [[[[Double]]]]) {
    self.method = method
    self.site = site
    let first = chunks[0]
    var (costs, orders) = ([[Double]](), [[Int]]())
    for anchor in first[0].indices {
      let best = first[0][anchor].indices.map { skipped in
        let means = first.indices.map { order in Moments(chunks.map { $0[order][anchor][skipped] }).mean! }
        // The least order among equals.
        return means.indices.min { means[$0] < means[$1] }.map { (cost: means[$0], order: $0 + 1) }!
      }
      costs.append(best.map(\.cost))
      orders.append(best.enumerated().map { $0.offset == 0 ? 1 : $0.element.order })
    }
    self.costs = costs
    self.orders = method == .meancache ? orders : nil
  }
}
