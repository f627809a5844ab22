import Trace

/// Signals of a replay: the geometry, closed to everything a live run would not have yet.
struct GeometrySignals: Signals {
  let geometry: Geometry
  /// Whether each position has been computed so far.
  var isComputed: [Bool]

  init(_ geometry: Geometry) {
    self.geometry = geometry
    isComputed = [Bool](repeating: false, count: geometry.callCount)
  }

  func norms(of combination: Combination) -> [Double] {
    precondition(
      combination.terms.allSatisfy { isComputed[$0.position] },
      "a policy asked for a call that was not computed")
    return (0..<geometry.branchCount).flatMap { branch in
      geometry.squaredNorms(of: combination, branch: branch).map { $0.squareRoot() }
    }
  }
}
