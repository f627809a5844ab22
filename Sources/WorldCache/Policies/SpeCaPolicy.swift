import Foundation
import Trace

/// Predicts with TaylorSeer's draft and checks it, computing after a check that failed (SpeCa, arXiv 2509.11628).
///
/// After a computed call the next is predicted unchecked, with a count of 1. Later calls: computed among the
/// first `first-enhance`, where the count has reached `longest`, or where it has reached `shortest` and the newest
/// check was above `tau = max(base · decay^(s/N), floor)`; otherwise predicted, and checked where the count
/// has reached `shortest`. A call that fails its own check stays predicted; the next one is computed.
///
/// The published check evaluates the last block on the predicted input and compares element by element. A trace
/// has the last block's recorded output: the check here is the relative L2 error of the prediction, which the
/// method sees only in part, so that this policy computes sooner. It knows what no live run knows for nothing,
/// and its thresholds are not the published ones (FLUX 7, HunyuanVideo 1, DiT 0.1), which are of means of element-wise
/// ratios. Schedule and draft follow Shenyi-Z/Cache4Diffusion 91a1949.
struct SpeCaPolicy: Policy {
  static let entry = PolicyEntry(
    name: "speca",
    summary: "Checks its own predictions and computes after one that failed (SpeCa).",
    source:
      "arXiv 2509.11628; Shenyi-Z/Cache4Diffusion 91a1949 (FLUX: longest 8, order 2, decay 0.3; DiT: longest 5, "
      + "order 4, decay 0.01; HunyuanVideo: shortest 4, longest 12, first-enhance 1, order 1, decay 0.1).",
    standIn:
      "SpeCa checks by evaluating the last block on its predicted input; here the prediction is compared "
      + "with the recorded output, which costs nothing and overstates what the block would show.",
    parameters: [
      Parameter(
        "base", .real(0...Double.greatestFiniteMagnitude), default: "0.1",
        "relative error allowed at the start"),
      Parameter("decay", .real(0...1), default: "0.3", "what is left of it at the end"),
      Parameter(
        "floor", .real(0...Double.greatestFiniteMagnitude), default: "0.01", "relative error always allowed"),
      Parameter(
        "shortest", .integer(1...1_000_000), default: "2", "predicted calls before the first that is checked"),
      Parameter("longest", .integer(1...1_000_000), default: "8", "longest streak of predicted calls"),
      Parameter(
        "first-enhance", .integer(1...1_000_000), default: "3",
        "calls after which streaks may be longer than one"),
      Parameter("order", .integer(0...4), default: "2", "highest order of the differences"),
      .site("hidden"),
    ],
    kind: .oracle(
      predictor: { TaylorPredictor(order: $0.integer("order"), firstEnhance: $0.integer("first-enhance")) },
      site: { $0.site("site") }, make: { values, geometry, _ in SpeCaPolicy(values, geometry) }))

  let spec: PolicySpec
  let site: Site?
  private let tolerance: (base: Double, decay: Double, floor: Double)
  private let shortest: Int
  private let longest: Int
  private let firstEnhance: Int
  private let truth: GeometrySignals
  private var forecaster: Forecaster
  private var stream: CallStream?
  /// Predicted calls since the newest computed one.
  private var count = 0
  /// What the newest check found since then.
  private var error: Double?

  init(_ values: ParameterValues, _ geometry: Geometry) {
    spec = values.spec
    site = values.site("site")
    tolerance = (values.real("base"), values.real("decay"), values.real("floor"))
    shortest = values.integer("shortest")
    longest = values.integer("longest")
    firstEnhance = values.integer("first-enhance")
    forecaster = Forecaster(TaylorPredictor(order: values.integer("order"), firstEnhance: firstEnhance))
    truth = .open(geometry)
  }

  var predictor: (any Predictor)? { forecaster.predictor }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    (count, error) = (0, nil)
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let index = stream!.index(of: position)
    guard let newest = forecaster.anchors.first else { return Decision(.compute, .warmUp) }
    if newest == position - 1 { return Decision(.predict, .schedule) }
    if index < firstEnhance { return Decision(.compute, .warmUp) }
    if count >= longest { return Decision(.compute, .cap) }
    guard count >= shortest, let error else { return Decision(.predict, .schedule) }
    let share = Double(index) / Double(stream!.count)
    let threshold = max(tolerance.base * pow(tolerance.decay, share), tolerance.floor)
    return Decision(error > threshold ? .compute : .predict, .check, signal: error, threshold: threshold)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    let prediction = forecaster.prediction(at: position)
    if count >= shortest {
      let wrong = prediction.combinations[0] - Combination(valueAt: position)
      let square = truth.norms(of: wrong).reduce(0) { $0 + $1 * $1 }
      let geometry = truth.geometry
      let scale = (0..<geometry.branchCount).reduce(0) {
        $0 + geometry.meanSquare(position, branch: $1) * Double(geometry.tokenCount)
      }
      error = Relative.error(square, scale)
    }
    count += 1
    return prediction
  }

  mutating func computed(at position: Int, signals: some Signals) {
    (count, error) = (0, nil)
    forecaster.computed(at: position, signals: signals)
  }
}
