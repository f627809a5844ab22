/// The squared norms of several combinations as weights of pairwise distances.
///
/// `‖Σ w_u f_u‖² = Σ_(u<v) −w_u w_v D2[u, v]`, the origin with weight `−Σ w_u` being one of the points.
struct QuadraticForms {
  /// A pair of points u < v with its factor in every combination where it has one.
  struct Pair {
    var first: Int
    var second: Int
    var factors: [(combination: Int, factor: Double)]
  }

  let combinationCount: Int
  private(set) var pairs: [Pair] = []

  init(_ combinations: [[(point: Int, weight: Double)]], origin: Int) {
    combinationCount = combinations.count
    var places: [Int: Int] = [:]
    for (combination, weights) in combinations.enumerated() {
      let sum = weights.reduce(0) { $0 + $1.weight }
      let size = weights.reduce(0) { $0 + abs($1.weight) }
      // What rounding leaves of weights that add up to zero is no weight of the origin.
      let rest = abs(sum) <= 4 * Double.ulpOfOne * size ? 0 : -sum
      let all = (weights + [(origin, rest)]).filter { $0.weight != 0 }
      for i in all.indices {
        for j in (i + 1)..<max(all.count, i + 1) {
          precondition(all[i].point != all[j].point, "a point appears twice in a combination")
          let (u, v) = (min(all[i].point, all[j].point), max(all[i].point, all[j].point))
          let key = u * (origin + 1) + v
          let place = places[key] ?? pairs.count
          if place == pairs.count {
            places[key] = place
            pairs.append(Pair(first: u, second: v, factors: []))
          }
          pairs[place].factors.append((combination, -all[i].weight * all[j].weight))
        }
      }
    }
  }
}
