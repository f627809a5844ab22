import Trace

/// The squared errors of every streak that a predictor can be asked for, over one chunk of one trace.
struct StreakSquares {
  let geometry: Geometry
  let predictor: any Predictor
  /// The tokens whose errors count, among the geometry's sets.
  let set: Int
  private let signals: GeometrySignals
  // Distances summed over those tokens, for predictors that treat tokens alike.
  private let total: SummedDistances?

  init(_ geometry: Geometry, _ predictor: any Predictor, set: Int = 0) {
    self.geometry = geometry
    self.predictor = predictor
    self.set = set
    let signals = GeometrySignals.open(geometry)
    self.signals = signals
    // The newest calls tell whether the predictor groups tokens at all.
    let anchors = Array((0..<min(geometry.callCount, predictor.anchorCount)).reversed())
    let isGrouped =
      anchors.count >= predictor.minimumAnchorCount
      && predictor.groups(anchors: anchors, signals: signals) != nil
    total =
      isGrouped
      ? nil
      : SummedDistances(geometry, points: Array(0...geometry.distances.pointCount), groups: nil, set: set)
  }

  /// Those of a single token; for predictors that treat tokens alike.
  init(_ geometry: Geometry, _ predictor: any Predictor, token: Int) {
    self.geometry = geometry
    self.predictor = predictor
    set = 0
    signals = GeometrySignals.open(geometry)
    total = SummedDistances(geometry, token: token)
  }

  /// `‖Σ w_s e_s‖²` over the first 1, 2, … calls after the newest anchor.
  ///
  /// `anchors` newest first, at least as many as the predictor needs; `steps` are its combinations for those
  /// calls.
  func streaks(after anchors: [Int], _ steps: [[Combination]]) -> [Double] {
    let forms = forms(after: anchors, steps)
    var running = forms.table.keys.map { _ in forms.zero }
    return steps.enumerated().map { offset, combinations in
      for branch in 0..<geometry.branchCount {
        let weight = geometry.calls[branch][anchors[0] + 1 + offset].weight
        for (key, groups) in forms.table.keys.enumerated() {
          forms.add(
            combinations[Int(groups[branch])], offset: offset, times: weight, branch: branch,
            to: &running[key])
        }
      }
      return running.indices.reduce(0) { $0 + forms.table.squaredNorm(forms.rows, running[$1], key: $1) }
    }
  }

  /// `‖e_s‖²` of each of the calls after the newest anchor, branch by branch: `[call][branch]`.
  func calls(after anchors: [Int], _ steps: [[Combination]]) -> [[Double]] {
    let forms = forms(after: anchors, steps)
    return steps.enumerated().map { offset, combinations in
      (0..<geometry.branchCount).map { branch in
        forms.table.keys.enumerated().reduce(0) { sum, entry in
          var form = forms.zero
          forms.add(
            combinations[Int(entry.element[branch])], offset: offset, times: 1, branch: branch, to: &form)
          return sum + forms.table.squaredNorm(forms.rows, form, key: entry.offset)
        }
      }
    }
  }

  private func forms(after anchors: [Int], _ steps: [[Combination]]) -> StreakForms {
    if let total { return StreakForms(geometry, anchors, longest: steps.count, table: total) }
    let groups = predictor.groups(anchors: anchors, signals: signals)
    return StreakForms(
      geometry, anchors, longest: steps.count,
      groups: groups.map { JointGroups($0.indices, groupCount: steps[0].count, geometry) }, set: set)
  }
}

/// Combinations of the values of one streak: weights of its anchors and calls, branch after branch.
private struct StreakForms {
  let table: SummedDistances
  /// Rows of the points in the table; the origin comes last.
  let rows: [Int]
  private let anchors: [Int]
  private let width: Int

  var zero: [Double] { [Double](repeating: 0, count: rows.count) }

  init(_ geometry: Geometry, _ anchors: [Int], longest: Int, table: SummedDistances) {
    self.init(StreakForms.points(geometry, anchors, longest), anchors, longest, table)
  }

  init(_ geometry: Geometry, _ anchors: [Int], longest: Int, groups: JointGroups?, set: Int) {
    let points = StreakForms.points(geometry, anchors, longest)
    self.init(points, anchors, longest, SummedDistances(geometry, points: points, groups: groups, set: set))
  }

  private init(_ points: [Int], _ anchors: [Int], _ longest: Int, _ table: SummedDistances) {
    self.table = table
    self.anchors = anchors
    width = anchors.count + longest
    rows = points.map { table.row(of: $0) }
  }

  private static func points(_ geometry: Geometry, _ anchors: [Int], _ longest: Int) -> [Int] {
    let positions = anchors + Array((anchors[0] + 1)..<(anchors[0] + 1 + longest))
    let points = (0..<geometry.branchCount).flatMap { branch in
      positions.map { geometry.point($0, branch: branch) }
    }
    return points + [geometry.distances.origin]
  }

