import Trace

/// Computes the calls of one of cache-dit's masks (steps computation masking).
///
/// The static form, in which every call that the mask leaves out is cached; `dbcache` has the dynamic one.
/// Differs: cache-dit caches the rest of the stack after its first blocks and predicts like DBCache; here
/// site and predictor are free.
struct SCMPolicy: Policy {
  static let entry = PolicyEntry(
    name: "scm", summary: "Computes the calls of one of cache-dit's masks (SCM, static).",
    source: "vipshop/cache-dit f86744a and release 1.5.3, steps_mask and steps_computation_policy=static.",
    parameters: [
      Parameter(
        "mask", .choice(StepMask.allCases.map(\.rawValue)), default: "medium",
        "how many calls are computed, made for 28 calls and stretched or cut to others")
    ] + PredictorChoice.parameters + [.site()],
    kind: .ordinary { try SCMPolicy($0) })

  let spec: PolicySpec
  let site: Site?
  private let preset: StepMask
  private var forecaster: Forecaster
  private var mask: [Bool] = []

  init(_ values: ParameterValues) throws {
    spec = values.spec
    site = values.site("site")
    preset = StepMask(rawValue: values.choice("mask"))!
    forecaster = Forecaster(try PredictorChoice.predictor(values))
  }

  var predictor: (any Predictor)? { forecaster.predictor }

  func check(_ geometry: Geometry) throws {
    if preset.mask(callCount: geometry.callCount) == nil {
      throw PolicyError(
        "\(spec) has no mask for \(geometry.callCount) calls in a chunk; there are masks for "
          + "\(StepMask.allowedCallCounts) calls")
    }
  }

  mutating func begin(_ stream: CallStream) {
    mask = preset.mask(callCount: stream.steps.count)!
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    guard forecaster.isReady else { return Decision(.compute, mask[position] ? .schedule : .history) }
    return Decision(mask[position] ? .compute : .predict, .schedule)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
