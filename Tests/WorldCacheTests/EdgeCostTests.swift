import Foundation
import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("Edge costs and paths over them")
struct EdgeCostTests {
  private static let final = (0..<5).map { 1 + Double($0) }

  private func synthetic(_ seed: UInt64, calls: Int = 9, branches: Int = 1) -> Synthetic {
    Synthetic(.smooth, seed: seed, branches: branches, calls: calls, tokens: 5)
  }

  // Over one predicted call at most, an edge reaches two calls on: from 0 to 10 in 5. Where an expert begins at call 3 that
  // one is a stop too: 0, 2, 3 and four more edges to 10.
  @Test(
    "timetables over edges compute a third of the calls, or as many as the longest edge leaves",
    arguments: [
      (calls: 1, longest: 9, expert: 0, expected: 1), (2, 9, 0, 2), (4, 9, 0, 2), (9, 9, 0, 3), (11, 1, 0, 6),
      (11, 1, 3, 7), (50, 2, 0, 18), (50, 3, 0, 16),
    ])
  func fewest(calls: Int, longest: Int, expert: Int, expected: Int) throws {
    let costs = (0..<calls).map { anchor in
      let end = anchor < expert ? expert : calls
      return (0...min(longest, end - 1 - anchor)).map(Double.init)
    }
    let edges = EdgeCosts(method: .lemica, site: .output, costs: costs, orders: nil)
    #expect(CalibrationUse.calls(edges, help: "").defaultValue == "\(expected)")
    // Of any number from the fewest on there is a timetable, of fewer there is none.
    for count in 1...calls {
      let path = EdgePath(edges, computing: count, .lexicographic)
      #expect((path != nil) == (count >= edges.fewestComputed), "\(count)")
    }
  }

  @Test("LeMiCa's edge, by hand")
  func byHand() throws {
    // f = 0, 1, 3 with weights 1, 1, 2; X = 5. After 0: over 1, |1·(0 − 1)| / 5; over 2, |−1 + 2·(0 − 3)| / 5.
    let trace = Synthetic(tokens: [[0, 1, 3]], weights: [1, 1, 2], finalSquaredNorms: [25])
    let costs = try EdgeCosts.costs(.lemica, over: trace.geometry, longest: 9)
    #expect(costs.count == 1)
    expectClose(costs[0][0][1], 0.2, relative: 1e-14)
    expectClose(costs[0][0][2], 1.4, relative: 1e-14)
    #expect(costs[0].map(\.count) == [3, 2, 1])
    // After 1 over 2: 2 · (1 − 3) / 5.
    expectClose(costs[0][1][1], 0.8, relative: 1e-14)
  }

  @Test(
    "with the exponent 2, paths over LeMiCa's edges are the ideal schedules of hold under the streak error")
  func idealHold() throws {
    for seed in UInt64(1)...8 {
      let geometry = synthetic(seed, branches: 1 + Int(seed % 2)).geometry
      let edges = EdgeCosts(.lemica, .output, [try EdgeCosts.costs(.lemica, over: geometry, longest: 99)])
      let search = try IdealSearch(
        [geometry], HoldPredictor(), Aim(.streak), ScheduleConstraints(lastComputed: true))
      for count in 2...9 {
        let path = try #require(EdgePath(edges, computing: count, .power(2)))
        let cost = path.costs.reduce(0) { $0 + $1 * $1 }
        expectClose(cost, search.costs[count], relative: 1e-9, absolute: 1e-18, "seed \(seed)")
        #expect(path.computed.count == count && path.computed.first == 0 && path.computed.last == 8)
      }
    }
  }

  @Test("MeanCache with K = 1 holds; its best K is never worse")
  func meanCache() throws {
    let seed: UInt64 = 3
    let geometry = try GeometryBuilder.geometries(
      of: guided(seed), GeometryRequest(.guided))[0]
    let hold = EdgeCosts(.lemica, .guided, [try EdgeCosts.costs(.lemica, over: geometry, longest: 4)])
    let costs = try EdgeCosts.costs(.meancache, over: geometry, longest: 4)
    #expect(costs.count == EdgeCosts.mostOrders)
    let mean = EdgeCosts(.meancache, .guided, [costs])
    var better = 0
    for anchor in 0..<9 {
      for skipped in hold.costs[anchor].indices {
        expectClose(costs[0][anchor][skipped], hold.costs[anchor][skipped], relative: 1e-7, absolute: 1e-9)
        #expect(mean.costs[anchor][skipped] <= costs[0][anchor][skipped])
        if mean.orders![anchor][skipped] > 1 { better += 1 }
      }
    }
    #expect(better > 0)
    #expect(mean.orders![0].allSatisfy { $0 == 1 }, "there is nothing to average over at call 0")
  }

