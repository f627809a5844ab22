import Trace

/// Rules about the values that a policy looks at and caches, whatever it decides.
enum SignalRules {
  /// Changes below this share of the value count as none: features are floats.
  static let nothing = 1e-7
  /// Part of the calls from which on such changes are told.
  static let noticeable = 0.1

  static func findings(_ policy: any Policy, _ geometry: Geometry, _ precision: StoredPrecision?) -> [Finding]
  {
    var found = Set(policy.changes(blockCount: geometry.blockCount)).sorted {
      "\($0.quantity)" < "\($1.quantity)"
    }
    .flatMap { findings($0, geometry, precision) }
    if policy.site != nil { found += still(geometry) }
    return found
  }

  private static func findings(
    _ request: ChangeRequest, _ geometry: Geometry, _ precision: StoredPrecision?
  ) -> [Finding] {
    guard let table = geometry.changes[request] else { return [] }
    let neighbours = geometry.segments.flatMap { $0.dropFirst() }
    guard !neighbours.isEmpty else { return [] }
    var found: [Finding] = []
    for branch in 0..<geometry.branchCount {
      func add(_ rule: String, _ positions: [Int], _ meaning: String, _ remedy: String) {
        let place = [
          "\(request.quantity)", geometry.branchCount > 1 ? "branch \(branch)" : "", Linter.calls(positions),
        ]
        found.append(
          Finding(
            rule: rule, policy: "", place: place.filter { !$0.isEmpty }.joined(separator: ", "),
            meaning: meaning,
            remedy: remedy))
      }
      let zero = table.absoluteZeros(branch: branch, calls: geometry.callCount)
      if !zero.isEmpty {
        add(
          "zero-signal", zero, "the tensor is zero throughout: a relative change is 0/0 or infinite",
          "look at the recorded tap; a difference of two taps is zero where one is an alias of the other")
      }
      let changes = neighbours.map { position in
        (
          position: position, change: table.absoluteChange(position - 1, position, branch: branch),
          size: table.absolute(at: position - 1, branch: branch)
        )
      }
      if zero.isEmpty, changes.allSatisfy({ $0.change <= nothing * $0.size }) {
        add(
          "static-stream", [],
          "it never changes: every call looks like the one before, whatever the output does",
          "look at another tap: this stream does not depend on the noise level")
      } else if let precision, zero.isEmpty {
        let stored = stored(request, geometry)
        let blurred = changes.filter { change in
          let ordinal = geometry.calls[branch][change.position].ordinal
          let bound = stored.reduce(0) { $0 + precision.bound($1.tap, call: ordinal) }
          let size = stored.reduce(0) { $0 + $1.table.absolute(at: change.position - 1, branch: branch) }
          return change.change < precision.unit * size || change.change < bound * Double(table.elementCount)
        }
        if Double(blurred.count) >= noticeable * Double(changes.count), !blurred.isEmpty {
          add(
            "quantised-signal", blurred.map(\.position),
            "it changes by less than the stored numbers can tell (\(precision.dtype.rawValue)"
              + "\(stored.allSatisfy { precision.bounds[$0.tap] == nil } ? "" : ", stored within bounds")): the signal "
              + "there is rounding",
            "record this tap as float32, or without --lossy")
        }
      }
    }
    return found
  }

  /// What has to be measured beside a quantity to tell its rounding: the taps of a difference, which are
  /// stored each with its own.
  static func parts(of request: ChangeRequest) -> [ChangeRequest] {
    guard let minus = request.quantity.minus else { return [] }
    return [request.quantity.tap, minus].map { ChangeRequest(Quantity($0), .adjacent) }
  }

  // The stored tensors that a quantity is made of; where those of a difference were not measured, the
  // difference itself, which is smaller.
  private static func stored(
    _ request: ChangeRequest, _ geometry: Geometry
  ) -> [(tap: Tap, table: ChangeTable)] {
    let parts = parts(of: request).compactMap { geometry.changes[$0] }
    guard parts.count == 2 else { return [(request.quantity.tap, geometry.changes[request]!)] }
    return parts.map { ($0.request.quantity.tap, $0) }
  }

  // What is cached never changes, all of it or one modality's tokens.
  private static func still(_ geometry: Geometry) -> [Finding] {
    let sets = TokenSet.sets(of: geometry.tokens, modalities: geometry.modalities)
    let neighbours = geometry.segments.flatMap { $0.dropFirst() }
    guard !neighbours.isEmpty else { return [] }
    func isStill(_ set: TokenSet) -> Bool {
      (0..<geometry.branchCount).allSatisfy { branch in
        neighbours.allSatisfy { position in
          let (u, v) = (
            geometry.point(position - 1, branch: branch), geometry.point(position, branch: branch)
          )
          let (changes, sizes) = (
            geometry.distances.squaredDistances(u, v),
            geometry.distances.squaredDistances(v, geometry.distances.origin)
          )
          let (change, size) = set.members.reduce((0.0, 0.0)) { ($0.0 + changes[$1], $0.1 + sizes[$1]) }
          return change <= nothing * nothing * size
        }
      }
    }
    func finding(_ what: String) -> Finding {
      Finding(
        rule: "static-stream", policy: "", place: "site \(geometry.site)\(what.isEmpty ? "" : ", \(what)")",
        meaning:
          "what is cached never changes there: any policy is right about it, and errors over all tokens "
          + "are watered down by it",
        remedy: what.isEmpty
          ? "check the recording: every call holds the same" : "judge by the other modalities (--by modality)"
      )
    }
    if isStill(sets[0]) { return [finding("")] }
    guard geometry.modalities.count > 1 else { return [] }
    return sets.filter { $0.kind == .modality && isStill($0) }.map { finding($0.name) }
  }
}

extension ChangeTable {
  /// Calls at which the quantity is zero throughout.
  fileprivate func absoluteZeros(branch: Int, calls: Int) -> [Int] {
    (0..<calls).filter { absolute(at: $0, branch: branch) == 0 }
  }
}
