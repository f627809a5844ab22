/// The squared norm of a combination as weights of pairwise distances.
///
/// `‖Σ w_u f_u‖² = Σ_(u<v) −w_u w_v D2[u, v]`, the origin with weight `−Σ w_u` being one of the points.
struct QuadraticForm {
  /// Pairs of points u < v with their factors.
  private(set) var pairs: [(first: Int, second: Int, factor: Double)] = []

  init(_ weights: [(point: Int, weight: Double)], origin: Int) {
    var (sum, size) = (0.0, 0.0)
    for (_, weight) in weights {
      sum += weight
      size += abs(weight)
    }
    // What rounding leaves of weights that add up to zero is no weight of the origin.
    let rest = abs(sum) <= 4 * Double.ulpOfOne * size ? 0 : -sum
    let all = (weights + [(origin, rest)]).filter { $0.weight != 0 }
    pairs.reserveCapacity(all.count * (all.count - 1) / 2)
    for i in all.indices {
      for j in (i + 1)..<max(all.count, i + 1) {
        precondition(all[i].point != all[j].point, "a point appears twice in a combination")
        pairs.append(
          (
            min(all[i].point, all[j].point), max(all[i].point, all[j].point), -all[i].weight * all[j].weight
          ))
      }
    }
  }
}

/// The forms of several combinations, pair by pair.
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
      for (first, second, factor) in QuadraticForm(weights, origin: origin).pairs {
        let key = first * (origin + 1) + second
        let place = combinations.count == 1 ? pairs.count : places[key] ?? pairs.count
        if place == pairs.count {
          if combinations.count > 1 { places[key] = place }
          pairs.append(Pair(first: first, second: second, factors: []))
        }
        pairs[place].factors.append((combination, factor))
      }
    }
  }
}
