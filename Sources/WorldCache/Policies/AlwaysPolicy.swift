public import Trace

/// Computes every call: the uncached rollout, the lower bound of error and the upper bound of cost.
public struct AlwaysPolicy: Policy {
  static let entry = PolicyEntry(
    name: "always", summary: "Computes every call (the uncached rollout).",
    source: "The definition of an uncached run.", parameters: [],
    kind: .ordinary { AlwaysPolicy(spec: $0.spec) })

  public let spec: PolicySpec

  public var site: Site? { nil }
  public var predictor: (any Predictor)? { nil }
  public var cachedTensorCount: Int { 0 }

  public mutating func begin(_ stream: CallStream) {}
  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    Decision(.compute, .always)
  }
  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    Prediction(Combination(valueAt: position))
  }
  public mutating func computed(at position: Int, signals: some Signals) {}
}
