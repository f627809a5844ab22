import Trace

/// How the cached value moved over the last computed calls, token by token, and what becomes of it.
struct TrajectorySignal: Hashable, Sendable {
  /// One value per token.
  enum Measure: String, CaseIterable {
    /// ‖v_0‖ between the last two computed calls.
    case speed
    /// ‖a‖ and κ = ‖a‖ / (‖v_0‖² + ε) of the last three.
    case acceleration, curvature
    /// ‖p(k) − p(k − 1)‖: how far the prediction goes from the call before to this one.
    case drift
  }

  enum Weight: String, CaseIterable { case none, curvature }
  enum Summary: String, CaseIterable { case mean, max }
  /// What a mean is divided by: all tokens, or those that were chosen.
  enum Average: String, CaseIterable { case all, chosen }

  static let keys = ["weight", "from-quantile", "tokens", "average"]

  let measure: Measure
  let weight: Weight
  /// Only tokens whose curvature is at or above this quantile are looked at.
  let fromQuantile: Double?
  let summary: Summary
  let average: Average

  init(_ members: Members) throws {
    measure = Measure(rawValue: try members["trajectory"]!.choice(Measure.allCases.map(\.rawValue)))!
    weight = Weight(rawValue: try members["weight"]?.choice(Weight.allCases.map(\.rawValue)) ?? "none")!
    fromQuantile = try members["from-quantile"]?.real(in: 0...1)
    summary = Summary(rawValue: try members["tokens"]?.choice(Summary.allCases.map(\.rawValue)) ?? "mean")!
    average = Average(rawValue: try members["average"]?.choice(Average.allCases.map(\.rawValue)) ?? "chosen")!
  }

  private var anchorCount: Int {
    if weight == .curvature || fromQuantile != nil { return 3 }
    switch measure {
    case .speed: return 2
    case .acceleration, .curvature: return 3
    case .drift: return 1
    }
  }

  func value(_ situation: RuleSignal.Situation, _ signals: some Signals) -> Double? {
    let anchors = situation.computed
    guard anchors.count >= anchorCount else { return nil }
    if measure == .drift {
      guard let predictor = situation.predictor, anchors.count >= predictor.minimumAnchorCount else {
        return nil
      }
    }
    return measured(situation, signals)
  }

  private func measured(_ situation: RuleSignal.Situation, _ signals: some Signals) -> Double {
    let anchors = situation.computed
    var values = self.values(situation, signals)
    let curvatures =
      weight == .curvature || fromQuantile != nil ? Curvature.values(anchors: anchors, signals: signals) : []
    if weight == .curvature { values = zip(values, curvatures).map { $0 * $1 } }
    let boundary = fromQuantile.map { Quantile.linear([$0], of: curvatures)[0] }
    var (sum, largest, count) = (0.0, 0.0, 0)
    for token in values.indices {
      if let boundary, curvatures[token] < boundary { continue }
      sum += values[token]
      largest = max(largest, values[token])
      count += 1
    }
    switch summary {
    case .max: return largest
    case .mean: return average == .all ? sum / Double(values.count) : count == 0 ? 0 : sum / Double(count)
    }
  }

  private func values(_ situation: RuleSignal.Situation, _ signals: some Signals) -> [Double] {
    let anchors = situation.computed
    switch measure {
    case .speed:
      let values = anchors.prefix(2).map { Combination(valueAt: $0) }
      return signals.norms(of: (values[0] - values[1]) / Double(anchors[0] - anchors[1]))
    case .acceleration: return signals.norms(of: Velocities(anchors: anchors).acceleration)
    case .curvature: return Curvature.values(anchors: anchors, signals: signals)
    case .drift: return drift(situation, signals)
    }
  }

  private func drift(_ situation: RuleSignal.Situation, _ signals: some Signals) -> [Double] {
    let predictor = situation.predictor!
    let anchors = Array(situation.computed.prefix(predictor.anchorCount))
    let distance = situation.position - anchors[0]
    func predictions(_ distance: Int) -> [Combination] {
      let combinations = predictor.combinations(anchors: anchors, distance: max(distance, 1))
      return distance == 0 ? combinations.map { _ in Combination(valueAt: anchors[0]) } : combinations
    }
    let norms = zip(predictions(distance), predictions(distance - 1)).map { signals.norms(of: $0 - $1) }
    guard let groups = predictor.groups(anchors: anchors, signals: signals) else { return norms[0] }
    return groups.indices.enumerated().map { norms[Int($1)][$0] }
  }
}
