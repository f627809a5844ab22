import Foundation
import Trace

/// The costs of every streak after every choice of anchors, over one chunk of several traces.
struct StreakTable: Sendable {
  let states: AnchorStates
  /// Columns of a row: one for each trace where costs are added up, otherwise one.
  let columnCount: Int
  /// By state: entry `k · columnCount + column` for k predicted calls.
  private let rows: [[Double]]

  /// Evaluates all states on all cores; `progress` is told how many are done.
  init(
    _ traces: [Geometry], _ predictor: any Predictor, _ aim: Aim, longestStreak: Int?,
    set: Int = 0, progress: @Sendable (_ done: Int, _ total: Int) -> Void
  ) throws {
    let states = AnchorStates(callCount: traces[0].callCount, depth: predictor.anchorCount)
    self.states = states
    columnCount = aim.objective.isSum ? traces.count : 1
    let costs = StreakCosts(
      predictor, aim, StreakTable.scales(traces, aim, set), longestStreak: longestStreak)
    let squares = traces.map { StreakSquares($0, predictor, set: set) }
    rows = try OrderedJobs.run(states.codes.count, inBatchesOf: 64, progress: progress) { place in
      costs.row(after: states.anchors(states.codes[place]), squares)
    }
    for trace in traces { try trace.distances.requireIntact() }
  }

  /// By trace and branch, what the squared error of each call is divided by.
  static func scales(_ traces: [Geometry], _ aim: Aim, _ set: Int) -> [[[Double]]] {
    let finals = traces.map { $0.finalSquaredNorms.reduce(0, +) }
    // Where one trace lacks its end, errors of the final latent stay as they are.
    let isKnown = finals.allSatisfy { $0 > 0 }
    return zip(traces, finals).map { trace, final in
      (0..<trace.branchCount).map { branch in
        (0..<trace.callCount).map { position in
          guard aim.usesSolverWeights else {
            return trace.meanSquare(position, branch: branch, set: set)
              * Double(trace.sets[set].members.count)
          }
          let weight = aim.objective == .streak ? 1 : trace.calls[branch][position].weight
          return (isKnown ? final : 1) / (weight * weight)
        }
      }
    }
  }

  /// All columns alike, so that costs are means over them.
  static func evenWeights(_ count: Int) -> [Double] {
    [Double](repeating: 1 / Double(count), count: count)
  }

  /// Rows of costs with the traces added up under weights; as they are where there is one column.
  func rows(weights: [Double]) -> [[Double]] {
    guard columnCount > 1 || weights[0] != 1 else { return rows }
    return rows.map { row in
      stride(from: 0, to: row.count, by: columnCount).map { first in
        weights.indices.reduce(0) { $0 + (weights[$1] == 0 ? 0 : weights[$1] * row[first + $1]) }
      }
    }
  }

  /// What a schedule costs each trace; nil when it is not among those searched.
  func costs(of schedule: [Int]) -> [Double]? {
    var sums = [Double](repeating: 0, count: columnCount)
    var code = states.start
    for (place, position) in schedule.enumerated() {
      if place > 0 { code = states.code(code, followedBy: position) }
      let next = place + 1 < schedule.count ? schedule[place + 1] : states.callCount
      guard let row = states.place(of: code).map({ rows[$0] }),
        (next - position - 1) * columnCount < row.count
      else { return nil }
      for column in sums.indices { sums[column] += row[(next - position - 1) * columnCount + column] }
    }
    return sums
  }
}
