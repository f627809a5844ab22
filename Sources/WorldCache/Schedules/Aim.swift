import Foundation

/// How the errors of predicted calls make up what an ideal schedule minimises.
public enum Objective: String, Sendable, CaseIterable {
  /// Sum over streaks of ‖Σ w_s e_s‖: errors within a streak add up before the norm is taken.
  case streak
  /// Sum over predicted calls of the error of each.
  case additive
  /// The largest error of a predicted call.
  case minimax
  /// The largest error of a predicted call, then the second largest, and so on.
  case lexicographic
  /// ‖Σ w_s e_s‖ over all predicted calls: errors of different streaks may cancel, so that no exact search
  /// knows it; ``DirectSearch`` has a bound.
  case direct

  /// Those of the exact searches.
  static let exact: [Objective] = allCases.filter { $0 != .direct }

  /// Whether costs are added up, so that errors may be raised to a power first.
  public var isSum: Bool { self == .streak || self == .additive }
}

/// What an ideal schedule minimises: an objective, with how calls and traces are weighed.
public struct Aim: Hashable, Sendable {
  /// How several traces are taken together.
  public enum Over: String, Sendable, CaseIterable { case mean, max }

  public var objective = Objective.streak
  /// Errors are raised to this power before they are added up; 2 for squared errors.
  public var power = 2.0
  /// Whether a call counts with what it alone does to the final latent, `‖w_s e_s‖`, in place of its
  /// relative error; the streak-coherent and the direct error always do.
  public var isWeighted = false
  public var over = Over.mean

  public init(
    _ objective: Objective = .streak, power: Double = 2, isWeighted: Bool = false, over: Over = .mean
  ) {
    self.objective = objective
    self.power = power
    self.isWeighted = isWeighted
    self.over = over
  }

  /// A cost as an error: the root of a sum of powers.
  public func error(ofCost cost: Double) -> Double {
    guard objective.isSum, power != 1 else { return cost }
    return power == 2 ? cost.squareRoot() : pow(cost, 1 / power)
  }

  /// Whether errors are told in parts of the final latent.
  var usesSolverWeights: Bool { objective == .streak || objective == .direct || isWeighted }
}

/// What a schedule must keep to.
public struct ScheduleConstraints: Hashable, Sendable {
  /// Calls computed at the start; the first always is.
  public var warmUp = 1
  /// Most predicted calls in a row; nil for as many as the predictor is defined for.
  public var longestStreak: Int?
  /// Whether the last call is computed.
  public var lastComputed = false

  public init(warmUp: Int = 1, longestStreak: Int? = nil, lastComputed: Bool = false) {
    self.warmUp = warmUp
    self.longestStreak = longestStreak
    self.lastComputed = lastComputed
  }
}
