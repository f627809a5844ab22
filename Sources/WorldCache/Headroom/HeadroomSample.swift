import Trace

/// What one recording says about headroom: errors of every schedule looked at, by computed calls.
struct HeadroomSample: Sendable {
  /// Errors of the ideal schedules of one predictor over one chunk, `[computed calls]`; infinite where there is none.
  struct Ideal: Sendable {
    var predictor: String
    var errors: [Double]
  }

  struct Chunk: Sendable {
    var ideals: [Ideal]
    /// Squared costs of holding over k calls after call i, `[i][k]`.
    var squaredEdges: [[Double]]
    var sigmas: [Double]
  }

  var chunks: [Chunk]
  var callCount: Int { chunks.reduce(0) { $0 + $1.sigmas.count } }

  /// The predictors whose ideals are looked at.
  static let predictors: [(name: String, predictor: any Predictor)] = [
    ("hold", HoldPredictor()), ("Taylor of order 1", TaylorPredictor(order: 1)),
    ("Taylor of order 2", TaylorPredictor(order: 2)),
  ]

  /// Throws a ``PolicyError`` where there is no final latent, or a chunk that cannot be searched.
  init(_ geometries: [Geometry]) throws {
    chunks = try geometries.map { geometry in
      let edges = try EdgeCosts.costs(.lemica, over: geometry, longest: geometry.callCount)[0]
      return Chunk(
        ideals: try HeadroomSample.predictors.map { name, predictor in
          let search = try IdealSearch([geometry], predictor)
          return Ideal(predictor: name, errors: search.costs.map { $0.squareRoot() })
        }, squaredEdges: edges.map { $0.map { $0 * $0 } }, sigmas: geometry.calls[0].map(\.sigma))
    }
  }

  /// The fewest computed calls of every chunk at which its error is within a budget; nil where some chunk has none.
  func counts(_ way: Headroom.Way, budget: Double) -> [Int]? {
    var counts: [Int] = []
    for chunk in chunks {
      guard let count = (1...chunk.sigmas.count).first(where: { chunk.error(way, $0) <= budget }) else {
        return nil
      }
      counts.append(count)
    }
    return counts
  }
}

extension HeadroomSample.Chunk {
  /// The error with so many computed calls; infinite where a way has no such schedule.
  func error(_ way: Headroom.Way, _ count: Int) -> Double {
    switch way {
    case .ideal(let predictor): ideals.first { $0.predictor == predictor }!.errors[count]
    case .fewerSteps: error(holdingAfter: Self.grid(count, of: sigmas.count))
    case .reshifted(let shift):
      Self.nodes(count, shift: shift, among: sigmas).map { error(holdingAfter: $0) } ?? .infinity
    }
  }

  /// Streak error of holding between computed calls, and after the last one to the end.
  func error(holdingAfter computed: [Int]) -> Double {
    zip(computed, computed.dropFirst() + [sigmas.count]).reduce(0) {
      $0 + squaredEdges[$1.0][$1.1 - $1.0 - 1]
    }
    .squareRoot()
  }

  /// So many calls, evenly from the first on: call `round(j · T / n)`, halves down.
  static func grid(_ count: Int, of callCount: Int) -> [Int] {
    (0..<count).map { (2 * $0 * callCount + count - 1) / (2 * count) }
  }

  /// The recorded calls nearest to `σ_j = s u / (1 + (s − 1) u)`, `u = 1 − j / n`, each taken once; nil where
  /// the recorded levels are not of that kind or too few.
  static func nodes(_ count: Int, shift: Double, among sigmas: [Double]) -> [Int]? {
    guard count <= sigmas.count, zip(sigmas, sigmas.dropFirst()).allSatisfy({ $0 > $1 }), sigmas[0] <= 1.0001,
      sigmas[sigmas.count - 1] > 0
    else { return nil }
    var nodes: [Int] = []
    for step in 0..<count {
      let u = 1 - Double(step) / Double(count)
      let level = sigmas[0] * shift * u / (1 + (shift - 1) * u)
      // Room is left for the steps that follow.
      let free = (nodes.last.map { $0 + 1 } ?? 0)...(sigmas.count - count + step)
      nodes.append(step == 0 ? 0 : free.min { abs(sigmas[$0] - level) < abs(sigmas[$1] - level) }!)
    }
    return nodes
  }
}
