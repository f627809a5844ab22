public import Trace

/// The finer figures of one replay over one chunk: errors by token set, branch and group, what would have
/// been predicted where the policy computed, and what predicting moves through memory.
///
/// Made after the replay from what it emitted (``Trail``); docs/metrics.md gives every formula.
public struct StreamDetails: Sendable {
  /// The token sets, all tokens first.
  public let sets: [TokenSet]
  /// `[set][branch][position]`; nil where computed.
  public private(set) var calls: [[[CallFigures?]]]
  /// Positions since the last computed call, `[branch][position]`; zero where computed.
  public private(set) var distances: [[Int]]
  /// Per token, the sum over predicted calls of its squared error over the mean square of its set of this
  /// kind, `[kind][branch][token]`.
  public private(set) var tokenSquaredErrors: [TokenSet.Kind: [[Double]]]
  /// How many predicted calls, over all branches, each token spent in each group, `[group][token]`; empty when
  /// no prediction told tokens apart.
  public private(set) var groupCounts: [[Int]] = []
  /// The squared errors of all tokens, relative as in ``tokenSquaredErrors``, by group.
  public private(set) var groupSquaredErrors: [Double] = []
  /// The largest error over branches that each computed call would have had if it had been predicted as the
  /// policy would have at that moment, `[lane][position]`; nil where it had no choice, or no prediction.
  public private(set) var attemptErrors: [[Double?]]
  /// Squared errors of the final latent and the final latent's own squares, token by token; nil where there
  /// are none.
  let directSquaredErrors: [Double]?
  let streakSquaredErrors: [Double]?
  let finalSquaredNorms: [Double]?
  /// Numbers read and written by predicting and by keeping computed values.
  public private(set) var movedNumberCount = 0

  init(
    _ trail: Trail, over geometry: Geometry, directSquaredErrors: [Double]?, streakSquaredErrors: [Double]?
  ) {
    self.directSquaredErrors = directSquaredErrors
    self.streakSquaredErrors = streakSquaredErrors
    finalSquaredNorms = geometry.finalSquaredNorms.isEmpty ? nil : geometry.finalSquaredNorms
    let rows = (0..<geometry.branchCount).map { _ in [CallFigures?](repeating: nil, count: geometry.callCount)
    }
    sets = geometry.sets
    calls = Array(repeating: rows, count: sets.count)
    distances = rows.map { $0.map { _ in 0 } }
    let noErrors = rows.map { _ in [Double](repeating: 0, count: geometry.tokenCount) }
    tokenSquaredErrors = Dictionary(uniqueKeysWithValues: TokenSet.Kind.allCases.map { ($0, noErrors) })
    attemptErrors = trail.attempts.map { $0.map { _ in nil } }
    let traffic = Traffic(geometry)
    for (lane, covered) in trail.covered.enumerated() {
      var newest = 0
      for position in 0..<geometry.callCount {
        if let prediction = trail.predictions[lane][position] {
          for branch in covered {
            distances[branch][position] = position - newest
            add(Emission(prediction, at: position, branch: branch, covered: covered, geometry), geometry)
          }
          movedNumberCount += covered.count * traffic.count(of: prediction)
        } else {
          newest = position
          movedNumberCount += covered.count * traffic.keepingCount
        }
        if let attempt = trail.attempts[lane][position] {
          attemptErrors[lane][position] =
            covered.map { branch in
              let emission = Emission(attempt, at: position, branch: branch, covered: covered, geometry)
              return Relative.error(
                emission.errors.reduce(0, +),
                geometry.emissionSquaredNorms(position, branch: branch).reduce(0, +))
            }.max()
        }
      }
    }
  }

