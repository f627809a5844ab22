/// How the costs of streaks make up the cost of a schedule.
protocol Tally: Sendable {
  associatedtype Cost: Sendable
  /// Before anything is predicted, and where there is no schedule.
  var nothing: Cost { get }
  var unreachable: Cost { get }
  /// The cost after one more streak of `skipped` calls; nil unless it is below `best`.
  ///
  /// `row` is the streak's row in the table of costs: entry k for k predicted calls.
  func cost(_ cost: Cost, _ row: [Double], skipped: Int, below best: Cost) -> Cost?
}

/// Costs of streaks add up.
struct SumTally: Tally {
  let nothing = 0.0
  let unreachable = Double.infinity

  func cost(_ cost: Double, _ row: [Double], skipped: Int, below best: Double) -> Double? {
    let sum = cost + row[skipped]
    return sum < best ? sum : nil
  }
}

/// The worst streak counts.
struct LargestTally: Tally {
  let nothing = 0.0
  let unreachable = Double.infinity

  func cost(_ cost: Double, _ row: [Double], skipped: Int, below best: Double) -> Double? {
    let largest = max(cost, row[skipped])
    return largest < best ? largest : nil
  }
}

/// The errors of all predicted calls, largest first; rows hold those of a streak one by one from entry 1 on.
///
/// Schedules that are compared predict equally many calls. Adding the same errors to both keeps their order,
/// so that the best continuation of the best beginning is best.
struct RankedTally: Tally {
  let nothing: [Double] = []
  let unreachable = [Double.infinity]

  func cost(_ cost: [Double], _ row: [Double], skipped: Int, below best: [Double]) -> [Double]? {
    var largest = cost.first ?? 0
    for place in 1..<(skipped + 1) { largest = max(largest, row[place]) }
    guard let limit = best.first else { return nil }
    if largest > limit { return nil }
    let streak = row[1..<(skipped + 1)].sorted(by: >)
    var ranked: [Double] = []
    ranked.reserveCapacity(cost.count + skipped)
    var (i, j) = (0, 0)
    while i < cost.count || j < streak.count {
      if j == streak.count || i < cost.count && cost[i] >= streak[j] {
        ranked.append(cost[i])
        i += 1
      } else {
        ranked.append(streak[j])
        j += 1
      }
    }
    return ranked.lexicographicallyPrecedes(best) ? ranked : nil
  }
}

/// Dynamic programming over (newest computed calls, number of computed calls).
struct ScheduleProgram<Rule: Tally>: Sendable {
  /// Best cost for each number of computed calls; unreachable where there is no schedule, as for 0.
  let costs: [Rule.Cost]
  private let states: AnchorStates
  // For each number of computed calls, the call that every state has lost sight of, plus 1.
  private let dropped: [[UInt8]]
  private let endings: [Int?]

  /// `rows` has one row of costs for each state, by its place.
  ///
  /// Cost: one pass over all states and continuations for each number of computed calls.
  init(
    _ rule: Rule, _ states: AnchorStates, rows: [[Double]], _ constraints: ScheduleConstraints,
    upTo maximumCount: Int
  ) {
    self.states = states
    let count = states.callCount
    var costs = [rule.unreachable]
    var dropped: [[UInt8]] = [[]]
    var endings: [Int?] = [nil]
    var layer = [Rule.Cost?](repeating: nil, count: states.codeCount)
    layer[states.start] = rule.nothing
    for computed in 1...max(1, min(maximumCount, count)) {
      var lost = [UInt8](repeating: 0, count: states.codeCount)
      if computed > 1 {
        var next = [Rule.Cost?](repeating: nil, count: states.codeCount)
        for (place, code) in states.codes.enumerated() {
          guard let cost = layer[code] else { continue }
          let newest = states.newest(code)
          for skipped in rows[place].indices {
            let position = newest + 1 + skipped
            guard position < count, skipped == 0 || newest + 1 >= constraints.warmUp else { break }
            let reached = states.code(code, followedBy: position)
            if let better = rule.cost(
              cost, rows[place], skipped: skipped, below: next[reached] ?? rule.unreachable)
            {
              next[reached] = better
              lost[reached] = UInt8(states.oldest(code))
            }
          }
        }
        layer = next
      }
      // The best end: after it, the last streak runs to the end of the stream.
      var (best, ending) = (rule.unreachable, Int?.none)
      for (place, code) in states.codes.enumerated() {
        guard let cost = layer[code] else { continue }
        let tail = count - 1 - states.newest(code)
        guard tail == 0 || !constraints.lastComputed && states.newest(code) + 1 >= constraints.warmUp,
          tail < rows[place].count
        else { continue }
        if let better = rule.cost(cost, rows[place], skipped: tail, below: best) {
          best = better
          ending = code
        }
      }
      costs.append(best)
      endings.append(ending)
      dropped.append(lost)
    }
    self.costs = costs
    self.dropped = dropped
    self.endings = endings
  }

  /// The best schedule with exactly `count` computed calls, ascending; nil when there is none.
  func schedule(computing count: Int) -> [Int]? {
    guard endings.indices.contains(count), var code = endings[count] else { return nil }
    var positions: [Int] = []
    for computed in stride(from: count, through: 1, by: -1) {
      positions.append(states.newest(code))
      code = states.code(before: code, lost: Int(dropped[computed][code]))
    }
    return positions.reversed()
  }
}
