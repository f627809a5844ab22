import Trace

/// The books of a replay's errors, call by call.
struct ErrorSums {
  private let geometry: Geometry
  private(set) var callErrors: [[Double]]
  private(set) var worstTokenErrors: [Double]
  private(set) var tokenSquaredErrors: [Double]
  private(set) var growth: [(squares: Double, count: Int)] = []
  private(set) var streakSquaredError = 0.0
  /// Weights of every point in the error of the final latent, `[point][token]`; nil where all are zero.
  private var direct: [[Double]?]
  private var streak: [[Double]?]

  init(_ geometry: Geometry) {
    self.geometry = geometry
    callErrors = Array(
      repeating: [Double](repeating: 0, count: geometry.callCount), count: geometry.branchCount)
    worstTokenErrors = [Double](repeating: 0, count: geometry.callCount)
    tokenSquaredErrors = [Double](repeating: 0, count: geometry.tokenCount)
    direct = Array(repeating: nil, count: geometry.distances.pointCount)
    streak = direct
  }

  /// Counts the error of one predicted position, over all branches.
  mutating func add(_ prediction: Prediction, at position: Int, distance: Int) {
    let tokenCount = geometry.tokenCount
    let recorded = Combination(valueAt: position)
    for branch in 0..<geometry.branchCount {
      let errors = prediction.combinations.map { $0 - recorded }
      let squares = errors.map { geometry.squaredNorms(of: $0, branch: branch) }
      let meanSquare = geometry.meanSquare(position, branch: branch)
      var (sum, worst) = (0.0, 0.0)
      for token in 0..<tokenCount {
        let square = squares[prediction.group(of: branch * tokenCount + token)][token]
        sum += square
        worst = max(worst, square)
        tokenSquaredErrors[token] += ErrorSums.ratio(square, meanSquare)
      }
      let relative = ErrorSums.ratio(sum / Double(tokenCount), meanSquare)
      callErrors[branch][position] = relative.squareRoot()
      worstTokenErrors[position] = max(
        worstTokenErrors[position], ErrorSums.ratio(worst, meanSquare).squareRoot())
      while growth.count < distance { growth.append((0, 0)) }
      growth[distance - 1].squares += relative
      growth[distance - 1].count += 1

      let weight = geometry.calls[branch][position].weight
      for (group, error) in errors.enumerated() {
        for term in error.terms {
          let point = geometry.point(term.position, branch: branch)
          var row = streak[point] ?? [Double](repeating: 0, count: tokenCount)
          for token in 0..<tokenCount where prediction.group(of: branch * tokenCount + token) == group {
            row[token] += weight * term.weight
          }
          streak[point] = row
        }
      }
    }
  }

  /// Ends a streak: its error of the final latent is one vector per token.
  mutating func closeStreak() {
    guard streak.contains(where: { $0 != nil }) else { return }
    streakSquaredError += squaredNorm(streak)
    for (point, row) in streak.enumerated() {
      guard let row else { continue }
      direct[point] = direct[point].map { zip($0, row).map { $0 + $1 } } ?? row
    }
    streak = Array(repeating: nil, count: streak.count)
  }

  var directSquaredError: Double { squaredNorm(direct) }

  private func squaredNorm(_ weights: [[Double]?]) -> Double {
    let points = weights.indices.filter { weights[$0] != nil }
    return geometry.distances.squaredNorms(points: points, weights: points.map { weights[$0]! }).reduce(0, +)
  }

  // A tensor that is zero throughout has no scale: exact predictions of it are right, others infinitely wrong.
  private static func ratio(_ square: Double, _ scale: Double) -> Double {
    square == 0 ? 0 : square / scale
  }
}
