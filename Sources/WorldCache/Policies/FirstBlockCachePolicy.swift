import Trace

/// Runs the first block, and the rest only when the block's residual has changed since the last computed
/// call (First Block Cache).
///
/// `d = mean |Q_s − Q_a| / mean |Q_a|` with Q the residual of the first block, image tokens only, and a the last
/// computed call; nothing adds up, and no call but those without a cache is forced. ParaAttention predicts
/// at d < threshold, diffusers computes at d > threshold; so they part at equality and where d is not a
/// number. What is held is the residual of the other blocks.
///
/// Differs: sub-sampling of the channels of Q is not offered; in double precision.
struct FirstBlockCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "first-block",
    summary: "Computes when the first block's residual has changed (First Block Cache).",
    source: "chengzeyi/ParaAttention 4de137c (variant=para, branches=separate is its alter cache); diffusers "
      + "hooks/first_block_cache.py (variant=diffusers, whose default threshold is 0.05).",
    parameters: [
      Parameter("variant", .choice(["para", "diffusers"]), default: "para", "who decides at equality"),
      Parameter(
        "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.08",
        by: .init(key: "variant", values: ["diffusers": "0.05"]),
        "relative change at which a call is computed"),
      Parameter("warmup", .integer(0...1_000_000), default: "0", "steps computed at the start"),
      Parameter(
        "branches", .choice(["pooled", "separate"]), default: "pooled",
        "one decision for all guidance branches, or one for each"),
      Parameter(
        "order", .integer(0...4), default: "0",
        "highest order of the differences by which the residual is extrapolated (ParaAttention's TaylorSeer has 2); 0 holds"
      ),
    ],
    thresholds: [
      Threshold("threshold") { $0.choice("variant") == "para" ? .predictBelow : .computeAbove }
    ],
    kind: .ordinary { FirstBlockCachePolicy($0) })

  private static let residual = ChangeRequest(Quantity(.block(1), minus: .hidden(0)), .all)

  let spec: PolicySpec
  let coupling: Coupling
  private let isPara: Bool
  private let threshold: Double
  private let warmUp: Int
  private var stream: CallStream?
  private var forecaster: Forecaster

  init(_ values: ParameterValues) {
    spec = values.spec
    coupling = Coupling(rawValue: values.choice("branches"))!
    isPara = values.choice("variant") == "para"
    threshold = values.real("threshold")
    warmUp = values.integer("warmup")
    let order = values.integer("order")
    // Its differences begin with the third step, as `current_step > 1` says.
    forecaster = Forecaster(
      order == 0 ? HoldPredictor() : TaylorPredictor(order: order, firstEnhance: 3))
  }

  var site: Site? { .rest(after: 1, tail: 0) }
  var station: Tap { .block(1) }
  var predictor: (any Predictor)? { forecaster.predictor }
  var cachedTensorCount: Int { forecaster.predictor.anchorCount + 1 }
  func changes(blockCount: Int) -> [ChangeRequest] { [FirstBlockCachePolicy.residual] }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    guard let anchor = forecaster.anchors.first, stream!.index(of: position) >= warmUp else {
      return Decision(.compute, .warmUp)
    }
    let change = signals.relativeChange(FirstBlockCachePolicy.residual, at: position, from: anchor)
    let isPredicted = isPara ? change < threshold : !(change > threshold)
    return Decision(
      isPredicted ? .predict : .compute, .threshold, signal: change, threshold: threshold)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
