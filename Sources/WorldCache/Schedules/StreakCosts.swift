import Foundation
import Trace

/// The costs of the streaks after a choice of anchors under an aim.
struct StreakCosts: Sendable {
  private let predictor: any Predictor
  private let aim: Aim
  // By trace, branch and call, what a squared error is divided by.
  private let scales: [[[Double]]]
  private let longest: Int

  init(_ predictor: any Predictor, _ aim: Aim, _ scales: [[[Double]]], longestStreak: Int?) {
    self.predictor = predictor
    self.aim = aim
    self.scales = scales
    longest = min(longestStreak ?? Int.max, predictor.longestStreak ?? Int.max)
  }

  /// Entry `k · columns + column` for k predicted calls: a column for each trace where costs are added up, otherwise one.
  ///
  /// `anchors` newest first; `squares` by trace. Lengths up to `limit` are evaluated.
  func row(after anchors: [Int], _ squares: [StreakSquares], upTo limit: Int = .max) -> [Double] {
    let unpredicted = [Double](repeating: 0, count: aim.objective.isSum ? squares.count : 1)
    let count = min(scales[0][0].count - 1 - anchors[0], longest, limit)
    guard anchors.count >= predictor.minimumAnchorCount, count > 0 else { return unpredicted }
    let steps = (1..<(count + 1)).map { predictor.combinations(anchors: anchors, distance: $0) }
    return unpredicted
      + (aim.objective == .streak
        ? streaks(squares.map { $0.streaks(after: anchors, steps) })
        : calls(
          zip(squares, scales).map { squares, scales in
            zip(squares.calls(after: anchors, steps), (anchors[0] + 1)...).map { errors, position in
              errors.enumerated().map { Relative.error($1, scales[$0][position]) }
            }
          }))
  }

  // Costs of streaks of 1, 2, … calls, the traces of each length side by side.
  private func streaks(_ squares: [[Double]]) -> [Double] {
    squares[0].indices.flatMap { length in
      squares.indices.map { trace in
        power(Relative.square(squares[trace][length], scales[trace][0][0]), aim.power / 2)
      }
    }
  }

  // The same from the error of each call, `[trace][call][branch]`.
  private func calls(_ errors: [[[Double]]]) -> [Double] {
    var running = [Double](repeating: 0, count: errors.count)
    var worst = 0.0
    return errors[0].indices.flatMap { call in
      guard !aim.objective.isSum else {
        for trace in errors.indices {
          running[trace] += errors[trace][call].reduce(0) { $0 + power($1, aim.power) }
        }
        return running
      }
      // A call's error is the largest of its branches.
      let largest = errors.map { $0[call].max()! }
      let error = aim.over == .max ? largest.max()! : largest.reduce(0, +) / Double(largest.count)
      worst = max(worst, error)
      return [aim.objective == .minimax ? worst : error]
    }
  }

  private func power(_ value: Double, _ exponent: Double) -> Double {
    switch exponent {
    case 1: value
    case 2: value * value
    default: pow(value, exponent)
    }
  }
}
