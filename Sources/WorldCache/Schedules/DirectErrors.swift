import Trace

/// Direct errors of the final latent over one chunk of several traces: `Σ w_s (p_s − f_s)` as weights of recorded
/// values, with norms and inner products from summed squared distances (Schoenberg's identity).
///
/// The weights of an error add up to zero, the origin's among them. Errors are in parts of the final latent where all
/// traces have one, as the column `direct` of a replay is.
struct DirectErrors: Sendable {
  /// Weights of all points, the origin last: part by part.
  typealias Vector = [[Double]]

  /// Traces that are taken together: each for itself where the worst counts; for the mean those whose calls have the same
  /// weights.
  private struct Part: Sendable {
    // The solver's weight of every call, `branch · callCount + position`.
    let weights: [Double]
    // Squared distances of every two points, those of a mean divided by the number of traces.
    var table: [Double]
    var largest: Double { table.max() ?? 0 }
  }

  let anchors: AnchorWeights
  /// Whether the worst of the parts counts, and not their sum.
  let isWorst: Bool
  private let branchCount: Int
  private let parts: [Part]

  init(_ traces: [Geometry], _ anchors: AnchorWeights, over: Aim.Over) throws {
    self.anchors = anchors
    isWorst = over == .max && traces.count > 1
    branchCount = traces[0].branchCount
    let finals = traces.map { $0.finalSquaredNorms.reduce(0, +) }
    // Where one trace lacks its end, errors of the final latent stay as they are.
    let isKnown = finals.allSatisfy { $0 > 0 }
    var parts: [Part] = []
    for (trace, final) in zip(traces, finals) {
      let width = trace.distances.origin + 1
      let scale = (isKnown ? final : 1) * (isWorst ? 1 : Double(traces.count))
      let weights = trace.calls.joined().map(\.weight)
      let table = (0..<(width * width)).map { place in
        let (u, v) = (place / width, place % width)
        return u == v ? 0 : trace.distances.total(u, v) / scale
      }
      try trace.distances.requireIntact()
      if !isWorst, let place = parts.firstIndex(where: { $0.weights == weights }) {
        for entry in table.indices { parts[place].table[entry] += table[entry] }
      } else {
        parts.append(Part(weights: weights, table: table))
      }
    }
    self.parts = parts
  }

  var callCount: Int { anchors.callCount }
  var partCount: Int { parts.count }
  private var width: Int { branchCount * callCount + 1 }

  /// The error of a schedule; nil where the predictor is not defined throughout.
  func vector(of schedule: [Int]) -> Vector? {
    guard let predictions = anchors.predictions(of: schedule) else { return nil }
    return parts.map { part in
      var vector = [Double](repeating: 0, count: width)
      for (place, distance) in predictions {
        let (own, weights) = (anchors.anchors(place), anchors.weights(place, distance))
        for branch in 0..<branchCount {
          let first = branch * callCount
          let position = first + Int(own[0]) + distance
          let factor = part.weights[position]
          for lane in 0..<3 where weights[lane] != 0 {
            vector[first + Int(own[lane])] += factor * weights[lane]
          }
          vector[width - 1] += factor * weights[3]
          vector[position] -= factor
        }
      }
      return vector
    }
  }

  /// Squared norm of each part of an error; 0 where it is within rounding.
  func squares(_ vector: Vector) -> [Double] {
    zip(parts, vector).map { part, weights in
      let points = weights.indices.filter { weights[$0] != 0 }
      var (sum, magnitude) = (0.0, 0.0)
      for (place, u) in points.enumerated() {
        let row = u * width
        var (inner, size) = (0.0, 0.0)
        for v in points[(place + 1)...] {
          let term = weights[v] * part.table[row + v]
          inner += term
          size += abs(term)
        }
        sum -= weights[u] * inner
        magnitude += abs(weights[u]) * size
      }
      return sum <= DistanceTable.roundingUnits * Double.ulpOfOne * magnitude ? 0 : sum
    }
  }

