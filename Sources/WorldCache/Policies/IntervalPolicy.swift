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
      "arXiv 2407.01425; prathebaselva/FORA acde628 (phase=down), Shenyi-Z/TaylorSeer 288776d (phase=up). "
      + "Holds the model's output instead of every module's.",
    parameters: [
      Parameter("every", .integer(1...Int.max), default: "3", "calls from one computed call to the next (K)"),
      Parameter(
        "phase", .choice(["down", "up"]), default: "down",
        "down counts from the last call, which is then computed; up counts from the first"),
    ],
    kind: .ordinary {
      IntervalPolicy(spec: $0.spec, every: $0.integer("every"), countsDown: $0.choice("phase") == "down")
    })

  public let spec: PolicySpec
  let every: Int
  let countsDown: Bool
  private var callCount = 0
  private var forecaster = Forecaster(HoldPredictor())

  init(spec: PolicySpec, every: Int, countsDown: Bool) {
    self.spec = spec
    self.every = every
    self.countsDown = countsDown
  }

  public var site: Site { .output }
  public var minimumCallCount: Int { 1 }
  public var predictor: (any Predictor)? { forecaster.predictor }

  public mutating func begin(callCount: Int) {
    self.callCount = callCount
    forecaster.reset()
  }

  public mutating func decide(at position: Int) -> Decision {
    if position == 0 { return Decision(.compute, .warmUp) }
    let count = countsDown ? callCount - 1 - position : position
    return Decision(count % every == 0 ? .compute : .predict, .schedule)
  }

  public mutating func prediction(at position: Int) -> Prediction { forecaster.prediction(at: position) }

  public mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
