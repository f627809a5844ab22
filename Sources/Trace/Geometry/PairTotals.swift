import Synchronization

/// Distances of every pair summed over each of several sets of tokens: the tables that schedules and
/// token-independent policies need.
///
/// Made from tiles that come in any order and from several threads; they are added up in the order of their
/// tokens.
final class PairTotals: Sendable {
  private struct State {
    /// `[set][pair]`, of the tokens before `end`.
    var totals: [[Double]]
    var end = 0
    /// Sums of tiles that came early, by their first token.
    var early: [Int: (end: Int, sums: [(set: Int, pairs: [Double])])] = [:]
  }

  // Runs of neighbouring tokens of each set.
  private let runs: [[Range<Int>]]
  private let pairCount: Int
  private let state: Mutex<State>

  init(_ sets: [TokenSet], pairCount: Int) {
    runs = sets.map { PairTotals.runs($0.members) }
    self.pairCount = pairCount
    state = Mutex(State(totals: sets.map { _ in [Double](repeating: 0, count: pairCount) }))
  }

  /// Adds the distances of some tokens; `tile` is pair-major.
  func add(_ tile: [Double], at places: Range<Int>) {
    let sums = sums(tile, places)
    state.withLock { state in
      state.early[places.lowerBound] = (places.upperBound, sums)
      while let next = state.early.removeValue(forKey: state.end) {
        for (set, pairs) in next.sums {
          for pair in pairs.indices { state.totals[set][pair] += pairs[pair] }
        }
        state.end = next.end
      }
    }
  }

  /// `[set][pair]`.
  var totals: [[Double]] {
    state.withLock { state in
      precondition(state.early.isEmpty, "tiles are missing")
      return state.totals
    }
  }

  private func sums(_ tile: [Double], _ places: Range<Int>) -> [(set: Int, pairs: [Double])] {
    runs.enumerated().compactMap { set, runs in
      let parts = runs.filter { $0.overlaps(places) }.map { $0.clamped(to: places) }
      guard !parts.isEmpty else { return nil }
      var pairs = [Double](repeating: 0, count: pairCount)
      tile.withUnsafeBufferPointer { tile in
        guard let tile = tile.baseAddress else { return }
        for part in parts {
          var pair = 0
          while pair < pairCount {
            let first = pair * places.count - places.lowerBound + part.lowerBound
            pairs[pair] += FixedOrder.sum(tile + first, part.count)
            pair += 1
          }
        }
      }
      return (set, pairs)
    }
  }

  private static func runs(_ members: [Int]) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    for member in members {
      if let last = runs.last, last.upperBound == member {
        runs[runs.count - 1] = last.lowerBound..<(member + 1)
      } else {
        runs.append(member..<(member + 1))
      }
    }
    return runs
  }
}
