import Trace

/// Signals of a replay: the geometry, closed to everything a live run would not have yet.
struct GeometrySignals: DriverSignals {
  let geometry: Geometry
  /// The branches that the decision is taken from.
  let branches: Range<Int>
  /// The policy's station: quantities up to there are known at every call so far.
  let station: Tap
  /// Whether each position has been computed so far, `[branch][position]`.
  var isComputed: [[Bool]]
  /// What earlier replays over the same geometry have found; nil to find everything anew.
  let memo: ReplayMemo?
  /// Where in its error bound every signal is taken.
  let deviation: Deviation
  /// The newest position that has been reached.
  var reached = 0

  init(
    _ geometry: Geometry, branches: Range<Int>? = nil, station: Tap = .latent, memo: ReplayMemo? = nil,
    deviation: Deviation = .none
  ) {
    self.geometry = geometry
    self.branches = branches ?? 0..<geometry.branchCount
    self.station = station
    self.memo = memo
    self.deviation = deviation
    isComputed = Array(
      repeating: [Bool](repeating: false, count: geometry.callCount), count: geometry.branchCount)
  }

  /// Signals with every call computed: for what is not a replay.
  static func open(
    _ geometry: Geometry, branches: Range<Int>? = nil, deviation: Deviation = .none
  ) -> GeometrySignals {
    var signals = GeometrySignals(geometry, branches: branches, deviation: deviation)
    signals.isComputed = signals.isComputed.map { $0.map { _ in true } }
    signals.reached = geometry.callCount - 1
    return signals
  }

  var tokenModalities: [Int] { geometry.tokens.map(\.modality) }

  func norms(of combination: Combination) -> [Double] {
    var norms: [Double] = []
    norms.reserveCapacity(branches.count * geometry.tokenCount)
    for branch in branches {
      precondition(
        combination.terms.allSatisfy { isComputed[$0.component.branch ?? branch][$0.position] },
        "a policy asked for a call that was not computed")
      geometry.distances.appendNorms(
        geometry.weights(of: combination, branch: branch), deviation: deviation, to: &norms)
    }
    return norms
  }

  func norms(of combination: Combination, at tokens: [Int]) -> [Double] {
    func norms(_ tokens: [Int], _ branch: Int) -> [Double] {
      geometry.distances.norms(
        geometry.weights(of: combination, branch: branch), at: tokens,
        offset: (branch - branches.lowerBound) * geometry.tokenCount, deviation: deviation)
    }
    if branches.count == 1 { return norms(tokens, branches.lowerBound) }
    var result = [Double](repeating: 0, count: tokens.count)
    for branch in branches {
      let own = tokens.indices.filter {
        tokens[$0] / geometry.tokenCount == branch - branches.lowerBound
      }
      for (place, norm) in zip(own, norms(own.map { tokens[$0] }, branch)) { result[place] = norm }
    }
    return result
  }

  private struct BranchKey<Key: Hashable & Sendable>: Hashable, Sendable {
    let branches: Range<Int>
    let deviation: Deviation
    let key: Key
  }

  func remembered<Value: Sendable>(_ key: some Hashable & Sendable, _ make: () -> Value) -> Value {
    guard let memo else { return make() }
    let byteCount =
      switch Value.self {
      case is [Double].Type, is TokenGroups.Type: 8 * geometry.tokenCount
      case is RankedTokens.Type: 16 * geometry.tokenCount
      case is RankSums.Type: 8 * geometry.tokenCount / RankSums.blockSize + 64
      default: 256
      }
    return memo.value(
      BranchKey(branches: branches, deviation: deviation, key: key), byteCount: byteCount, make)
  }

  // Changes are moved one way and magnitudes the other, since rules divide one by the other.

  func meanAbsolute(_ change: ChangeRequest, at position: Int) -> Double {
    let value = mean(change, [position]) { $0.absolute(at: position, branch: $1) }
    return max(
      0, deviation.factor(-1, position) * value - filterBound(change, [position]) / elementCount(change))
  }

  func meanAbsoluteChange(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
    let value = mean(change, [u, v]) { $0.absoluteChange(u, v, branch: $1) }
    return max(0, deviation.factor(1, u + v) * value + filterBound(change, [u, v]) / elementCount(change))
  }

  // The root of a sum of squares is at most the sum of the magnitudes, and so are their errors.

  func distance(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
    let value = norm(change, [u, v]) { $0.squaredChange(u, v, branch: $1) }
    return max(0, deviation.factor(1, u + v) * value + filterBound(change, [u, v]))
  }

  func magnitude(_ change: ChangeRequest, at position: Int) -> Double {
    let value = norm(change, [position]) { $0.square(at: position, branch: $1) }
    return max(0, deviation.factor(-1, position) * value - filterBound(change, [position]))
  }

  /// What filtering in single precision may have changed of a sum of magnitudes of the values at some calls, or of
  /// their change, towards where this lane looks.
  private func filterBound(_ change: ChangeRequest, _ positions: [Int]) -> Double {
    guard change.filter != nil, deviation != .none else { return 0 }
    let table = table(change, positions)
    let bound = branches.reduce(0) { sum, branch in
      positions.reduce(sum) { $0 + table.rounding(at: $1, branch: branch) }
    }
    return deviation.sign(positions.reduce(0, +)) * bound
  }

  private func norm(
    _ change: ChangeRequest, _ positions: [Int], _ square: (ChangeTable, Int) -> Double
  ) -> Double {
    let table = table(change, positions)
    return branches.reduce(0) { $0 + square(table, $1) }.squareRoot()
  }

  private func mean(
    _ change: ChangeRequest, _ positions: [Int], _ value: (ChangeTable, Int) -> Double
  ) -> Double {
    let table = table(change, positions)
    return branches.reduce(0) { $0 + value(table, $1) } / elementCount(change)
  }

  private func elementCount(_ change: ChangeRequest) -> Double {
    Double(branches.count * geometry.changes[change]!.elementCount)
  }

  private func table(_ change: ChangeRequest, _ positions: [Int]) -> ChangeTable {
    guard let table = geometry.changes[change] else {
      preconditionFailure("a policy asked for changes of \(change.quantity) without declaring them")
    }
    precondition(
      positions.allSatisfy { position in
        position <= reached
          && (change.quantity.station <= station || branches.allSatisfy { isComputed[$0][position] })
      }, "a policy asked for \(change.quantity) at a call where it was not computed")
    return table
  }
}
