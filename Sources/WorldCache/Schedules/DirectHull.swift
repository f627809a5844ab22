import Foundation

/// A bound for the direct errors of all schedules with so many computed calls: the least error of any mixture of them.
///
/// Errors of streaks may cancel, so that they do not add up; but along a fixed direction they do, and the schedule that
/// goes least far along it is found exactly, whatever the signs. No error is smaller than that distance. The direction
/// is that of the nearest mixture of the schedules found so far (fully corrective Frank-Wolfe), and each answer is a
/// bound and a schedule. For the worst trace directions also say what each trace counts; it counts more where the mixture
/// is bad (exponentiated gradient, as in ``WorstTraceSearch``).
struct DirectHull: Sendable {
  /// A direction of length 1 with the least that a schedule goes along it.
  struct Face: Sendable {
    let direction: ErrorDirection
    let bound: Double
  }

  private(set) var faces: [Face] = []
  /// Schedules that came up, the starting one first, without repetition.
  private(set) var schedules: [[Int]]
  /// What no schedule can be below.
  var bound: Double { faces.reduce(0) { max($0, $1.bound) } }

  /// Part of the mixture's error that the bound may stay below.
  static let tolerance = 1e-3
  static let roundCount = 160

  /// Cost: in each round one pass over all states and continuations for each number of computed calls.
  init(
    _ errors: DirectErrors, _ constraints: ScheduleConstraints, computing count: Int,
    startingFrom start: [Int],
    progress: (_ round: Int) -> Void = { _ in }
  ) {
    schedules = [start]
    let (anchors, parts) = (errors.anchors, errors.partCount)
    guard let first = errors.vector(of: start) else { return }
    var vectors = [first]
    // Inner products of every two errors, `[i][j][part]`.
    var products = [[errors.products(image: errors.image(first), first)]]
    var mixture = [1.0]
    var factors = [Double](repeating: errors.isWorst ? 1 / Double(parts) : 1, count: parts)
    for round in 0..<DirectHull.roundCount {
      progress(round)
      let number = vectors.count
      mixture = NearestMixture.weights(
        (0..<(number * number)).map { place in
          let inner = products[max(place / number, place % number)][min(place / number, place % number)]
          return zip(factors, inner).reduce(0) { $0 + $1.0 * $1.1 }
        }, from: mixture)
      var mixed = vectors[0].map { $0.map { _ in 0.0 } }
      for (weight, vector) in zip(mixture, vectors) where weight > 0 {
        for part in mixed.indices {
          for point in mixed[part].indices { mixed[part][point] += weight * vector[part][point] }
        }
      }
      guard let direction = errors.direction(mixed, factors: factors) else { break }
      let rows = anchors.states.codes.indices.map { direction.row(anchors, $0) }
      let program = ScheduleProgram(SumTally(), anchors.states, rows: rows, constraints, upTo: count)
      guard let schedule = program.schedule(computing: count) else { break }
      faces.append(Face(direction: direction, bound: program.costs[count] - direction.slack))
      let squares = errors.squares(mixed)
      // A zero within rounding is no distance to come near to.
      guard bound < errors.error(squares) * (1 - DirectHull.tolerance) else { break }
      let isNew = !schedules.contains(schedule)
      if isNew, let vector = errors.vector(of: schedule) {
        schedules.append(schedule)
        vectors.append(vector)
        mixture.append(0)
        let image = errors.image(vector)
        products.append(vectors.map { errors.products(image: image, $0) })
      }
      guard errors.isWorst else {
        if isNew { continue }
        break
      }
      let largest = squares.max()!
      let rate = 4 / Double(round + 4).squareRoot()
      factors = zip(factors, squares).map { $0 * exp(rate * ($1 / largest - 1)) }
      let sum = factors.reduce(0, +)
      factors = factors.map { $0 / sum }
    }
  }
}