  private mutating func add(_ emission: Emission, _ geometry: Geometry) {
    let (position, branch) = (emission.position, emission.branch)
    let predicted = emission.predicted
    let recorded = geometry.recordedSquaredNorms(position, branch: branch)
    let emitted = geometry.emissionSquaredNorms(position, branch: branch)
    for (index, set) in sets.enumerated() {
      func pick(_ values: [Double]) -> [Double] {
        set.kind == .all ? values : set.members.map { values[$0] }
      }
      let scale = pick(emitted)
      calls[index][branch][position] = CallFigures(
        errors: pick(emission.errors), predicted: pick(predicted), recorded: pick(recorded), emitted: scale)
      let meanSquare = scale.reduce(0, +) / Double(scale.count)
      for token in set.members {
        tokenSquaredErrors[set.kind]![branch][token] += Relative.square(emission.errors[token], meanSquare)
      }
    }
    guard emission.hasGroups else { return }
    let meanSquare = emitted.reduce(0, +) / Double(emitted.count)
    while groupCounts.count < emission.groupCount {
      groupCounts.append([Int](repeating: 0, count: geometry.tokenCount))
      groupSquaredErrors.append(0)
    }
    for token in 0..<geometry.tokenCount {
      let group = emission.group(of: token)
      groupCounts[group][token] += 1
      groupSquaredErrors[group] += Relative.square(emission.errors[token], meanSquare)
    }
  }
}

/// One prediction at one call of one branch, measured token by token.
private struct Emission {
  let position: Int
  let branch: Int
  /// Squared norms of prediction minus recorded value, and of the prediction.
  let errors: [Double]
  let predicted: [Double]
  private let prediction: Prediction
  // Where the branch's tokens begin among those that the groups are told of.
  private let first: Int

  init(
    _ prediction: Prediction, at position: Int, branch: Int, covered: Range<Int>, _ geometry: Geometry
  ) {
    self.prediction = prediction
    self.position = position
    self.branch = branch
    let tokenCount = geometry.tokenCount
    // A decision that sees one branch only has one group for each of its tokens, whatever it covers.
    let isShared = prediction.groups.map { $0.indices.count == tokenCount } ?? true
    let first = isShared ? 0 : (branch - covered.lowerBound) * tokenCount
    self.first = first
    let recorded = geometry.recorded(at: position)
    let count = prediction.combinations.count
    let squares = geometry.distances.squaredNorms(
      of: (prediction.combinations.map { $0 - recorded } + prediction.combinations).map {
        geometry.weights(of: $0, branch: branch)
      })
    errors = (0..<tokenCount).map { squares[prediction.group(of: first + $0)][$0] }
    predicted = (0..<tokenCount).map { squares[count + prediction.group(of: first + $0)][$0] }
  }

  var hasGroups: Bool { prediction.groups != nil }
  var groupCount: Int { prediction.combinations.count }
  func group(of token: Int) -> Int { prediction.group(of: first + token) }
}

/// Numbers that a branch's predictions read and write.
private struct Traffic {
  private let channels: [Int]
  private let elementCount: Int
  private let hasBeginning: Bool

  init(_ geometry: Geometry) {
    channels = geometry.tokens.map(\.validChannels)
    elementCount = geometry.elementCount
    hasBeginning = geometry.site.hasBeginning
  }

  /// Reads the value at the end of the stretch, and at its beginning where it has one; writes what is kept.
  var keepingCount: Int { elementCount * (hasBeginning ? 3 : 2) }

  /// Reads one tensor for each term, and the fresh value at the beginning of the stretch where it has one;
  /// writes what is emitted.
  ///
  /// Tokens of different groups read as many as their own group has terms; groups of several branches are
  /// averaged.
  func count(of prediction: Prediction) -> Int {
    let terms = prediction.combinations.map(\.terms.count)
    let others = elementCount * (hasBeginning ? 2 : 1)
    guard let groups = prediction.groups else { return elementCount * terms[0] + others }
    let branches = groups.indices.count / channels.count
    let reads = groups.indices.enumerated().reduce(0) { sum, entry in
      sum + channels[entry.offset % channels.count] * terms[Int(entry.element)]
    }
    return reads / branches + others
  }
}

extension Geometry {
  /// Squared norms of the recorded value of the cached quantity, one per token.
  func recordedSquaredNorms(_ position: Int, branch: Int) -> [Double] {
    split == nil
      ? distances.squaredDistances(point(position, branch: branch), distances.origin)
      : squaredNorms(of: recorded(at: position), branch: branch)
  }
}
