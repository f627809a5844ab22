import Trace
import WorldCache

/// WorldCache with its defaults, every norm taken from the features in memory: what replay would cost with
/// tensors for its source instead of distances.
struct TensorReplay: Signals {
  private let features: [[Float]]
  private let tokenCount: Int
  private let channelCount: Int

  init(_ rollout: MadeUpRollout) {
    features = (0..<rollout.callCount).map { rollout.tensor(call: $0).values }
    (tokenCount, channelCount) = (rollout.tokenCount, rollout.channelCount)
  }

  /// The features, as recorded in float32.
  var byteCount: Int { 4 * features.count * tokenCount * channelCount }

  /// Computed calls, and the mean error of the others.
  func run(eta: Double = 1, warmUp: Int = 5, nMax: Int = 6) -> (schedule: [Int], meanError: Double) {
    let predictor = GroupedPredictor(pStable: 0.3, pChaotic: 0.6, nMax: nMax)
    var (schedule, anchors, errors) = ([Int](), [Int](), [Double]())
    var drift = 0.0
    var curvatures: [Double] = []
    var members: [[Int]] = []
    for position in features.indices {
      let isDue = drift >= eta || position - (anchors.first ?? 0) > nMax
      if position < warmUp || position == features.count - 1 || anchors.count < 3 || isDue {
        schedule.append(position)
        anchors = [position] + anchors.prefix(2)
        drift = 0
        if anchors.count == 3, position >= warmUp - 1 {
          curvatures = Curvature.values(anchors: anchors, signals: self)
          let groups = predictor.groups(of: curvatures)
          members = (0..<3).map { group in groups.indices.filter { groups[$0] == group } }
        }
        continue
      }
      let distance = position - anchors[0]
      let combinations = predictor.combinations(anchors: anchors, distance: distance)
      let before =
        distance == 1
        ? Combination(valueAt: anchors[0])
        : predictor.combinations(anchors: anchors, distance: distance - 1)[2]
      let changes = norms(of: combinations[2] - before, at: members[2])
      drift +=
        zip(members[2], changes).reduce(0) { $0 + curvatures[$1.0] * $1.1 } / Double(tokenCount)
      let recorded = Combination(valueAt: position)
      let square = zip(combinations, members).reduce(0.0) { sum, group in
        norms(of: group.0 - recorded, at: group.1).reduce(sum) { $0 + $1 * $1 }
      }
      let scale = norms(of: recorded).reduce(0) { $0 + $1 * $1 }
      errors.append((square / scale).squareRoot())
    }
    return (schedule, errors.reduce(0, +) / Double(errors.count))
  }

  func norms(of combination: Combination) -> [Double] { norms(of: combination, at: Array(0..<tokenCount)) }

  func norms(of combination: Combination, at tokens: [Int]) -> [Double] {
    var sums = [SIMD8<Double>](repeating: .zero, count: channelCount / 8)
    return tokens.map { token in
      for index in sums.indices { sums[index] = .zero }
      for term in combination.terms {
        features[term.position].withUnsafeBytes { values in
          for index in sums.indices {
            let eight = values.loadUnaligned(
              fromByteOffset: 4 * (token * channelCount + 8 * index), as: SIMD8<Float>.self)
            sums[index] += term.weight * SIMD8<Double>(eight)
          }
        }
      }
      return sums.reduce(SIMD8<Double>.zero) { $0 + $1 * $1 }.sum().squareRoot()
    }
  }

  var tokenModalities: [Int] { Array(repeating: 0, count: tokenCount) }
  // WorldCache looks at nothing else.
  func meanAbsolute(_ change: ChangeRequest, at position: Int) -> Double { .nan }
  func meanAbsoluteChange(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double { .nan }
  func distance(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double { .nan }
  func magnitude(_ change: ChangeRequest, at position: Int) -> Double { .nan }
}
