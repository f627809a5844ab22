public import Trace
import Synchronization
import Dispatch

/// Exact best schedules of a predictor over one chunk, for every number of computed calls.
///
/// Dynamic programming whose state is the newest computed calls, as many as the predictor looks back on
/// (at most three: hold, Taylor up to order 2, damped and grouped prediction). A streak's cost depends on
/// its anchors alone and costs add up over streaks. The result is a bound for its own predictor, site and
/// objective only.
public struct IdealSearch: Sendable {
  /// Best cost for each number of computed calls; infinite where there is no schedule, as for 0.
  public let costs: [Double]
  private let states: AnchorStates
  // For each number of computed calls, the call that every state has lost sight of, plus 1.
  private let dropped: [[UInt8]]
  private let endings: [Int?]

  /// Searches every schedule that starts computed, predicts no call before `warmUp` and, if
  /// `lastComputed`, computes the last call; the errors of the tokens of `set` count, one of the geometry's.
  ///
  /// Cost: one pass over all states and continuations for each number of computed calls, after one
  /// evaluation of every streak.
  public init(
    _ geometry: Geometry, _ predictor: any Predictor, objective: Objective = .streak, warmUp: Int = 1,
    lastComputed: Bool = false, upTo maximumCount: Int? = nil, set: Int = 0
  ) throws {
    if let refusal = IdealSearch.refusal(predictor, geometry) ?? IdealSearch.refusal(objective, geometry.site)
    {
      throw refusal
    }
    let count = geometry.callCount
    let states = AnchorStates(callCount: count, depth: predictor.anchorCount)
    self.states = states
    let rows = IdealSearch.streakCosts(states, StreakCosts(geometry, predictor, objective, set: set))
    try geometry.distances.requireIntact()

    var costs = [Double.infinity]
    var dropped: [[UInt8]] = [[]]
    var endings: [Int?] = [nil]
    var layer = [Double](repeating: .infinity, count: states.codeCount)
    layer[states.start] = 0
    for computed in 1...max(1, min(maximumCount ?? count, count)) {
      var lost = [UInt8](repeating: 0, count: states.codeCount)
      if computed > 1 {
        var next = [Double](repeating: .infinity, count: states.codeCount)
        for (place, code) in states.codes.enumerated() where layer[code] < .infinity {
          let newest = states.newest(code)
          for (skipped, cost) in rows[place].enumerated() {
            let position = newest + 1 + skipped
            guard position < count, skipped == 0 || newest + 1 >= warmUp else { break }
            let reached = states.code(code, followedBy: position)
            if layer[code] + cost < next[reached] {
              next[reached] = layer[code] + cost
              lost[reached] = UInt8(states.oldest(code))
            }
          }
        }
        layer = next
      }
      // The best end: after it, the last streak runs to the end of the stream.
      var (best, ending) = (Double.infinity, Int?.none)
      for (place, code) in states.codes.enumerated() where layer[code] < best {
        let tail = count - 1 - states.newest(code)
        guard tail == 0 || !lastComputed && states.newest(code) + 1 >= warmUp, tail < rows[place].count else {
          continue
        }
        if layer[code] + rows[place][tail] < best {
          best = layer[code] + rows[place][tail]
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

  /// Why a predictor's schedules cannot be searched exactly over a chunk; nil when they can.
  ///
  /// Memory grows as the number of calls to the power of one more than the predictor looks back on:
  /// about 100 MB at the limits.
  static func refusal(_ predictor: any Predictor, _ geometry: Geometry) -> PolicyError? {
    guard predictor.anchorCount <= 3 else {
      return PolicyError(
        "the ideal schedule is exact for predictors that look back on at most 3 computed calls; "
          + "'\(predictor.name)' as set looks back on \(predictor.anchorCount)")
    }
    let limit = predictor.anchorCount == 3 ? 100 : 250
    guard geometry.callCount <= limit else {
      return PolicyError(
        "the ideal schedule of '\(predictor.name)' is searched for up to \(limit) calls in a chunk; "
          + "this one has \(geometry.callCount)")
    }
    guard geometry.split == nil, geometry.segments.count == 1 else {
      return PolicyError(
        "the ideal schedule is searched for values that are not split into bands, of models with one expert")
    }
    guard geometry.branchCount <= 4 else {
      return PolicyError(
        "the ideal schedule is searched for up to 4 guidance branches; this trace has \(geometry.branchCount)"
      )
    }
    return nil
  }

  /// Why an objective does not fit a site; nil when it does.
  ///
  /// Where the solver does not integrate what is emitted, calls have no weights to add errors up with; at
  /// the site `gain` they depend on which calls are predicted, so that costs do not add up over streaks.
  static func refusal(_ objective: Objective, _ site: Site) -> PolicyError? {
    guard objective == .streak, !site.isIntegrated || site == .gain else { return nil }
    return PolicyError(
      "the objective 'streak' is exact at the sites output and guided; at \(site) use objective=additive")
  }

  /// The best schedule with exactly `count` computed calls, ascending; nil when there is none.
  public func schedule(computing count: Int) -> [Int]? {
    guard endings.indices.contains(count), var code = endings[count] else { return nil }
    var positions: [Int] = []
    for computed in stride(from: count, through: 1, by: -1) {
      positions.append(states.newest(code))
      code = states.code(before: code, lost: Int(dropped[computed][code]))
    }
    return positions.reversed()
  }

  // Costs of the streaks after every state, by number of skipped calls; states in parallel, written back by place.
  private static func streakCosts(_ states: AnchorStates, _ costs: StreakCosts) -> [[Double]] {
    let rows = Mutex([[Double]](repeating: [0], count: states.codes.count))
    let batch = 64
    DispatchQueue.concurrentPerform(iterations: (states.codes.count + batch - 1) / batch) { chunk in
      for place in (chunk * batch)..<min((chunk + 1) * batch, states.codes.count) {
        let anchors = states.anchors(states.codes[place])
        guard anchors.count >= costs.predictor.minimumAnchorCount else { continue }
        let room = costs.geometry.callCount - 1 - anchors[0]
        let row = costs.costs(anchors: anchors, longest: min(room, costs.predictor.longestStreak ?? room))
        rows.withLock { $0[place] = row }
      }
    }
    return rows.withLock { $0 }
  }
}

/// The newest computed calls as one number: digits of position + 1, newest first, 0 where there are fewer.
struct AnchorStates: Sendable {
  let codeCount: Int
  /// Every code that can occur, ascending.
  let codes: [Int]
  /// The state after computing call 0.
  let start: Int
  private let depth: Int
  private let side: Int
  // side to the power of depth − 1: what the newest digit counts.
  private let lead: Int

  init(callCount: Int, depth: Int) {
    self.depth = depth
    side = callCount + 1
    var lead = 1
    for _ in 1..<max(depth, 1) { lead *= side }
    self.lead = lead
    codeCount = lead * side
    start = lead
    var (found, frontier) = (Set([lead]), [lead])
    while let code = frontier.popLast() {
      for position in (code / lead)..<callCount {
        let next = (position + 1) * lead + code / side
        if found.insert(next).inserted { frontier.append(next) }
      }
    }
    codes = found.sorted()
  }

  func newest(_ code: Int) -> Int { code / lead - 1 }
  func oldest(_ code: Int) -> Int { code % side }
  func code(_ code: Int, followedBy position: Int) -> Int { (position + 1) * lead + code / side }
  func code(before code: Int, lost digit: Int) -> Int { code % lead * side + digit }

  /// Positions, newest first.
  func anchors(_ code: Int) -> [Int] {
    var (anchors, divisor) = ([Int](), lead)
    for _ in 0..<depth {
      let digit = code / divisor % side
      if digit > 0 { anchors.append(digit - 1) }
      divisor /= side
    }
    return anchors
  }
}
