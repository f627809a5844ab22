import Trace

/// Weights of predictions that are fitted to recorded traces, for one schedule at a time.
///
/// At every predicted call the weights of the computed calls so far are those that leave the final latent with
/// the smallest error up to there: over all the traces, `‖Σ_(r ≤ s) w_r (p_r − f_r)‖²` is least in the weights of
/// call s. So a call also makes up for errors of the calls before it as far as calls that have been computed
/// since tell of them (a corrector in the language of multistep solvers). Weights add up to 1.
struct FittedWeights: Sendable {
  /// Computed calls that a prediction looks back on at most.
  let memory: Int
  /// Whether a prediction makes up for the errors before it.
  let isCorrecting: Bool
  private let callCount: Int
  /// The solver's weight of every call, `[branch][position]`.
  private let weights: [[Double]]
  // Squared distances over all tokens in parts of the final latent, `[trace][point · pointCount + point]`.
  private let tables: [[Double]]
  private let mean: [Double]
  private let pointCount: Int

  /// Part of the diagonal that is added to it, after scaling it to 1: keeps weights of nearly equal
  /// calls from growing without need.
  static let ridge = 1e-7

  /// Takes one chunk of several traces, all with the same calls.
  init(_ traces: [Geometry], memory: Int, isCorrecting: Bool) throws {
    let first = traces[0]
    self.memory = memory
    self.isCorrecting = isCorrecting
    callCount = first.callCount
    let weights = first.calls.map { $0.map(\.weight) }
    self.weights = weights
    // Solvers that start from the same levels agree to rounding.
    let isShared = traces.allSatisfy { trace in
      zip(trace.calls.joined(), weights.joined()).allSatisfy {
        abs($0.weight - $1) <= 1e-6 * max(abs($0.weight), abs($1))
      }
    }
    guard isShared else {
      throw PolicyError(
        "weights are fitted to traces whose solver gives each call the same weight; these differ (another solver or "
          + "guidance scale)")
    }
    let count = first.branchCount * first.callCount
    pointCount = count
    let tables = try traces.map { trace in
      let final = trace.finalSquaredNorms.reduce(0, +)
      guard final > 0 else {
        throw PolicyError("weights are fitted to the final latent, which one of the traces does not hold")
      }
      try trace.distances.requireIntact()
      return (0..<(count * count)).map { place in
        let (u, v) = (place / count, place % count)
        return u == v ? 0 : trace.distances.total(u, v) / final
      }
    }
    self.tables = tables
    mean = (0..<(count * count)).map { place in
      tables.reduce(0) { $0 + $1[place] } / Double(traces.count)
    }
  }

  /// What fitting gives for one schedule.
  struct Fit: Sendable {
    /// The combination of every predicted call, by position.
    var combinations: [Int: Combination]
    /// Errors of the final latent, trace by trace.
    var directErrors: [Double]
    /// Errors of the latent at the computed calls, squared, added up and rooted, trace by trace; likewise in
    /// parts of the final latent.
    var arrivalErrors: [Double]
  }

  /// Fits the weights for a schedule.
  ///
  /// Cost: for every predicted call P² multiplications for P calls of all branches, and a system of as many
  /// equations as it looks back on calls.
  func fit(_ schedule: [Int]) -> Fit {
    let computed = Set(schedule)
    var combinations: [Int: Combination] = [:]
    // Weights of all points in the error of the final latent so far; they add up to zero.
    var error = [Double](repeating: 0, count: pointCount)
    var arrivals = [Double](repeating: 0, count: tables.count)
    var anchors: [Int] = []
    for position in 0..<callCount {
      guard !computed.contains(position) else {
        if let newest = anchors.first, position > newest + 1 {
          for (trace, square) in squares(error).enumerated() { arrivals[trace] += square }
        }
        anchors.insert(position, at: 0)
        continue
      }
      let basis = Array(anchors.prefix(memory))
      let coefficients = coefficients(at: position, basis, error)
      var combination = Combination(valueAt: basis[0]) * (1 - coefficients.reduce(0, +))
      for (anchor, weight) in zip(basis.dropFirst(), coefficients) {
        combination = combination + Combination(valueAt: anchor) * weight
      }
      combinations[position] = combination
      for branch in weights.indices {
        let (first, weight) = (branch * callCount, weights[branch][position])
        for term in combination.terms { error[first + term.position] += weight * term.weight }
        error[first + position] -= weight
      }
    }
    return Fit(
      combinations: combinations, directErrors: squares(error).map { $0.squareRoot() },
      arrivalErrors: arrivals.map { $0.squareRoot() })
  }

  // Squared norms of an error, trace by trace.
  private func squares(_ error: [Double]) -> [Double] {
    tables.map { max(0, FittedWeights.inner(error, error, $0)) }
  }

  // Weights of the differences between the older calls of the basis and the newest.
  private func coefficients(at position: Int, _ basis: [Int], _ error: [Double]) -> [Double] {
    let count = basis.count - 1
    guard count > 0 else { return [] }
    // What is left to make up for: the errors so far, and that of holding the newest value.
    var rest = isCorrecting ? error : [Double](repeating: 0, count: pointCount)
    for branch in weights.indices {
      let (first, weight) = (branch * callCount, weights[branch][position])
      rest[first + basis[0]] += weight
      rest[first + position] -= weight
    }
    let product = FittedWeights.product(mean, rest)
    let differences = (0..<count).map { place in
      weights.indices.flatMap { branch in
        let (first, weight) = (branch * callCount, weights[branch][position])
        return [(first + basis[place + 1], weight), (first + basis[0], -weight)]
      }
    }
    var matrix = [Double](repeating: 0, count: count * count)
    for i in 0..<count {
      for j in 0...i {
        var sum = 0.0
        for (u, x) in differences[i] {
          for (v, y) in differences[j] { sum -= x * y * mean[u * pointCount + v] / 2 }
        }
        matrix[i * count + j] = sum
        matrix[j * count + i] = sum
      }
    }
    let right = differences.map { $0.reduce(0) { $0 + $1.1 * product[$1.0] / 2 } }
    return FittedWeights.solution(matrix, right)
  }

  // D2 times the weights of all points.
  private static func product(_ table: [Double], _ weights: [Double]) -> [Double] {
    let count = weights.count
    var product = [Double](repeating: 0, count: count)
    for (point, weight) in weights.enumerated() where weight != 0 {
      for other in 0..<count { product[other] += weight * table[point * count + other] }
    }
    return product
  }

  // Inner product of two combinations whose weights add up to zero.
  private static func inner(_ a: [Double], _ b: [Double], _ table: [Double]) -> Double {
    -zip(a, product(table, b)).reduce(0) { $0 + $1.0 * $1.1 } / 2
  }

  /// The solution of a symmetric system, with ``ridge``; differences that do not differ have no weight.
  static func solution(_ matrix: [Double], _ right: [Double]) -> [Double] {
    let count = right.count
    let scales = (0..<count).map { place in
      let size = matrix[place * count + place]
      return size > 0 ? 1 / size.squareRoot() : 0
    }
    let scaled = (0..<(count * count)).map { place in
      let (i, j) = (place / count, place % count)
      return i == j
        ? (scales[i] > 0 ? 1 + ridge : 1)
        : matrix[max(i, j) * count + min(i, j)] * scales[max(i, j)] * scales[min(i, j)]
    }
    let solution = Cholesky(scaled, count: count, smallestPivot: ridge)
      .solving(zip(right, scales).map { $0 * $1 }, columns: 1)
    return zip(solution, scales).map { $0 * $1 }
  }
}
