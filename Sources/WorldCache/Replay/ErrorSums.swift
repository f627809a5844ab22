import Trace

/// The books of a replay's errors, call by call.
struct ErrorSums {
  private let geometry: Geometry
  private(set) var callErrors: [[Double]]
  private(set) var worstTokenErrors: [Double]
  private(set) var tokenSquaredErrors: [Double]
  private(set) var growth: [(squares: Double, count: Int)] = []
  private(set) var streakSquaredError = 0.0
  /// The same token by token; nil unless asked for.
  private(set) var streakSquaredErrors: [Double]?
  /// Weights of every point in the error of the final latent, `[point][token]`; nil where all are zero.
  private var direct: [[Double]?]
  /// The same for the streak under way of every lane.
  private var streaks: [[[Double]?]]

  init(_ geometry: Geometry, laneCount: Int, tokenwise: Bool = false) {
    self.geometry = geometry
    callErrors = Array(
      repeating: [Double](repeating: 0, count: geometry.callCount), count: geometry.branchCount)
    worstTokenErrors = [Double](repeating: 0, count: geometry.callCount)
    tokenSquaredErrors = [Double](repeating: 0, count: geometry.tokenCount)
    direct = Array(repeating: nil, count: geometry.distances.pointCount)
    streaks = Array(repeating: direct, count: laneCount)
    if tokenwise { streakSquaredErrors = tokenSquaredErrors }
  }

  /// Counts the error of one predicted position, over the branches that the decision covers.
  mutating func add(
    _ prediction: Prediction, at position: Int, distance: Int, lane: Int, branches: Range<Int>
  ) {
    let tokenCount = geometry.tokenCount
    let recorded = geometry.recorded(at: position)
    // A decision that sees one branch only has one group for each of its tokens, whatever it covers.
    let isShared = prediction.groups.map { $0.indices.count == tokenCount } ?? true
    for branch in branches {
      let first = isShared ? 0 : (branch - branches.lowerBound) * tokenCount
      let errors = prediction.combinations.map { $0 - recorded }
      let squares = errors.map { geometry.squaredNorms(of: $0, branch: branch) }
      let meanSquare = geometry.meanSquare(position, branch: branch)
      var (sum, worst) = (0.0, 0.0)
      for token in 0..<tokenCount {
        let square = squares[prediction.group(of: first + token)][token]
        sum += square
        worst = max(worst, square)
        tokenSquaredErrors[token] += Relative.square(square, meanSquare)
      }
      let relative = Relative.square(sum / Double(tokenCount), meanSquare)
      callErrors[branch][position] = relative.squareRoot()
      worstTokenErrors[position] = max(
        worstTokenErrors[position], Relative.square(worst, meanSquare).squareRoot())
      while growth.count < distance { growth.append((0, 0)) }
      growth[distance - 1].squares += relative
      growth[distance - 1].count += 1
      guard geometry.site.isIntegrated else { continue }

      let weight = geometry.calls[branch][position].weight
      for (group, error) in errors.enumerated() {
        for (point, factor) in geometry.weights(of: error, branch: branch) {
          var row = streaks[lane][point] ?? [Double](repeating: 0, count: tokenCount)
          for token in 0..<tokenCount where prediction.group(of: first + token) == group {
            row[token] += weight * factor
          }
          streaks[lane][point] = row
        }
      }
    }
  }

  /// Passes the errors so far on through a step that emits the latent's own error again.
  ///
  /// At the site `gain` a predicted call emits `latent + prediction`, so that an error of the latent grows
  /// by 1 + the weights of the predicted calls.
  mutating func grow(by factor: Double) {
    guard factor != 1 else { return }
    func scale(_ rows: inout [[Double]?]) {
      for point in rows.indices { rows[point] = rows[point]?.map { $0 * factor } }
    }
    scale(&direct)
    for lane in streaks.indices { scale(&streaks[lane]) }
    streakSquaredError *= factor * factor
    streakSquaredErrors = streakSquaredErrors?.map { $0 * factor * factor }
  }

  /// Ends a streak: its error of the final latent is one vector per token.
  mutating func closeStreak(lane: Int) {
    guard streaks[lane].contains(where: { $0 != nil }) else { return }
    let squares = squaredNorms(streaks[lane])
    streakSquaredError += squares.reduce(0, +)
    streakSquaredErrors = streakSquaredErrors.map { zip($0, squares).map { $0 + $1 } }
    for (point, row) in streaks[lane].enumerated() {
      guard let row else { continue }
      direct[point] = direct[point].map { zip($0, row).map { $0 + $1 } } ?? row
    }
    streaks[lane] = Array(repeating: nil, count: direct.count)
  }

  /// Token by token.
  var directSquaredErrors: [Double] { squaredNorms(direct) }

  private func squaredNorms(_ weights: [[Double]?]) -> [Double] {
    let points = weights.indices.filter { weights[$0] != nil }
    return geometry.distances.squaredNorms(points: points, weights: points.map { weights[$0]! })
  }
}
