import Trace

/// An error of the final latent: weights of every point, alike for all tokens or for those of a group.
struct FinalError {
  /// Errors of calls whose tokens are in the same groups.
  private struct Part {
    let groups: TokenSlice?
    /// `[group][point]`.
    var forms: [[Int: Double]]
  }

  private var parts: [Part] = []

  var isEmpty: Bool { parts.isEmpty }

  mutating func add(
    _ forms: [[(point: Int, weight: Double)]], _ groups: TokenSlice?, times factor: Double, branch: Int
  ) {
    let place: Int
    if let found = parts.firstIndex(where: { $0.groups == groups && $0.forms.count == forms.count }) {
      place = found
    } else {
      place = parts.count
      parts.append(Part(groups: groups, forms: Array(repeating: [:], count: forms.count)))
    }
    for (group, form) in forms.enumerated() {
      for (point, weight) in form { parts[place].forms[group][point, default: 0] += factor * weight }
    }
  }

  mutating func add(_ other: FinalError) {
    for part in other.parts {
      add(part.forms.map { $0.map { (point: $0.key, weight: $0.value) } }, part.groups, times: 1, branch: 0)
    }
  }

  mutating func scale(by factor: Double) {
    for part in parts.indices {
      for group in parts[part].forms.indices {
        parts[part].forms[group] = parts[part].forms[group].mapValues { $0 * factor }
      }
    }
  }

  /// Its squared norm, summed over all tokens.
  func squaredNorm(in geometry: Geometry, _ sums: TokenSums) -> Double {
    switch parts.count {
    case 0: 0
    case 1:
      // Sorted, so that sums are taken in the same order every time.
      sums.sumOfSquaredNorms(
        of: parts[0].forms.map { form in
          form.sorted { $0.key < $1.key }.map { (point: $0.key, weight: $0.value) }
        }, parts[0].groups, geometry.distances)
    default: FixedOrder.sum(squaredNorms(in: geometry))
    }
  }

  /// Its squared norms token by token: tokens in different groups at different calls have weights of their own.
  func squaredNorms(in geometry: Geometry) -> [Double] {
    let count = geometry.tokenCount
    // What all tokens share, the predicted calls above all, and what they do not.
    var shared: [Int: Double] = [:]
    var own: [Int: [Double]] = [:]
    for part in parts {
      let indices = part.groups.map { Array($0.indices(count)) }
      for point in Set(part.forms.flatMap(\.keys)) {
        let weights = part.forms.map { $0[point] ?? 0 }
        guard let indices, weights.contains(where: { $0 != weights[0] }) else {
          shared[point, default: 0] += weights[0]
          continue
        }
        var row = own[point] ?? [Double](repeating: 0, count: count)
        own[point] = nil
        for token in 0..<count { row[token] += weights[Int(indices[token])] }
        own[point] = row
      }
    }
    let points = Set(shared.keys).union(own.keys).sorted()
    return geometry.distances.squaredNorms(
      points.map { point in
        let all = shared[point] ?? 0
        return (point, own[point].map { .each($0.map { $0 + all }) } ?? .alike(all))
      })
  }
}
