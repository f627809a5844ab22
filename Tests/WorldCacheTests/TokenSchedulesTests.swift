import Foundation
import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("Schedules by token under one budget")
struct TokenSchedulesTests {
  // MARK: Sharing a budget out

  @Test("calls go where they gain most, by hand")
  func greedy() throws {
    // Gains of the second, third and fourth call: 6, 2, 1 and 5, 4, 0.5.
    let curves = [[.infinity, 10, 4, 2, 1], [.infinity, 10, 5, 1, 0.5]]
    let found = try (2...8).map { try #require(BudgetAllocation(curves, budget: $0)) }
    #expect(
      found.map(\.counts) == [[1, 1], [2, 1], [2, 2], [2, 3], [3, 3], [4, 3], [4, 4]])
    #expect(found.map(\.cost) == [20, 14, 9, 5, 3, 2, 1.5])
    #expect(found.allSatisfy { $0.bound == $0.cost })
    #expect(BudgetAllocation(curves, budget: 1) == nil)
  }

  @Test("curves that are not convex, by hand: the hull alone would leave a call unused")
  func concave() throws {
    // The first token gains 1 with one call more and 10 with two; the second 4 and 4.5. Two calls more are best spent on
    // the first, one call on the second, three on both; the bound for one is 5 = 10/2.
    let curves = [[.infinity, 10, 9, 0], [.infinity, 10, 6, 5.5]]
    let found = try (2...6).map { try #require(BudgetAllocation(curves, budget: $0)) }
    #expect(found.map(\.counts) == [[1, 1], [1, 2], [3, 1], [3, 2], [3, 3]])
    #expect(found.map(\.cost) == [20, 16, 10, 6, 5.5])
    #expect(found.allSatisfy { $0.bound == $0.cost })
    let hurried = try #require(BudgetAllocation(curves, budget: 3, workLimit: 0))
    #expect(hurried.bound == 15 && hurried.cost == 16 && hurried.counts == [1, 2])
  }

  @Test("equals trying everything on 1000 random curves; without refinement the bound holds")
  func random() throws {
    let seed: UInt64 = 8181
    var generator = Dice(seed: seed)
    var open = 0
    for round in 0..<1000 {
      let tokens = 1 + Int(generator.real(0...3.99))
      let calls = 1 + Int(generator.real(0...4.99))
      let curves = (0..<tokens).map { _ in
        let fewest = Int(generator.real(1...Double(calls) + 0.5))
        // Few values make ties; curves may rise again.
        return (0...calls).map { $0 < fewest ? Double.infinity : generator.real(0...9).rounded() / 2 }
      }
      let comment = Comment(rawValue: "seed \(seed), round \(round)")
      for budget in 0...(tokens * calls + 1) {
        let best = brute(curves[...], budget)
        let found = BudgetAllocation(curves, budget: budget)
        #expect((found == nil) == (best == nil), comment)
        guard let found, let best else { continue }
        #expect(found.cost == best && found.bound == best, comment)
        #expect(found.counts.reduce(0, +) <= budget, comment)
        let hurried = try #require(BudgetAllocation(curves, budget: budget, workLimit: 0))
        #expect(hurried.bound <= best + 1e-12 && best <= hurried.cost, comment)
        if hurried.cost > best { open += 1 }
      }
    }
    #expect(open > 50, "random curves are to be hard enough for refinement to matter")
  }

  private func brute(_ curves: ArraySlice<[Double]>, _ budget: Int) -> Double? {
    guard let curve = curves.first else { return budget >= 0 ? 0 : nil }
    return curve.indices.compactMap { count in
      guard curve[count] < .infinity, count <= budget else { return nil }
      return brute(curves.dropFirst(), budget - count).map { $0 + curve[count] }
    }.min()
  }

  // MARK: Schedules

  @Test("a still token gives its calls to one that moves, by hand")
  func still() throws {
    // Errors of holding, weights 1, final latents 1 and 1. The first token never changes; the second is 0, 1, 2, 3.
    let trace = Synthetic(
      tokens: [[5, 5, 5, 5], [0, 1, 2, 3]], weights: [1, 1, 1, 1], finalSquaredNorms: [1, 1])
    let found = try TokenSchedules(
      of: PolicyRegistry.plan("mask:calls=0"), over: trace.geometry, Aim(.additive, isWeighted: true),
      ScheduleConstraints(), computing: 1...4)
    // Squared errors of the second with 1, 2, 3, 4 calls: 1 + 4 + 9, 1 + 1 (calls 0 and 2), 1, 0; over the norm 2.
    #expect(found.entries.map(\.counts) == [[1, 1], [1, 3], [1, 4], [1, 4]])
    for (entry, square) in zip(found.entries, [7, 0.5, 0, 0]) {
      expectClose(entry.error, square.squareRoot(), relative: 1e-12, absolute: 1e-12)
      #expect(entry.gap == 1)
    }
    for (entry, square) in zip(found.entries, [7, 1, 0.5, 0]) {
      expectClose(try #require(entry.sharedError), square.squareRoot(), relative: 1e-12, absolute: 1e-12)
      expectClose(try #require(entry.evenError), square.squareRoot(), relative: 1e-12, absolute: 1e-12)
    }
    #expect(found.entries[1].schedules[0] == [0] && found.entries[1].schedules[1].count == 3)
  }

  private static let aims = [
    Aim(.streak), Aim(.additive), Aim(.additive, isWeighted: true),
  ]

  @Test(
    "equals trying every schedule of every token", arguments: ["hold", "taylor,order=1", "taylor,order=2"])
  func bruteForce(predictor: String) throws {
    for (round, family) in [Synthetic.Family.smooth, .random, .straight, .tied].enumerated() {
      let branches = 1 + round % 2
      let trace = Synthetic(
        family, seed: UInt64(round + 5), branches: branches, calls: 6, tokens: 3, channels: 2)
      let plan = try PolicyRegistry.plan("mask:calls=0,predictor=\(predictor)")
      let constraints = ScheduleConstraints(lastComputed: round == 1)
      for aim in Self.aims {
        let curves = try (0..<3).map { try self.curve(trace, token: $0, plan, aim, constraints) }
        let found = try TokenSchedules(
          of: plan, over: trace.geometry, aim, constraints, computing: 3...6)
        for entry in found.entries {
          let comment = Comment(
            rawValue: "\(predictor), \(family), \(aim.objective), \(entry.callsPerToken)")
          let best = try #require(brute(curves[...], 3 * entry.callsPerToken), comment)
          expectClose(entry.error, best.squareRoot(), relative: 1e-6, absolute: 1e-6, comment)
          #expect(entry.gap == 1 && entry.spent <= 3 * entry.callsPerToken, comment)
          // The schedules that are named have that cost.
          let own = zip(entry.schedules, curves.indices).reduce(0.0) { sum, part in
            sum + cost(trace, token: part.1, plan, aim, part.0)!
          }
          expectClose(own.squareRoot(), entry.error, relative: 1e-6, absolute: 1e-6, comment)
          #expect(entry.schedules.map(\.count) == entry.counts, comment)
          // Sharing out is never worse than each its own, and that never worse than one for all.
          let even = try #require(entry.evenError)
          #expect(entry.error <= even * (1 + 1e-9) + 1e-9, comment)
          let shared = try #require(entry.sharedError)
          #expect(even <= shared * (1 + 1e-9) + 1e-9, comment)
        }
      }
    }
  }

  // The least cost of a token for each number of computed calls, of all schedules.
  private func curve(
    _ trace: Synthetic, token: Int, _ plan: PolicyPlan, _ aim: Aim, _ constraints: ScheduleConstraints
  ) throws -> [Double] {
    let calls = trace.features[0].count
    var curve = [Double](repeating: .infinity, count: calls + 1)
    for bits in 0..<(1 << (calls - 1)) {
      let schedule = [0] + (1..<calls).filter { bits >> ($0 - 1) & 1 == 1 }
      guard constraints.allow(schedule, callCount: calls),
        let cost = cost(trace, token: token, plan, aim, schedule)
      else { continue }
      curve[schedule.count] = min(curve[schedule.count], cost)
    }
    return curve
  }

  // From the features, with errors in the units of the whole trace.
  private func cost(
    _ trace: Synthetic, token: Int, _ plan: PolicyPlan, _ aim: Aim, _ schedule: [Int]
  ) -> Double? {
    guard let predictor = try? plan.predictor() else { return nil }
    let (branches, calls) = (trace.features.count, trace.features[0].count)
    let final = trace.geometry.finalSquaredNorms.reduce(0, +)
    func value(_ branch: Int, _ call: Int) -> [Double] {
      trace.features[branch][call][token].map(Double.init)
    }
    var sum = 0.0
    for (place, anchor) in schedule.enumerated() {
      let next = place + 1 < schedule.count ? schedule[place + 1] : calls
      let anchors = Array(schedule[...place].reversed().prefix(predictor.anchorCount))
      if next > anchor + 1, anchors.count < predictor.minimumAnchorCount { return nil }
      var streak = [Double](repeating: 0, count: trace.features[0][0][0].count)
      for call in (anchor + 1)..<max(next, anchor + 1) {
        let terms = predictor.combinations(anchors: anchors, distance: call - anchor)[0].terms
        for branch in 0..<branches {
          let truth = value(branch, call)
          let weight = trace.weights[branch][call]
          let error = truth.indices.map { channel in
            terms.reduce(-truth[channel]) { $0 + $1.weight * value(branch, $1.position)[channel] }
          }
          let square = error.reduce(0) { $0 + $1 * $1 }
          switch aim.objective {
          case .streak: for channel in error.indices { streak[channel] += weight * error[channel] }
          case _ where aim.isWeighted: sum += weight * weight * square / final
          default:
            let norm = trace.features[branch][call].joined().reduce(0) { $0 + Double($1) * Double($1) }
            sum += square / norm
          }
        }
      }
      sum += streak.reduce(0) { $0 + $1 * $1 } / final
    }
    return sum
  }

  @Test("what does not add up over tokens is refused")
  func refusals() throws {
    let trace = Synthetic(.smooth, seed: 1, calls: 6, tokens: 3)
    func search(_ spec: String, _ aim: Aim, _ counts: ClosedRange<Int> = 3...3) throws {
      _ = try TokenSchedules(
        of: PolicyRegistry.plan(spec), over: trace.geometry, aim, ScheduleConstraints(), computing: counts)
    }
    let sums =
      "errors add up over tokens as squares: schedules by token take objective streak or additive with power 2"
    expectPolicyError(sums) { try search("interval", Aim(.minimax)) }
    expectPolicyError(sums) { try search("interval", Aim(.streak, power: 1)) }
    expectPolicyError(
      "'worldcache' sorts each token by its rank among all of them, which schedules by token leave undefined; they are "
        + "searched for predictors that treat tokens alike"
    ) { try search("worldcache", Aim()) }
    expectPolicyError(
      "the ideal schedule is exact for predictors that look back on at most 3 computed calls; 'taylor' as set looks "
        + "back on 5"
    ) { try search("taylor:order=4", Aim()) }
    expectPolicyError("7 computed calls are asked for; a chunk has 6") {
      try search("interval", Aim(), 3...7)
    }
    expectPolicyError(
      "2 computed calls for each token are too few: with the predictor 'damped' and these constraints some token needs "
        + "more"
    ) { try search("mask:calls=0+1+2,predictor=damped,n-max=2", Aim(), 2...2) }
  }
}
