public import Trace

/// Computes every K-th call and holds the output between (FORA, arXiv 2407.01425).
///
/// FORA counts down: with N calls and j = N − 1 … 0 it computes when j = N − 1 or j mod K = 0, so the
/// last call is always computed (prathebaselva/FORA acde628). The Shenyi-Z repositories count up from 0.
/// Differs: FORA holds every module's output before its gate; here the model's output is held.
public struct IntervalPolicy: Policy {
  static let entry = PolicyEntry(
    name: "interval", summary: "Computes every K-th call and holds the output between (FORA).",
    source:
      "arXiv 2407.01425; prathebaselva/FORA acde628 (phase=down), Shenyi-Z/TaylorSeer 288776d (phase=up).",
    standIn: "FORA holds every module's output before its gate; here one value of the whole model is held.",
    parameters: [
      Parameter("every", .integer(1...Int.max), default: "3", "calls from one computed call to the next (K)"),
      Parameter(
        "phase", .choice(["down", "up"]), default: "down",
        "down counts from the last call, which is then computed; up counts from the first"),
      .site(),
    ],
    kind: .ordinary {
      IntervalPolicy(
        spec: $0.spec, site: $0.site("site"), every: $0.integer("every"),
        countsDown: $0.choice("phase") == "down")
    })

  public let spec: PolicySpec
  let every: Int
  let countsDown: Bool
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())

  init(spec: PolicySpec, site: Site, every: Int, countsDown: Bool) {
    self.spec = spec
    self.site = site
    self.every = every
    self.countsDown = countsDown
  }

  public let site: Site?
  public var predictor: (any Predictor)? { forecaster.predictor }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    forecaster.reset()
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let index = stream!.index(of: position)
    if index == 0 { return Decision(.compute, .warmUp) }
    let count = countsDown ? stream!.count - 1 - index : index
    return Decision(count % every == 0 ? .compute : .predict, .schedule)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
