public import Trace

/// How much of what changes between calls is noise: of storage, and of running the same rollout twice.
public struct NoiseFloor: Sendable {
  /// Of each recording and call: `‖f_s − f_(s−1)‖ / ‖f_s‖` at the site.
  public var stepChanges: [Double] = []
  /// Of each recording and call that changes: the storage's noise over the step change. Empty where the stored numbers
  /// are not at hand.
  public var storageShares: [Double] = []
  /// Of each repeated recording and call: `‖f_s − f'_s‖ / ‖f_s‖`.
  public var repeatDifferences: [Double] = []
  /// The same over the step change.
  public var repeatShares: [Double] = []
  /// Of each repeated chunk: `‖X − X'‖ / ‖X‖` of the final latent.
  public var finalDifferences: [Double] = []
  /// In which type features are stored, where known.
  public var dtypes: Set<StorageType> = []
  /// Whether any of them is stored within bounds only.
  public var isLossy = false

  public init() {}

  /// What predicting multiplies noise by, one call after the newest of a row of computed calls: the root of the
  /// summed squares of the weights, √5 for Taylor of order 1.
  static func gain(_ predictor: any Predictor) -> Double {
    let anchors = Array((0..<predictor.anchorCount).reversed())
    return predictor.combinations(anchors: anchors, distance: 1)[0].terms.reduce(0) {
      $0 + $1.weight * $1.weight
    }
    .squareRoot()
  }

  /// Takes the step changes of a chunk in, and where known how finely its numbers are stored what that adds.
  mutating func add(_ geometry: Geometry, _ precision: StoredPrecision?) {
    let tap = NoiseFloor.tap(geometry.site)
    if let precision {
      dtypes.insert(precision.dtype)
      isLossy = isLossy || precision.bounds[tap] != nil
    }
    for branch in 0..<geometry.branchCount {
      for position in 1..<max(1, geometry.callCount) {
        let change = NoiseFloor.change(geometry, position, branch)
        stepChanges.append(change.step / change.norm)
        guard let precision, change.step > 0 else { continue }
        // Within its bound, and within half of its last place, a number is off evenly: a third of the square.
        // With p significant bits half of the last place is at most 2⁻ᵖ of the number.
        let bound = precision.bound(tap, call: geometry.calls[branch][position].ordinal)
        let square =
          precision.unit * precision.unit * change.norm * change.norm / 3
          + bound * bound / 3 * Double(geometry.elementCount)
        storageShares.append(square.squareRoot() / change.step)
      }
    }
  }

  /// Compares a recording with another one of the same rollout, call by call and at the end.
  ///
  /// Throws a ``TraceError`` where the other does not have the same calls, or either was not computed.
  mutating func add(
    repeating trace: some FeatureSource, _ other: some FeatureSource, _ geometries: [Geometry]
  ) throws {
    let tap = NoiseFloor.tap(geometries[0].site)
    func clocks(_ calls: [Call]) -> [[Int]] { calls.map { [$0.chunk, $0.branch, $0.step, $0.stage] } }
    guard clocks(trace.calls) == clocks(other.calls),
      trace.calls.map(\.guidance) == other.calls.map(\.guidance), other.taps.contains(tap),
      try trace.layout(of: tap) == other.layout(of: tap)
    else {
      throw TraceError(
        .invalid, path: other.path,
        "this is no repetition of \(trace.path): it has other calls, guidance or tokens, or no tap \(tap)")
    }
    let layout = try trace.layout(of: tap)
    let rows = 0..<layout.tokens.count
    // Rows that only pad the tensor hold anything.
    func valid(_ values: [Float]) -> [Float] {
      let width = layout.channelCount
      return rows.flatMap { layout.tokens[$0].isValid ? values[($0 * width)..<(($0 + 1) * width)] : [] }
    }
    for geometry in geometries {
      for (branch, calls) in geometry.calls.enumerated() {
        for (position, call) in calls.enumerated() {
          let difference = NoiseFloor.distance(
            valid(try trace.freshRows(rows, of: tap, call)),
            valid(try other.freshRows(rows, of: tap, other.calls[call.ordinal])))
          let change = NoiseFloor.change(geometry, position, branch)
          repeatDifferences.append(difference / change.norm)
          if change.step > 0 { repeatShares.append(difference / change.step) }
        }
      }
      let final = valid(try trace.final(chunk: geometry.chunk).values)
      finalDifferences.append(
        NoiseFloor.distance(final, valid(try other.final(chunk: geometry.chunk).values))
          / NoiseFloor.distance(final, final.map { _ in 0 }))
    }
  }

  // Norm of a call's value, and of its change since the call before (0 for the first).
  private static func change(_ geometry: Geometry, _ position: Int, _ branch: Int) -> (
    norm: Double, step: Double
  ) {
    let point = geometry.point(position, branch: branch)
    let norm = geometry.distances.sumOfSquaredNorms(of: [(point: point, weight: 1)]).squareRoot()
    guard position > 0 else { return (norm, 0) }
    let before = geometry.point(position - 1, branch: branch)
    let square = geometry.distances.sumOfSquaredNorms(of: [
      (point: point, weight: 1), (point: before, weight: -1),
    ])
    return (norm, square.squareRoot())
  }

  static func tap(_ site: Site) -> Tap { site == .guided ? .guided : .output }

  private static func distance(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }.squareRoot()
  }
}
