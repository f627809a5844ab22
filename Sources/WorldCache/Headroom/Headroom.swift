/// Whether caching can pay on some recordings: what the best schedules would save, what simply taking fewer
/// steps would, and how much of an error is noise (open loop).
public struct Headroom: Sendable {
  /// A way to save calls.
  public enum Way: Hashable, Sendable {
    /// The exact best schedule of a predictor on each recording: a bound, not a method.
    case ideal(predictor: String)
    /// Holding on a regular grid of the recorded calls.
    case fewerSteps
    /// Holding on the recorded calls nearest to the noise levels of a schedule with this shift.
    case reshifted(shift: Double)
  }

  /// What a way needs to keep the error of the final latent within a budget.
  public struct Need: Hashable, Sendable {
    public var way: Way
    public var budget: Double
    /// Computed calls of a recording, mean and largest; nil where some recording cannot be brought within the
    /// budget at all.
    public var meanCount: Double?
    public var worstCount: Int?
  }

  public var traceCount: Int
  /// Calls of one branch of a recording, all chunks together; the mean where recordings differ.
  public var callCount: Double
  /// The largest allowed errors, ascending.
  public var budgets: [Double]
  /// By way, then by budget.
  public var needs: [Need]
  /// Whether holding on a regular grid is the same as fewer steps of the recorded solver.
  public var isEuler: Bool
  /// Part of the tokens that together carry 50 % and 90 % of the error of the best schedule at the middle
  /// budget, mean over recordings; nil where there is no error.
  public var halfErrorTokens: Double?
  public var mostErrorTokens: Double?
  public var noise: NoiseFloor

  /// The need of a way at one of the budgets.
  public func need(_ way: Way, _ budget: Double) -> Need? {
    needs.first { $0.way == way && $0.budget == budget }
  }

  /// The least mean count of ways of one kind at a budget.
  public func best(at budget: Double, where isMeant: (Way) -> Bool) -> Need? {
    needs.filter { $0.budget == budget && isMeant($0.way) && $0.meanCount != nil }
      .min { $0.meanCount! < $1.meanCount! }
  }

  public var ways: [Way] {
    var ways: [Way] = []
    for need in needs where !ways.contains(need.way) { ways.append(need.way) }
    return ways
  }

  init(
    traceCount: Int, callCount: Double, budgets: [Double], needs: [Need], isEuler: Bool,
    halfErrorTokens: Double?, mostErrorTokens: Double?, noise: NoiseFloor
  ) {
    self.traceCount = traceCount
    self.callCount = callCount
    self.budgets = budgets
    self.needs = needs
    self.isEuler = isEuler
    self.halfErrorTokens = halfErrorTokens
    self.mostErrorTokens = mostErrorTokens
    self.noise = noise
  }
}

extension Headroom.Way: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ideal(let predictor): "ideal schedule, \(predictor)"
    case .fewerSteps: "fewer steps, same schedule"
    case .reshifted(let shift): "fewer steps, shift \(shift.shortest)"
    }
  }

  /// Whether it is a bound that no method need reach.
  public var isIdeal: Bool {
    if case .ideal = self { true } else { false }
  }
}