  /// What is minimised, from the squares of the parts: the root of their mean over traces, or that of the largest.
  func error(_ squares: [Double]) -> Double {
    (isWorst ? squares.max()! : squares.reduce(0, +)).squareRoot()
  }

  /// The error of a schedule; nil where the predictor is not defined throughout.
  func error(of schedule: [Int]) -> Double? { vector(of: schedule).map { error(squares($0)) } }

  /// Inner products of an error with every point, up to a constant in each part.
  func image(_ vector: Vector) -> Vector {
    zip(parts, vector).map { part, weights in
      var image = [Double](repeating: 0, count: width)
      for (point, weight) in weights.enumerated() where weight != 0 {
        let row = point * width
        for other in image.indices { image[other] -= weight / 2 * part.table[row + other] }
      }
      let first = image[0]
      return image.map { $0 - first }
    }
  }

  /// Inner products of two errors, part by part, of the first from its image.
  func products(image: Vector, _ vector: Vector) -> [Double] {
    zip(image, vector).map { zip($0, $1).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// The direction of a mixture of errors whose parts are multiplied by `factors`, with length 1 in the norm that is
  /// dual to ``error(_:)``: along it no error is longer than its size. Nil where it has no length beyond rounding.
  func direction(_ vector: Vector, factors: [Double]) -> ErrorDirection? {
    let image = image(vector)
    // Rounding of an image, and the upper end of a length.
    let rounding = zip(parts, vector).map { part, weights in
      8 * Double.ulpOfOne * part.largest * weights.reduce(0) { $0 + abs($1) }
    }
    let squares = parts.indices.map { part in
      max(0, products(image: [image[part]], [vector[part]])[0])
        + rounding[part] * vector[part].reduce(0) { $0 + abs($1) }
    }
    let length =
      isWorst
      ? zip(factors, squares).reduce(0) { $0 + $1.0 * $1.1.squareRoot() }
      : zip(factors, squares).reduce(0) { $0 + $1.0 * $1.0 * $1.1 }.squareRoot()
    guard length > 0 else { return nil }
    let count = callCount
    var table = [Double](repeating: 0, count: count * (count + 1))
    var slack = 0.0
    for part in parts.indices {
      let factor = factors[part] / length
      // Of a step's products, and of adding the steps up.
      let step =
        rounding[part] + Double(16 + count) * Double.ulpOfOne * image[part].reduce(0) { max($0, abs($1)) }
      for branch in 0..<branchCount {
        for position in 0..<count {
          let weight = factor * parts[part].weights[branch * count + position]
          let row = position * (count + 1)
          for other in 0..<count { table[row + other] += weight * image[part][branch * count + other] }
          table[row + count] += weight * image[part][width - 1]
          slack += abs(weight) * step
        }
      }
    }
    return ErrorDirection(callCount: count, table: table, slack: slack * anchors.largestSum)
  }
}

/// How far the error of every prediction goes along one direction: what a schedule's error is along it is a sum over its
/// predicted calls.
struct ErrorDirection: Sendable {
  let callCount: Int
  /// The solver's weight of a call times the length of a point along the direction: `position · (callCount + 1) + other`,
  /// the origin last.
  let table: [Double]
  /// Bound of the rounding error of a schedule's sum.
  let slack: Double

  /// The costs of the streaks after a state: entry k of k predicted calls. They may be below zero.
  func row(_ anchors: AnchorWeights, _ place: Int) -> [Double] {
    let (own, newest) = (anchors.anchors(place), anchors.newest(place))
    var (sum, row) = (0.0, [0.0])
    row.reserveCapacity(anchors.longestStreak(place) + 1)
    for distance in 1..<(anchors.longestStreak(place) + 1) {
      let weights = anchors.weights(place, distance)
      let position = newest + distance
      let first = position * (callCount + 1)
      var step = weights[3] * table[first + callCount] - table[first + position]
      for lane in 0..<3 { step += weights[lane] * table[first + Int(own[lane])] }
      sum += step
      row.append(sum)
    }
    return row
  }
}
