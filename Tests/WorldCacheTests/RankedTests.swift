import TestSupport
import Testing

@testable import Trace

@Suite("Sums over ranks and over tokens with weights of their own")
struct RankedTests {
  private static func numbers(_ count: Int, seed: UInt64) -> [Double] {
    var generator = Dice(seed: seed)
    return (0..<count).map { _ in generator.real(0...1) }
  }

  @Test("tokens stand in the order of their values, equal ones in their own")
  func order() {
    var lists: [[Double]] = [[3], [2, 2, 2, 2], [0, -0.0, 1e-300, 0], [.infinity, 1, 0]]
    for (place, count) in [2, 7, 64, 65, 1000, 5000].enumerated() {
      let plain = RankedTests.numbers(count, seed: UInt64(place))
      lists += [
        plain, plain.map { ($0 * 5).rounded() }, plain.map { $0 * $0 * $0 * 1e9 },
        // All but one share a bin.
        plain.enumerated().map { $0 == 0 ? 1e300 : $1 },
      ]
    }
    for values in lists {
      let ranking = RankedTokens(values)
      let expected = values.indices.sorted { values[$0] != values[$1] ? values[$0] < values[$1] : $0 < $1 }
      #expect(ranking.order == expected)
      #expect(ranking.sorted == expected.map { values[$0] })
      for bound in Set(values + [0.3, 2, 1e301]) {
        #expect(ranking.count(below: bound) == values.count { $0 < bound }, "below \(bound)")
      }
    }
  }

  @Test("sums over ranks do not depend on what was asked before")
  func sums() {
    let values = RankedTests.numbers(1000, seed: 3)
    func make(_ parts: [Range<Int>]) -> [Double] { parts.map { values[$0].reduce(0, +) } }
    var generator = Dice(seed: 4)
    let kept = RankSums(count: values.count)
    for _ in 0..<300 {
      let (a, b) = (Int.random(in: 0...1000, using: &generator), Int.random(in: 0...1000, using: &generator))
      let range = min(a, b)..<max(a, b)
      let sum = kept.sum(over: range, make)
      #expect(sum == RankSums(count: values.count).sum(over: range, make), "\(range)")
      expectClose(sum, values[range].reduce(0, +), relative: 1e-13, "\(range)")
    }
    // What is known is not asked for again.
    let whole = kept.sum(over: 0..<1000, make)
    #expect(kept.sum(over: 0..<1000) { parts in parts.map { _ in .nan } } == whole)
  }

  private static func table(points: Int, tokens: Int, seed: UInt64) -> DistanceTable {
    let values = numbers(points * tokens * 5, seed: seed).map { Float($0) }
    return DistanceTable(
      points: (0..<points).map { Array(values[($0 * tokens * 5)..<(($0 + 1) * tokens * 5)]) },
      tokenCount: tokens, channelCount: 5)
  }

  @Test("groups between cuts have the sums of groups told token by token, in each branch")
  func totals() {
    let table = RankedTests.table(points: 5, tokens: 300, seed: 5)
    let forms: [[(point: Int, weight: Double)]] = [
      [(0, 1), (4, -1)], [(0, 1.5), (1, -0.5), (4, -1)], [(0, 2), (1, -1.5), (2, 0.25), (4, -1)],
    ]
    for branches in 1...2 {
      let ranking = RankedTokens(RankedTests.numbers(300 * branches, seed: 6))
      for cuts in [
        [100, 200], [0, 130], [77, 77], [300 * branches, 300 * branches], [1, 299 * branches],
      ] {
        var groups = [UInt8](repeating: 0, count: 300 * branches)
        for (rank, token) in ranking.order.enumerated() {
          groups[token] = UInt8(cuts.count { $0 <= rank })
        }
        for branch in 0..<branches {
          let slice = groups[(branch * 300)..<((branch + 1) * 300)]
          let expected = GroupTotals(table, groups: slice, groupCount: 3).sumOfSquaredNorms(of: forms)
          let ranked = RankedTotals(table, ranking, first: branch * 300)
          expectClose(
            ranked.sumOfSquaredNorms(of: forms, cuts: cuts), expected, relative: 1e-12,
            "\(branches) branches, \(cuts)")
          expectClose(
            table.squaredNorms(of: forms, groups: slice).reduce(0, +), expected, relative: 1e-12)
        }
      }
    }
  }

  @Test("weights that all tokens share, those of single tokens, and both together")
  func weights() {
    // More than one block of tokens.
    let table = RankedTests.table(points: 4, tokens: 700, seed: 7)
    let own = RankedTests.numbers(700, seed: 8)
    for shared in [0.5, 0, -1] {
      let norms = table.squaredNorms([
        (0, .alike(1)), (1, .each(own)), (2, .each(own.map { 0.25 - $0 })), (3, .alike(shared)),
      ])
      for token in stride(from: 0, to: 700, by: 13) {
        let expected = table.squaredNorms([
          (0, 1), (1, own[token]), (2, 0.25 - own[token]), (3, shared),
        ])[token]
        expectClose(norms[token], expected, relative: 1e-12, absolute: 1e-14, "token \(token)")
      }
    }
    // What cancels for every token is exactly nothing.
    #expect(table.squaredNorms([(0, .alike(0)), (1, .alike(0))]).allSatisfy { $0 == 0 })
  }

  @Test("distances of differences, whatever the number of channels", arguments: [1, 3, 7, 8, 9, 16, 21])
  func differences(channels: Int) {
    let (points, tokens) = (4, 3)
    func tensors(_ seed: UInt64) -> [[Float]] {
      let values = RankedTests.numbers(points * tokens * channels, seed: seed).map { Float($0 * 100) }
      return (0..<points).map { Array(values[($0 * tokens * channels)..<(($0 + 1) * tokens * channels)]) }
    }
    let (ends, beginnings) = (tensors(9), tensors(10))
    let measured = DistanceTable.measure(
      ends, without: beginnings, tokenCount: tokens, channelCount: channels)
    var place = 0
    for u in 0..<points {
      for v in (u + 1)...points {
        for token in 0..<tokens {
          func value(_ point: Int, _ channel: Int) -> Double {
            let index = token * channels + channel
            return point == points ? 0 : Double(ends[point][index]) - Double(beginnings[point][index])
          }
          let expected = (0..<channels).reduce(0.0) { sum, channel in
            let difference = value(u, channel) - value(v, channel)
            return sum + difference * difference
          }
          expectClose(measured[place], expected, relative: 1e-14, "\(u), \(v), token \(token)")
          place += 1
        }
      }
    }
    #expect(place == measured.count)
  }
}
