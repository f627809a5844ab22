import Trace

/// Reuses all blocks' outputs for a while when their mean change is small (BWCache, arXiv 2509.13789).
///
/// After a computed call, `A` is the relative change of each block's output, averaged over the blocks, since the call
/// before, whose outputs are the cached ones where it was predicted; if `A < threshold`, the next R calls are predicted, then one is computed and tested again. From the first time on, with k
/// calls left, predictions are confined to the first half of them. All blocks being replaced, the value after the last is held.
struct BWCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "bwcache", summary: "Reuses all blocks' outputs while their mean change is small (BWCache).",
    source:
      "arXiv 2509.13789, from the paper's text: no code was found, so that boundaries (R and the half rounded "
      + "down) are not verified.",
    standIn: "Written from the paper; no code was found to verify its boundaries.",
    parameters: [
      Parameter(
        "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.15",
        "mean relative change below which calls are predicted"),
      Parameter(
        "reuse", .real(0...1), default: "0.1", "calls predicted in a row (R), as a share of all; at least 1"),
    ],
    thresholds: [Threshold("threshold", .predictBelow)],
    kind: .ordinary { BWCachePolicy($0) })

  let spec: PolicySpec
  private let threshold: Double
  private let reuse: Double
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())
  private var change: Double?
  /// The last index that may be predicted, known once calls have been.
  private var limit: Int?

  init(_ values: ParameterValues) {
    spec = values.spec
    threshold = values.real("threshold")
    reuse = values.real("reuse")
  }

  var site: Site? { .hidden }
  var predictor: (any Predictor)? { forecaster.predictor }
  func changes(blockCount: Int) -> [ChangeRequest] {
    (1...blockCount).map { ChangeRequest(Quantity(.block($0)), .all) }
  }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    change = nil
    limit = nil
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    guard let anchor = forecaster.anchors.first, let change else { return Decision(.compute, .history) }
    guard change < threshold else {
      return Decision(.compute, .threshold, signal: change, threshold: threshold)
    }
    let length = max(1, Int(reuse * Double(stream!.count)))
    if let limit, stream!.index(of: position) > limit {
      return Decision(.compute, .budget, signal: change, threshold: threshold)
    }
    return Decision(
      position - anchor <= length ? .predict : .compute, .threshold, signal: change, threshold: threshold)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    if let before = forecaster.anchors.first {
      let requests = changes(blockCount: stream!.blockCount)
      let sum = requests.reduce(0) { $0 + signals.relativeChange($1, at: position, from: before) }
      let change = sum / Double(requests.count)
      self.change = change
      if limit == nil, change < threshold {
        let index = stream!.index(of: position)
        limit = index + (stream!.count - 1 - index) / 2
      }
    }
    forecaster.computed(at: position, signals: signals)
  }
}
