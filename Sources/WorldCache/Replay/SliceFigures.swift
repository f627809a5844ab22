import Trace

/// The errors of a whole replay over one token set, or of one guidance branch.
public struct SliceFigures: Sendable {
  /// What is looked at: a token set over all branches, or all tokens of one branch.
  public enum Slice: Hashable, Sendable {
    case set(Int)
    case branch(Int)
  }

  public let slice: Slice
  /// `all`, the modality's name, the frame's number or the branch's number.
  public let name: String
  public let tokenCount: Int
  /// Predicted calls of all branches that are looked at, over all chunks.
  public let predictedCount: Int
  public let meanCallError: Double
  public let worstCallError: Double
  public let worstTokenError: Double
  /// Quantiles over tokens of each token's root mean square error over the predicted calls
  /// (``CallFigures/levels``).
  public let quantiles: [Double]
  /// Mean and lowest cosine of the predicted calls that have one.
  public let meanCosine: Double?
  public let lowestCosine: Double?
  /// Its part of the squared error of all tokens and branches, 0 to 1; nil when there is no error.
  public let share: Double?
  /// Errors of the final latent over the set, relative to the final latent over the set; nil for a branch, at
  /// sites that the solver does not integrate, and without a recorded end.
  public let directError: Double?
  public let streakError: Double?
  /// Root mean square error by distance from the last computed call; entry 0 is distance 1.
  public let growth: [Double]

  init(_ slice: Slice, of streams: [StreamDetails]) {
    self.slice = slice
    let set: TokenSet
    let (place, branches): (Int, Range<Int>)
    let all = 0..<streams[0].distances.count
    switch slice {
    case .set(let index):
      (place, branches) = (index, all)
      set = streams[0].sets[index]
      name = set.name
    case .branch(let branch):
      (place, branches) = (0, branch..<(branch + 1))
      set = streams[0].sets[0]
      name = "\(branch)"
    }
    tokenCount = set.members.count
    let calls = streams.flatMap { stream in
      branches.flatMap { branch in
        zip(stream.calls[place][branch], stream.distances[branch]).compactMap { figures, distance in
          figures.map { (figures: $0, distance: distance) }
        }
      }
    }
    predictedCount = calls.count
    let errors = calls.map(\.figures.error)
    meanCallError = errors.isEmpty ? 0 : errors.reduce(0, +) / Double(errors.count)
    worstCallError = errors.max() ?? 0
    worstTokenError = calls.map(\.figures.worstToken).max() ?? 0
    let cosines = calls.compactMap(\.figures.cosine)
    meanCosine = cosines.isEmpty ? nil : cosines.reduce(0, +) / Double(cosines.count)
    lowestCosine = cosines.min()

    func sum(_ kind: TokenSet.Kind, _ branches: Range<Int>, _ token: Int) -> Double {
      streams.reduce(0) { sum, stream in
        branches.reduce(sum) { $0 + stream.tokenSquaredErrors[kind]![$1][token] }
      }
    }
    let count = Double(max(calls.count, 1))
    quantiles = Quantile.linear(
      CallFigures.levels, of: set.members.map { (sum(set.kind, branches, $0) / count).squareRoot() })
    let total = streams[0].sets[0].members.reduce(0) { $0 + sum(.all, all, $1) }
    let own = set.members.reduce(0) { $0 + sum(.all, branches, $1) }
    share = total > 0 && total.isFinite ? own / total : nil

    func final(_ part: (StreamDetails) -> [Double]?) -> Double? {
      guard case .set = slice else { return nil }
      var (error, norm) = (0.0, 0.0)
      for stream in streams {
        guard let squares = part(stream), let final = stream.finalSquaredNorms else { return nil }
        for token in set.members {
          error += squares[token]
          norm += final[token]
        }
      }
      return Relative.error(error, norm)
    }
    directError = final(\.directSquaredErrors)
    streakError = final(\.streakSquaredErrors)

    let longest = calls.map(\.distance).max() ?? 0
    growth = (0..<longest).map { index in
      let squares = calls.filter { $0.distance == index + 1 }.map { $0.figures.error * $0.figures.error }
      return squares.isEmpty ? 0 : (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }
  }
}
