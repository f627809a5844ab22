/// How much a quantity changes between calls, summed over all tokens and channels of a branch.
///
/// Unlike norms of combinations, sums of absolute values cannot be had from distances: they are
/// measured pair by pair. Sums run over the valid channels of valid tokens.
public struct ChangeTable: Sendable {
  public let request: ChangeRequest
  public let callCount: Int
  public let branchCount: Int
  /// Numbers in one branch's tensor that the sums run over.
  public let elementCount: Int
  // [branch][position]
  private let absolute: [[Double]]
  private let squares: [[Double]]
  // [branch][pair u < v]; for adjacent pairs by v − 1.
  private let absoluteChanges: [[Double]]
  private let squaredChanges: [[Double]]

  public init(
    request: ChangeRequest, callCount: Int, elementCount: Int, absolute: [[Double]], squares: [[Double]],
    absoluteChanges: [[Double]], squaredChanges: [[Double]]
  ) {
    self.request = request
    self.callCount = callCount
    self.elementCount = elementCount
    branchCount = absolute.count
    self.absolute = absolute
    self.squares = squares
    self.absoluteChanges = absoluteChanges
    self.squaredChanges = squaredChanges
    let pairs = ChangeTable.pairCount(request.pairs, callCount)
    precondition((absolute + squares).allSatisfy { $0.count == callCount })
    precondition((absoluteChanges + squaredChanges).allSatisfy { $0.count == pairs })
  }

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
  public func absolute(at position: Int, branch: Int) -> Double { absolute[branch][position] }

  /// `Σ x²` at a call.
  public func square(at position: Int, branch: Int) -> Double { squares[branch][position] }

  /// `Σ |x_u − x_v|`.
  public func absoluteChange(_ u: Int, _ v: Int, branch: Int) -> Double {
    u == v ? 0 : absoluteChanges[branch][ChangeTable.place(request.pairs, min(u, v), max(u, v))]
  }

  /// `Σ (x_u − x_v)²`.
  public func squaredChange(_ u: Int, _ v: Int, branch: Int) -> Double {
    u == v ? 0 : squaredChanges[branch][ChangeTable.place(request.pairs, min(u, v), max(u, v))]
  }
}