  @Test("a path's cost is what the pasted policy loses, edge by edge")
  func pasted() throws {
    let trace = guided(6)
    let geometry = try GeometryBuilder.geometries(of: trace, GeometryRequest(.guided))[0]
    let edges = EdgeCosts(
      .meancache, .guided, [try EdgeCosts.costs(.meancache, over: geometry, longest: 99)])
    // One edge of predicted calls only: there the history is as recorded, as the costs assume.
    let (from, skipped) = (3, 4)
    let computed = Array(0...from) + Array((from + skipped + 1)..<9)
    let orders = computed.dropLast().map { $0 == from ? edges.orders![from][skipped] : 1 }
    let spec =
      "meancache:list=own,computed=\(computed.map(String.init).joined(separator: "+")),"
      + "orders=\(orders.map(String.init).joined(separator: "+"))"
    let replay = try Replay(PolicyRegistry.plan(spec), over: [geometry])
    expectClose(try #require(replay.streakError), edges.costs[from][skipped], relative: 1e-9)
  }

  @Test("paths equal brute force on 500 random tables for each criterion")
  func bruteForce() {
    let seed: UInt64 = 90210
    var generator = Dice(seed: seed)
    for round in 0..<500 {
      let calls = 2 + Int(generator.real(0...6.99))
      let longest = 1 + Int(generator.real(0...6.99))
      // Few different values make ties, and zeros edges without cost.
      let costs = (0..<calls).map { anchor in
        [0.0] + (0..<min(longest, calls - 1 - anchor)).map { _ in generator.real(0...5).rounded() / 2 }
      }
      let edges = EdgeCosts(method: .lemica, site: .output, costs: costs, orders: nil)
      for criterion in [EdgePath.Criterion.lexicographic, .power(2), .power(1)] {
        for last in [true, false] {
          for count in 1...calls {
            let path = EdgePath(edges, computing: count, criterion, lastComputed: last)
            let best = brute(edges, count, criterion, last)
            #expect((path == nil) == (best == nil), "seed \(seed), round \(round)")
            guard let path, let best else { continue }
            #expect(
              key(path.costs, criterion) == best, "seed \(seed), round \(round), \(criterion), \(count)")
            #expect(path.computed.count == count)
          }
        }
      }
    }
  }

  private func key(_ costs: [Double], _ criterion: EdgePath.Criterion) -> [Double] {
    switch criterion {
    case .lexicographic: costs.filter { $0 > 0 }.sorted(by: >)
    case .power(let exponent): [costs.reduce(0) { $0 + pow($1, exponent) }]
    }
  }

  // All ways to choose the computed calls.
  private func brute(_ edges: EdgeCosts, _ count: Int, _ criterion: EdgePath.Criterion, _ last: Bool)
    -> [Double]?
  {
    let calls = edges.callCount
    var best: [Double]?
    for mask in 0..<(1 << (calls - 1)) {
      let computed = [0] + (1..<calls).filter { mask >> ($0 - 1) & 1 == 1 }
      guard computed.count == count, !last || computed.last == calls - 1 else { continue }
      var costs: [Double] = []
      for (from, to) in zip(computed, computed.dropFirst() + [calls]) {
        let skipped = to - from - 1
        guard skipped < edges.costs[from].count else { break }
        costs.append(edges.costs[from][skipped])
      }
      guard costs.count == count else { continue }
      let found = key(costs, criterion)
      if let known = best, !isLess(found, known) { continue }
      best = found
    }
    return best
  }

  private func isLess(_ a: [Double], _ b: [Double]) -> Bool {
    for (x, y) in zip(a, b) where x != y { return x < y }
    return a.count < b.count
  }

  @Test("a chunk without a final latent, or another site, has no edges")
  func refused() throws {
    let bare = Synthetic(tokens: [[0, 1, 3]])
    expectPolicyError("edge costs are relative to the final latent, and the trace holds none") {
      _ = try EdgeCosts.costs(.lemica, over: bare.geometry, longest: 9)
    }
    let stack = try GeometryBuilder.geometries(of: SyntheticTrace(bare), GeometryRequest(.stack))[0]
    expectPolicyError("edge costs are measured at the sites output and guided, not at stack") {
      _ = try EdgeCosts.costs(.lemica, over: stack, longest: 9)
    }
  }

  @Test("no edge leads from one expert to the next")
  func experts() throws {
    var trace = guided(2)
    for place in trace.calls.indices { trace.calls[place].expert = place < 5 ? 0 : 1 }
    let geometry = try GeometryBuilder.geometries(of: trace, GeometryRequest(.guided))[0]
    for method in EdgeCosts.Method.allCases {
      let edges = EdgeCosts(method, .guided, [try EdgeCosts.costs(method, over: geometry, longest: 99)])
      #expect(edges.costs.map(\.count) == [5, 4, 3, 2, 1, 4, 3, 2, 1])
      #expect(EdgePath(edges, computing: 3, .power(2))?.computed == [0, 5, 8])
    }
  }

  private func guided(_ seed: UInt64) -> ScalarTrace {
    let features = Synthetic.features(.smooth, seed: seed, branches: 1, calls: 9, tokens: 5, channels: 1)
    return ScalarTrace(
      [
        .guided: features.map { $0.map { $0.map { Double($0[0]) } } },
        .output: features.map { $0.map { $0.map { Double($0[0]) } } },
      ],
      finalLatent: Self.final)
  }
}
