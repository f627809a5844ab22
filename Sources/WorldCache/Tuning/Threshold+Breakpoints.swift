extension Threshold {
  /// The smallest value above `current` at which one of a replay's decisions, `[stream][lane][position]`, would
  /// have been another; nil when there is none.
  ///
  /// That is where the smallest signal that made a call be computed no longer does. All decisions between
  /// follow from the same comparisons. Infinite and undefined signals never let a call be predicted and are
  /// passed over. With `isEither` a step is computed when either lane says so, so that the largest of its
  /// signals counts.
  func next(
    after current: Double, _ values: ParameterValues, _ streams: [[[Decision]]], isEither: Bool
  ) -> Double? {
    let comparison = comparison(values)
    let factors = factorKeys.isEmpty ? [1] : factorKeys.compactMap { values.number($0) }.filter { $0 > 0 }
    var nearest = breaks.filter { $0 > current }.min()
    func consider(_ signal: Double, _ factor: Double) {
      guard let value = first(above: current, predicting: signal, comparison, factor) else { return }
      nearest = min(nearest ?? value, value)
    }
    for lanes in streams {
      for position in lanes[0].indices {
        for factor in factors {
          let signals = lanes.compactMap { lane in
            refused(lane[position], comparison, current * factor)
          }
          if isEither {
            if let largest = signals.max() { consider(largest, factor) }
          } else {
            for signal in signals { consider(signal, factor) }
          }
        }
      }
    }
    return nearest
  }

  // The signal of a decision that was taken to compute because of this threshold.
  private func refused(_ decision: Decision, _ comparison: Comparison, _ bound: Double) -> Double? {
    guard decision.action == .compute, let signal = decision.signal, signal.isFinite,
      decision.threshold == bound, !comparison.predicts(signal, bound)
    else { return nil }
    return signal
  }

  // The smallest value above `current` that lets a signal predict; rounding of the product is minded.
  private func first(
    above current: Double, predicting signal: Double, _ comparison: Comparison, _ factor: Double
  ) -> Double? {
    func predicts(_ value: Double) -> Bool { comparison.predicts(signal, value * factor) }
    var value = max(signal / factor, current.nextUp)
    // A quotient is at most a unit or two away; a search that ends early is only slower.
    for _ in 0..<64 where value.isFinite && !predicts(value) { value = value.nextUp }
    for _ in 0..<64 where value.nextDown > current && predicts(value.nextDown) { value = value.nextDown }
    return value.isFinite ? value : nil
  }
}
