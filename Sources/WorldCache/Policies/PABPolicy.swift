import Trace

/// Computes every K-th call within a range of timesteps, and all calls outside it (Pyramid Attention Broadcast,
/// arXiv 2408.12588).
///
/// A call counts from 0 in all calls; it is predicted where `above < t < below` and its count is no multiple of
/// K. Each type of attention has a range and a K of its own: VideoSys has for Open-Sora 450 to 930 with
/// K = 2 (spatial), 4 (temporal) and 6 (cross), for Latte 100 to 800 with 2, 3 and 6, for Open-Sora-Plan 100 to 850
/// with 2, 4 and 6, for CogVideoX 100 to 850 with 2; diffusers' ranges default to 100 to 800.
///
/// The method holds attention outputs and computes everything else on top of them. A trace has no attention
/// outputs, so that this is the timetable of one type of attention with one value of the whole model in their place.
struct PABPolicy: Policy {
  static let entry = PolicyEntry(
    name: "pab",
    summary: "Computes every K-th call within a range of timesteps (Pyramid Attention Broadcast).",
    source:
      "arXiv 2408.12588; NUS-HPC-AI-Lab/VideoSys; diffusers 0.42.1 hooks/pyramid_attention_broadcast.py.",
    standIn: "Attention outputs are reused and the rest of the network is computed on top of them, which no "
      + "recorded value shows; here one value of the whole model is held at the same calls, so that errors are "
      + "larger and predicted times shorter than the method's.",
    parameters: [
      Parameter("every", .integer(1...Int.max), default: "2", "calls from one computed call to the next (K)"),
      Parameter("above", .real(-1...1_000_000), default: "100", "timestep above which calls are predicted"),
      Parameter("below", .real(-1...1_000_000), default: "800", "timestep below which calls are predicted"),
      .site("stack"),
    ],
    kind: .ordinary { PABPolicy($0) })

  let spec: PolicySpec
  let site: Site?
  private let every: Int
  private let above: Double
  private let below: Double
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())

  init(_ values: ParameterValues) {
    spec = values.spec
    site = values.site("site")
    every = values.integer("every")
    above = values.real("above")
    below = values.real("below")
  }

  var predictor: (any Predictor)? { forecaster.predictor }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let stream = stream!
    let index = stream.index(of: position)
    if index == 0 { return Decision(.compute, .warmUp) }
    let time = stream.timesteps[position]
    let isReused = above < time && time < below && index % every != 0
    return Decision(isReused ? .predict : .compute, .schedule)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