  /// Adds `factor` times the error of one prediction.
  func add(
    _ combination: Combination, offset: Int, times factor: Double, branch: Int, to form: inout [Double]
  ) {
    let first = branch * width
    var sum = -factor
    for term in combination.terms {
      guard let place = anchors.firstIndex(of: term.position) else {
        preconditionFailure("a predictor looks back on calls that are not among its anchors")
      }
      form[first + place] += factor * term.weight
      sum += factor * term.weight
    }
    form[first + anchors.count + offset] -= factor
    form[form.count - 1] -= sum
  }
}

/// Tokens sorted by the groups they have in all branches at once.
struct JointGroups {
  /// Group in each branch, one entry per combination that occurs.
  let keys: [[UInt8]]
  /// Index into `keys` of every token.
  let sets: [UInt8]

  init(_ pooled: [UInt8], groupCount: Int, _ geometry: Geometry) {
    let count = geometry.tokenCount
    var all: [[UInt8]] = [[]]
    var codes = [Int](repeating: 0, count: count)
    for branch in 0..<geometry.branchCount {
      all = all.flatMap { key in (0..<UInt8(groupCount)).map { key + [$0] } }
      for token in 0..<count {
        codes[token] = codes[token] * groupCount + Int(pooled[branch * count + token])
      }
    }
    var occurs = [Bool](repeating: false, count: all.count)
    for code in codes { occurs[code] = true }
    var places = [UInt8](repeating: 0, count: all.count)
    var keys: [[UInt8]] = []
    for code in all.indices where occurs[code] {
      places[code] = UInt8(keys.count)
      keys.append(all[code])
    }
    self.keys = keys
    sets = codes.map { places[$0] }
  }
}

/// Squared distances summed over each of several sets of tokens, for some of the points.
struct SummedDistances {
  let keys: [[UInt8]]
  // Row of each point in the tables; -1 where it is not among the points asked for.
  private let places: [Int]
  private let width: Int
  // One square table per key.
  private let tables: [[Double]]

  /// Sums over the tokens of `set`, one of the geometry's: group by group, or all at once from the geometry's
  /// own sums when `groups` is nil.
  init(_ geometry: Geometry, points: [Int], groups: JointGroups?, set: Int = 0) {
    let distances = geometry.distances
    keys = groups?.keys ?? [[UInt8](repeating: 0, count: geometry.branchCount)]
    let width = points.count
    self.width = width
    var places = [Int](repeating: -1, count: distances.pointCount + 1)
    for (row, point) in points.enumerated() { places[point] = row }
    self.places = places
    if let groups {
      var membership = [UInt8](repeating: UInt8(keys.count), count: geometry.tokenCount)
      for token in geometry.sets[set].members { membership[token] = groups.sets[token] }
      tables = distances.totals(of: points, by: membership, count: keys.count)
      return
    }
    var table = [Double](repeating: 0, count: width * width)
    for i in 0..<width {
      for j in (i + 1)..<max(width, i + 1) {
        let total = distances.total(points[i], points[j], set: set)
        table[i * width + j] = total
        table[j * width + i] = total
      }
    }
    tables = [table]
  }

  /// Those of a single token, for all points.
  init(_ geometry: Geometry, token: Int) {
    let distances = geometry.distances
    let width = distances.pointCount + 1
    keys = [[UInt8](repeating: 0, count: geometry.branchCount)]
    self.width = width
    places = Array(0..<width)
    var table = [Double](repeating: 0, count: width * width)
    for i in 0..<width {
      for j in (i + 1)..<max(width, i + 1) {
        let distance = distances.squaredDistances(i, j)[token]
        table[i * width + j] = distance
        table[j * width + i] = distance
      }
    }
    tables = [table]
  }

  func row(of point: Int) -> Int { places[point] }

  /// Squared norm of a combination, summed over the tokens of one set.
  ///
  /// `rows` are those of its points, the origin among them, so that the weights add up to zero.
  func squaredNorm(_ rows: [Int], _ weights: [Double], key: Int) -> Double {
    let table = tables[key]
    var (places, factors) = ([Int](), [Double]())
    for i in weights.indices where weights[i] != 0 {
      places.append(rows[i])
      factors.append(weights[i])
    }
    var (sum, magnitude) = (0.0, 0.0)
    var i = 0
    while i < places.count {
      let (row, factor) = (places[i] * width, factors[i])
      var j = i + 1
      while j < places.count {
        let term = factor * factors[j] * table[row + places[j]]
        sum -= term
        magnitude += abs(term)
        j += 1
      }
      i += 1
    }
    return sum <= DistanceTable.roundingUnits * Double.ulpOfOne * magnitude ? 0 : sum
  }
}
