/// How a budget of computed calls is shared over tokens so that their costs add up to the least.
///
/// Every token takes one number of calls, at the cost that its best schedule has there: a multiple-choice knapsack.
/// The lower convex hulls of the curves, filled in the order of what a call gains, give an allocation and a bound
/// that no allocation can be below (the Lagrangian one, Sinha and Zoltners 1979). Numbers that the bound rules out
/// are dropped, and dynamic programming over the rest closes what gap there is, where that is not too much work.
struct BudgetAllocation: Sendable {
  /// Computed calls of every token.
  private(set) var counts: [Int]
  private(set) var cost: Double
  /// What no allocation is below; equal to ``cost`` where it is exact.
  private(set) var bound: Double

  /// `curves[token][k]` is the least cost of computing k calls, infinite where that cannot be; at most `budget` calls
  /// are shared out. Nil where the budget is too small for some token.
  ///
  /// Cost: a sort of all corners of the hulls, then at most `workLimit` steps of dynamic programming.
  init?(_ curves: [[Double]], budget: Int, workLimit: Int = 1_000_000_000) {
    let hulls = curves.map(BudgetAllocation.hull)
    guard hulls.allSatisfy({ !$0.isEmpty }) else { return nil }
    var counts = hulls.map { $0[0] }
    var left = budget - counts.reduce(0, +)
    guard left >= 0 else { return nil }
    var steps: [Step] = []
    for (token, hull) in hulls.enumerated() {
      for (from, to) in zip(hull, hull.dropFirst()) {
        let gain = (curves[token][from] - curves[token][to]) / Double(to - from)
        steps.append(Step(token: token, from: from, to: to, gain: gain))
      }
    }
    steps.sort { a, b in
      if a.gain != b.gain { return a.gain > b.gain }
      return a.token != b.token ? a.token < b.token : a.from < b.from
    }
    // What a call is worth where the budget ends; nothing where it does not.
    var price: Double?
    for step in steps where counts[step.token] == step.from {
      if step.to - step.from <= left {
        counts[step.token] = step.to
        left -= step.to - step.from
      } else {
        price = price ?? step.gain
        if left == 0 { break }
      }
    }
    self.counts = counts
    cost = BudgetAllocation.cost(curves, counts)
    let multiplier = price ?? 0
    var least = -multiplier * Double(budget)
    for curve in curves {
      least += curve.indices.map { curve[$0] + multiplier * Double($0) }.min()!
    }
    // Rounding.
    bound = cost - least <= 1e-12 * cost ? cost : least
    guard bound < cost, let exact = refined(curves, budget, multiplier, workLimit) else { return }
    self.counts = exact
    cost = BudgetAllocation.cost(curves, exact)
    bound = cost
  }

  private struct Step {
    let token: Int
    let from: Int
    let to: Int
    /// What the cost falls by for each call.
    let gain: Double
  }

  private static func cost(_ curves: [[Double]], _ counts: [Int]) -> Double {
    zip(curves, counts).reduce(0) { $0 + $1.0[$1.1] }
  }

  /// The corners of a curve's lower convex hull, from the fewest calls to the least cost.
  static func hull(_ curve: [Double]) -> [Int] {
    var corners: [Int] = []
    for count in curve.indices where curve[count] < .infinity {
      // Beyond the least cost more calls buy nothing.
      if let last = corners.last, curve[count] >= curve[last] { continue }
      while corners.count > 1 {
        let (a, b) = (corners[corners.count - 2], corners[corners.count - 1])
        let isBelow =
          (curve[b] - curve[a]) * Double(count - a) < (curve[count] - curve[a]) * Double(b - a)
        if isBelow { break }
        corners.removeLast()
      }
      corners.append(count)
    }
    return corners
  }

  /// The best allocation of all; nil where it takes more than `workLimit` steps.
  ///
  /// With a call's price λ each token's least `cost + λ·calls` makes the bound, and what a token pays above its own
  /// adds up: an allocation better than the one at hand pays less than the gap altogether.
  private func refined(
    _ curves: [[Double]], _ budget: Int, _ price: Double, _ workLimit: Int
  ) -> [Int]? {
    let gap = (cost - bound) * (1 + 1e-9)
    var choices: [(token: Int, options: [(count: Int, extra: Double)])] = []
    var chosen: [Int] = []
    for (token, curve) in curves.enumerated() {
      let priced = curve.indices.map { curve[$0] + price * Double($0) }
      let best = priced.indices.min { priced[$0] < priced[$1] }!
      chosen.append(best)
      let options = priced.indices.filter { priced[$0] - priced[best] <= gap }
      if options.count > 1 {
        choices.append((token, options.map { ($0 - best, priced[$0] - priced[best]) }))
      }
    }
    let low = choices.reduce(0) { $0 + $1.options[0].count }
    let high = choices.reduce(0) { $0 + $1.options[$1.options.count - 1].count }
    let width = high - low + 1
    let work = choices.reduce(0) { $0 + $1.options.count } * width
    guard work <= workLimit, choices.count * width <= workLimit / 4 else { return nil }
    // By calls above those chosen, `low` less of them: the least that is paid, and the option of each token.
    var paid = [Double](repeating: .infinity, count: width)
    paid[-low] = 0
    var taken = [[UInt8]](repeating: [], count: choices.count)
    for (place, choice) in choices.enumerated() {
      var next = [Double](repeating: .infinity, count: width)
      var option = [UInt8](repeating: 0, count: width)
      for (number, (count, extra)) in choice.options.enumerated() {
        for state in max(0, -count)..<min(width, width - count) where paid[state] + extra <= gap {
          let reached = state + count
          if paid[state] + extra < next[reached] {
            next[reached] = paid[state] + extra
            option[reached] = UInt8(number)
          }
        }
      }
      paid = next
      taken[place] = option
    }
    let most = budget - chosen.reduce(0, +) - low
    guard most >= 0 else { return nil }
    let ends = (0..<min(width, most + 1)).filter { paid[$0] < .infinity }
    guard
      var state = ends.min(by: {
        paid[$0] - price * Double($0) < paid[$1] - price * Double($1)
      })
    else { return counts }
    for place in choices.indices.reversed() {
      let (count, _) = choices[place].options[Int(taken[place][state])]
      chosen[choices[place].token] += count
      state -= count
    }
    // The allocation at hand stands where nothing is better: rounding does not count.
    return BudgetAllocation.cost(curves, chosen) < cost ? chosen : counts
  }
}
