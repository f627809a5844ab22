/// What a replay emitted, decision by decision, from which its finer figures are made.
struct Trail {
  /// The branches that each lane's decisions cover.
  let covered: [Range<Int>]
  /// What was emitted, `[lane][position]`; nil where the call was computed.
  private(set) var predictions: [[Prediction?]]
  /// What the policy would have emitted where it judged that a call be computed, `[lane][position]`; nil
  /// elsewhere (``Lane/attempt(at:_:)``).
  private(set) var attempts: [[Prediction?]]

  init(covered: [Range<Int>]) {
    self.covered = covered
    predictions = Array(repeating: [], count: covered.count)
    attempts = predictions
  }

  /// Takes note of a lane's next position.
  mutating func append(_ prediction: Prediction?, attempt: Prediction?, lane: Int) {
    predictions[lane].append(prediction)
    attempts[lane].append(attempt)
  }
}
