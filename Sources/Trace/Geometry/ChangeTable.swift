/// How much a quantity changes between calls, summed over all tokens and channels of a branch.
///
/// Unlike norms of combinations, sums of absolute values cannot be had from distances: they are
/// measured pair by pair. Sums run over the valid channels of valid tokens.
public struct ChangeTable: Sendable {
  public let request: ChangeRequest
  let sums: Sums

  /// The measured numbers.
  struct Sums: Sendable, Codable {
    var callCount: Int
    var elementCount: Int
    /// `[branch][position]`: Σ |x| and Σ x².
    var absolute: [[Double]]
    var squares: [[Double]]
    /// `[branch][pair]` (``ChangeTable/place(_:_:_:)``).
    var absoluteChanges: [[Double]]
    var squaredChanges: [[Double]]
    /// `[branch][position]`: bound of the error of Σ |x| that comes from filtering; nil for what is not filtered.
    var roundings: [[Double]]?

    func isSound(_ request: ChangeRequest) -> Bool {
      let pairs = request.pairs
      guard (roundings != nil) == (request.filter != nil),
        roundings?.map(\.count) ?? absolute.map(\.count) == absolute.map(\.count)
      else { return false }
      guard callCount > 0, elementCount > 0, !absolute.isEmpty else { return false }
      let counts = [absolute, squares, absoluteChanges, squaredChanges].map(\.count)
      let pairCount = ChangeTable.pairCount(pairs, callCount)
      return Set(counts).count == 1 && (absolute + squares).allSatisfy { $0.count == callCount }
        && (absoluteChanges + squaredChanges).allSatisfy { $0.count == pairCount }
    }
  }

  init(request: ChangeRequest, _ sums: Sums) {
    precondition(sums.isSound(request))
    self.request = request
    self.sums = sums
  }

  public var callCount: Int { sums.callCount }
  public var branchCount: Int { sums.absolute.count }
  /// Numbers in one branch's tensor that the sums run over.
  public var elementCount: Int { sums.elementCount }

  public static func pairCount(_ pairs: ChangeRequest.Pairs, _ callCount: Int) -> Int {
    switch pairs {
    case .adjacent: max(0, callCount - 1)
    case .all: callCount * (callCount - 1) / 2
    }
  }

  /// Place of the pair u < v; asking for a pair that was not measured is a bug of the policy.
  public static func place(_ pairs: ChangeRequest.Pairs, _ u: Int, _ v: Int) -> Int {
    switch pairs {
    case .adjacent:
      precondition(v == u + 1, "only neighbouring calls were measured")
      return u
    case .all: return v * (v - 1) / 2 + u
    }
  }

  /// `Σ |x|` at a call.
  public func absolute(at position: Int, branch: Int) -> Double { sums.absolute[branch][position] }

  /// `Σ x²` at a call.
  public func square(at position: Int, branch: Int) -> Double { sums.squares[branch][position] }

  /// Bound of the sum of the errors of a call's values that comes from filtering in single precision; 0 for values that
  /// are not filtered.
  public func rounding(at position: Int, branch: Int) -> Double { sums.roundings?[branch][position] ?? 0 }

  /// `Σ |x_u − x_v|`.
  public func absoluteChange(_ u: Int, _ v: Int, branch: Int) -> Double {
    u == v ? 0 : sums.absoluteChanges[branch][ChangeTable.place(request.pairs, min(u, v), max(u, v))]
  }

  /// `Σ (x_u − x_v)²`.
  public func squaredChange(_ u: Int, _ v: Int, branch: Int) -> Double {
    u == v ? 0 : sums.squaredChanges[branch][ChangeTable.place(request.pairs, min(u, v), max(u, v))]
  }
}
