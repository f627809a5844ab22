import Trace

/// What an ideal schedule minimises.
public enum Objective: String, Sendable, CaseIterable {
  /// Sum over streaks of ‖Σ w_s e_s‖²: errors within a streak add up before the norm is taken.
  case streak
  /// Sum over predicted calls of the squared relative error.
  case additive
}

/// The cost of every streak that a predictor can be asked for, from the geometry.
struct StreakCosts {
  let geometry: Geometry
  let predictor: any Predictor
  let objective: Objective
  /// The tokens whose errors count, among the geometry's sets.
  let set: Int
  private let signals: GeometrySignals
  // Distances summed over those tokens, for predictors that treat tokens alike.
  private let total: SummedDistances?

  init(_ geometry: Geometry, _ predictor: any Predictor, _ objective: Objective, set: Int = 0) {
    self.geometry = geometry
    self.predictor = predictor
    self.objective = objective
    self.set = set
    var signals = GeometrySignals(geometry)
    signals.openAll()
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

  /// Costs of the streaks of 0, 1, … `longest` predicted calls after the newest anchor.
  ///
  /// `anchors` newest first, at least as many as the predictor needs.
  func costs(anchors: [Int], longest: Int) -> [Double] {
    guard longest > 0 else { return [0] }
    let anchor = anchors[0]
    let groups = total == nil ? predictor.groups(anchors: anchors, signals: signals) : nil
    let steps = (1..<(longest + 1)).map { predictor.combinations(anchors: anchors, distance: $0) }
    let table: SummedDistances
    if let total {
      table = total
    } else {
      let positions = anchors.reversed() + Array((anchor + 1)..<(anchor + 1 + longest))
      let points = (0..<geometry.branchCount).flatMap { branch in
        positions.map { geometry.point($0, branch: branch) }
      }
      table = SummedDistances(
        geometry, points: points + [geometry.distances.origin],
        groups: groups.map { JointGroups($0.indices, groupCount: steps[0].count, geometry) }, set: set)
    }

    var costs = [0.0]
    var running = Array(repeating: Weights(), count: table.keys.count)
    var additive = 0.0
    for (offset, combinations) in steps.enumerated() {
      let position = anchor + 1 + offset
      for branch in 0..<geometry.branchCount {
        let weight = geometry.calls[branch][position].weight
        let scale =
          geometry.meanSquare(position, branch: branch, set: set) * Double(geometry.sets[set].members.count)
        for (key, groups) in table.keys.enumerated() {
          let error = combinations[Int(groups[branch])] - Combination(valueAt: position)
          switch objective {
          case .streak:
            running[key].add(error, times: weight, branch: branch, geometry)
          case .additive:
            var single = Weights()
            single.add(error, times: 1, branch: branch, geometry)
            let square = table.squaredNorm(single, key: key)
            additive += square == 0 ? 0 : square / scale
          }
        }
      }
      switch objective {
      case .streak:
        costs.append(running.indices.reduce(0) { $0 + table.squaredNorm(running[$1], key: $1) })
      case .additive: costs.append(additive)
      }
    }
    return costs
  }
}

/// Weights of points in a combination over all branches.
struct Weights {
  private(set) var terms: [(point: Int, weight: Double)] = []

  mutating func add(_ combination: Combination, times factor: Double, branch: Int, _ geometry: Geometry) {
    for term in combination.terms {
      let point = geometry.point(term.position, branch: branch)
      if let index = terms.firstIndex(where: { $0.point == point }) {
        terms[index].weight += term.weight * factor
      } else {
        terms.append((point, term.weight * factor))
      }
    }
  }
}

/// Tokens sorted by the groups they have in all branches at once.
struct JointGroups {
  /// Group in each branch, one entry per combination that can occur.
  let keys: [[UInt8]]
  /// Index into `keys` of every token.
  let sets: [UInt8]

  init(_ pooled: [UInt8], groupCount: Int, _ geometry: Geometry) {
    let count = geometry.tokenCount
    var keys: [[UInt8]] = [[]]
    var sets = [UInt8](repeating: 0, count: count)
    for branch in 0..<geometry.branchCount {
      keys = keys.flatMap { key in (0..<UInt8(groupCount)).map { key + [$0] } }
      for token in 0..<count {
        sets[token] = sets[token] * UInt8(groupCount) + pooled[branch * count + token]
      }
    }
    self.keys = keys
    self.sets = sets
  }
}

/// Squared distances summed over each of several sets of tokens, for some of the points.
struct SummedDistances {
  let keys: [[UInt8]]
  // Row of each point in the tables; -1 where it is not among the points asked for.
  private let rows: [Int]
  private let width: Int
  private let origin: Int
  // One square table per key.
  private var tables: [[Double]]

  /// Sums over the tokens of `set`, one of the geometry's: group by group, or all at once from the geometry's
  /// own sums when `groups` is nil.
  init(_ geometry: Geometry, points: [Int], groups: JointGroups?, set: Int) {
    let distances = geometry.distances
    keys = groups?.keys ?? [[UInt8](repeating: 0, count: geometry.branchCount)]
    // Tokens that do not count make up one more group.
    var membership = [UInt8](repeating: UInt8(keys.count), count: geometry.tokenCount)
    if let groups { for token in geometry.sets[set].members { membership[token] = groups.sets[token] } }
    width = points.count
    origin = distances.origin
    var rows = [Int](repeating: -1, count: distances.pointCount + 1)
    for (row, point) in points.enumerated() { rows[point] = row }
    self.rows = rows
    tables = Array(repeating: [Double](repeating: 0, count: width * width), count: keys.count)
    for i in 0..<width {
      for j in (i + 1)..<max(width, i + 1) {
        var sums = [Double](repeating: 0, count: keys.count + 1)
        if groups == nil {
          sums[0] = distances.total(points[i], points[j], set: set)
        } else {
          distances.add(points[i], points[j], by: membership, to: &sums)
        }
        for key in keys.indices {
          tables[key][i * width + j] = sums[key]
          tables[key][j * width + i] = sums[key]
        }
      }
    }
  }

  /// Squared norm of a combination, summed over the tokens of one set.
  func squaredNorm(_ weights: Weights, key: Int) -> Double {
    let terms = weights.terms + [(origin, -weights.terms.reduce(0) { $0 + $1.weight })]
    var (sum, magnitude) = (0.0, 0.0)
    for i in terms.indices where terms[i].weight != 0 {
      let row = rows[terms[i].point] * width
      for j in (i + 1)..<max(terms.count, i + 1) {
        let term = terms[i].weight * terms[j].weight * tables[key][row + rows[terms[j].point]]
        sum -= term
        magnitude += abs(term)
      }
    }
    return sum <= DistanceTable.roundingUnits * Double.ulpOfOne * magnitude ? 0 : sum
  }
}
