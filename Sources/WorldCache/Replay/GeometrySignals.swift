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
  /// The newest position that has been reached.
  var reached = 0

  init(
    _ geometry: Geometry, branches: Range<Int>? = nil, station: Tap = .latent, memo: ReplayMemo? = nil
  ) {
    self.geometry = geometry
    self.branches = branches ?? 0..<geometry.branchCount
    self.station = station
    self.memo = memo
    isComputed = Array(
      repeating: [Bool](repeating: false, count: geometry.callCount), count: geometry.branchCount)
  }

  /// Takes every call for computed: for what is not a replay.
  mutating func openAll() {
    isComputed = isComputed.map { $0.map { _ in true } }
    reached = geometry.callCount - 1
  }

  var tokenModalities: [Int] { geometry.tokens.map(\.modality) }

  func norms(of combination: Combination) -> [Double] {
    var norms: [Double] = []
    norms.reserveCapacity(branches.count * geometry.tokenCount)
    for branch in branches {
      precondition(
        combination.terms.allSatisfy { isComputed[$0.component.branch ?? branch][$0.position] },
        "a policy asked for a call that was not computed")
      geometry.distances.appendNorms(geometry.weights(of: combination, branch: branch), to: &norms)
    }
    return norms
  }

  func norms(of combination: Combination, at tokens: [Int]) -> [Double] {
    var norms: [Double] = []
    norms.reserveCapacity(tokens.count)
    var rest = tokens[...]
    for (place, branch) in branches.enumerated() {
      let end = (place + 1) * geometry.tokenCount
      let own = rest.prefix { $0 < end }
      rest = rest.dropFirst(own.count)
      geometry.distances.appendNorms(
        geometry.weights(of: combination, branch: branch), at: own, offset: place * geometry.tokenCount,
        to: &norms)
    }
    return norms
  }

  private struct BranchKey<Key: Hashable & Sendable>: Hashable, Sendable {
    let branches: Range<Int>
    let key: Key
  }

  func remembered<Value: Sendable>(_ key: some Hashable & Sendable, _ make: () -> Value) -> Value {
    guard let memo else { return make() }
    let byteCount =
      Value.self is any Collection.Type || Value.self is TokenGroups.Type ? 8 * geometry.tokenCount : 64
    return memo.value(BranchKey(branches: branches, key: key), byteCount: byteCount, make)
  }

  func meanAbsolute(_ change: ChangeRequest, at position: Int) -> Double {
    mean(change, [position]) { $0.absolute(at: position, branch: $1) }
  }

  func meanAbsoluteChange(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
    mean(change, [u, v]) { $0.absoluteChange(u, v, branch: $1) }
  }

  func distance(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
    let table = table(change, [u, v])
    return branches.reduce(0) { $0 + table.squaredChange(u, v, branch: $1) }.squareRoot()
  }

  func magnitude(_ change: ChangeRequest, at position: Int) -> Double {
    let table = table(change, [position])
    return branches.reduce(0) { $0 + table.square(at: position, branch: $1) }.squareRoot()
  }

  private func mean(
    _ change: ChangeRequest, _ positions: [Int], _ value: (ChangeTable, Int) -> Double
  ) -> Double {
    let table = table(change, positions)
    return branches.reduce(0) { $0 + value(table, $1) } / Double(branches.count * table.elementCount)
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
