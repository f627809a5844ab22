/// Values of one call: `[pooled token][channel]`, the tokens of all branches one after another.
typealias NaiveValues = [[Double]]

/// Predictions straight from the papers' formulas, on raw features: nothing is shared with the sources.
enum NaivePredictor: Sendable {
  case hold
  case taylor(order: Int, firstEnhance: Int)
  case damped(nMax: Int)
  case grouped(pStable: Double, pChaotic: Double, nMax: Int)

  /// What is emitted at `position` after the given computed calls (ascending); nil where it is not defined.
  func values(_ features: [NaiveValues], computed: [Int], at position: Int) -> NaiveValues? {
    let newest = features[computed.last!]
    let k = position - computed.last!
    switch self {
    case .hold:
      return newest
    case .taylor(let order, let firstEnhance):
      let factors = NaivePredictor.factors(features, computed, order: order, firstEnhance: firstEnhance)
      var sum = factors[0]
      var coefficient = 1.0
      for i in factors.indices.dropFirst() {
        coefficient = coefficient * Double(k) / Double(i)
        sum = NaivePredictor.mix(sum, 1, factors[i], coefficient)
      }
      return sum
    case .damped(let nMax):
      guard computed.count >= 3, k <= nMax else { return nil }
      return NaivePredictor.damped(NaiveMotion(features, computed), k, nMax)
    case .grouped(let pStable, let pChaotic, let nMax):
      guard computed.count >= 3, k <= nMax else { return nil }
      let motion = NaiveMotion(features, computed)
      let line = NaivePredictor.mix(newest, 1, motion.velocity, Double(k))
      let damped = NaivePredictor.damped(motion, k, nMax)
      let low = NaiveMotion.quantile(motion.curvatures, pStable)
      let high = NaiveMotion.quantile(motion.curvatures, pChaotic)
      return newest.indices.map { token in
        let curvature = motion.curvatures[token]
        return curvature >= high ? damped[token] : curvature < low ? newest[token] : line[token]
      }
    }
  }

  /// TaylorSeer's cache dictionary: replayed update by update, as its code keeps it.
  private static func factors(
    _ features: [NaiveValues], _ computed: [Int], order: Int, firstEnhance: Int
  ) -> [NaiveValues] {
    var kept: [NaiveValues] = []
    var previous = 0
    for step in computed {
      var updated = [features[step]]
      for i in 0..<order where i < kept.count && updated.count == i + 1 && step > firstEnhance - 2 {
        let gap = Double(step - previous)
        updated.append(mix(updated[i], 1 / gap, kept[i], -1 / gap))
      }
      kept = updated
      previous = step
    }
    return kept
  }

  /// `F_0 + k ((1 − α) v_0 + α v_−1)`.
  static func damped(_ motion: NaiveMotion, _ k: Int, _ nMax: Int) -> NaiveValues {
    let x = min(Double(k) / Double(nMax), 1)
    let alpha = x * x * (3 - 2 * x)
    let adapted = mix(motion.velocity, 1 - alpha, motion.previousVelocity, alpha)
    return mix(motion.newest, 1, adapted, Double(k))
  }

  static func mix(_ a: NaiveValues, _ x: Double, _ b: NaiveValues, _ y: Double) -> NaiveValues {
    zip(a, b).map { zip($0, $1).map { x * $0 + y * $1 } }
  }

  static func norm(_ value: [Double]) -> Double { value.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}

/// WorldCache's quantities after at least three computed calls.
struct NaiveMotion {
  let newest: NaiveValues
  /// `v_0` and `v_−1`.
  let velocity: NaiveValues
  let previousVelocity: NaiveValues
  /// κ of every pooled token.
  let curvatures: [Double]

  init(_ features: [NaiveValues], _ computed: [Int]) {
    let steps = Array(computed.suffix(3))
    let (oldest, middle) = (features[steps[0]], features[steps[1]])
    let newest = features[steps[2]]
    let (dt1, dt2) = (Double(steps[1] - steps[0]), Double(steps[2] - steps[1]))
    let velocity = zip(newest, middle).map { zip($0, $1).map { ($0 - $1) / dt2 } }
    let previous = zip(middle, oldest).map { zip($0, $1).map { ($0 - $1) / dt1 } }
    self.newest = newest
    self.velocity = velocity
    previousVelocity = previous
    curvatures = zip(velocity, previous).map { v0, v1 in
      let acceleration = NaivePredictor.norm(zip(v0, v1).map { ($0 - $1) / dt2 })
      return acceleration / (v0.reduce(0) { $0 + $1 * $1 } + 1e-8)
    }
  }

  /// `numpy.quantile` with its default, linear interpolation.
  static func quantile(_ values: [Double], _ p: Double) -> Double {
    let sorted = values.sorted()
    let rank = p * Double(sorted.count - 1)
    let low = Int(rank)
    guard low + 1 < sorted.count else { return sorted[low] }
    return sorted[low] + (rank - Double(low)) * (sorted[low + 1] - sorted[low])
  }

  /// e(k): κ-weighted change of the damped prediction from k − 1 to k over the chaotic tokens.
  func drift(_ k: Int, nMax: Int, pChaotic: Double, overChaotic: Bool) -> Double {
    let boundary = NaiveMotion.quantile(curvatures, pChaotic)
    let before = k == 1 ? newest : NaivePredictor.damped(self, k - 1, nMax)
    let after = NaivePredictor.damped(self, k, nMax)
    var (sum, count) = (0.0, 0.0)
    for token in curvatures.indices where curvatures[token] >= boundary {
      sum += curvatures[token] * NaivePredictor.norm(zip(after[token], before[token]).map { $0 - $1 })
      count += 1
    }
    return sum / (overChaotic ? count : Double(curvatures.count))
  }
}
