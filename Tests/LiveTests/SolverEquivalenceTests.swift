import ModelSupport
import Testing
import Trace

@testable import WorldCache
@testable import WorldModel

/// What geometry says of caching an Euler solver's outputs: extrapolation is a multistep solver.
@Suite struct SolverEquivalenceTests {
  /// Predicts a straight line over the noise level through the last two computed calls, taken at the middle of
  /// each step, where Euler's small steps add up to the integral of a straight line exactly.
  private struct Line: Policy {
    let spec = PolicySpec(name: "line")
    let calls: Set<Int>
    var site: Site? { .output }
    var predictor: (any Predictor)? { nil }
    var cachedTensorCount: Int { 2 }
    private var stream: CallStream?
    private var anchors: [Int] = []

    init(calls: Set<Int>) { self.calls = calls }

    mutating func begin(_ stream: CallStream) {
      self.stream = stream
      anchors = []
    }
    mutating func decide(at position: Int, signals: some Signals) -> Decision {
      Decision(calls.contains(position) ? .compute : .predict, .schedule)
    }
    mutating func prediction(at position: Int, signals: some Signals) -> WorldCache.Prediction {
      line(at: (stream!.sigmas[position] + stream!.nextSigmas[position]) / 2)
    }
    mutating func computed(at position: Int, signals: some Signals) {
      anchors = [position] + anchors.prefix(1)
    }
    private func line(at sigma: Double) -> WorldCache.Prediction {
      let newest = Combination(valueAt: anchors[0])
      guard anchors.count == 2 else { return WorldCache.Prediction(newest) }
      let (a, b) = (stream!.sigmas[anchors[0]], stream!.sigmas[anchors[1]])
      return WorldCache.Prediction(
        newest + (newest - Combination(valueAt: anchors[1])) * ((sigma - a) / (a - b)))
    }
  }

  // AB2 on the nodes σ_0, σ_2, σ_4, σ_6, and, over the velocities that it found there, Euler's small steps with
  // the line through the last two nodes.
  @Test("first-order prediction in sigma is the second-order multistep rule on the computed calls")
  func lineIsMultistep() throws {
    let rollout = try LiveRollout.rollout(steps: 8)
    let nodes = [0, 2, 4, 6]
    let fewer = Rollout(
      rollout, schedule: Schedule(sigmas: nodes.map { rollout.schedule.sigmas[$0] } + [0]), solver: .ab2)
    let multistep = try fewer.run()[0].latent
    // By hand over the recorded velocities of the multistep run: x += Σ over small steps of dσ · line(middle).
    var keeper = Keeper()
    _ = try fewer.run(hook: &keeper)
    let velocities = keeper.shown.filter { $0.tap == .guided }.map {
      rollout.weights.config.targetTokens($0.tensors[0])
    }
    let start = rollout.weights.config.targetTokens(keeper.shown[0].tensors[0])
    var sum = start.values.map(Double.init)
    let line = Line(calls: Set(nodes))
    var policy = line
    let geometry = Geometry(
      outlineAt: .output, split: nil, chunk: 0, blockCount: 6, calls: [rollout.calls],
      layout: rollout.weights.config.outputLayout)
    policy.begin(CallStream(geometry, segment: 0..<8, branch: 0))
    let store = try TensorStore(geometry, rollout.weights.config.outputLayout, quantities: [:])
    let signals = TensorSignals(store: store, branches: 0..<1)
    for position in 0..<8 {
      if nodes.contains(position) { policy.computed(at: position, signals: signals) }
      let width =
        (position == 7 ? 0 : rollout.schedule.sigmas[position + 1]) - rollout.schedule.sigmas[position]
      for term in policy.prediction(at: position, signals: signals).combinations[0].terms {
        let velocity = velocities[nodes.firstIndex(of: term.position)!]
        for i in sum.indices { sum[i] += width * term.weight * Double(velocity.values[i]) }
      }
    }
    let size = multistep.values.reduce(0) { max($0, abs($1)) }
    for (a, b) in zip(multistep.values, sum) {
      // Four steps in single precision against sums in double.
      #expect(abs(Double(a) - b) <= 1e-5 * Double(size))
    }
  }

  // v = 2 σ + 1 gives x(0) = x(1) − ∫ v = x(1) − 2: exact for AB2 after a first step that is too.
  @Test("weights of the multistep rule by hand")
  func weights() {
    let schedule = Schedule(sigmas: [1, 0.5, 0])
    // h = −1/2 twice, r = 1: x = x + h v0 + h (3/2 v1 − 1/2 v0) = x − 1/4 v0 − 3/4 v1.
    #expect(Solver.ab2.weights(schedule) == [-0.25, -0.75])
    // h = −1/4, −3/4, r = 3: −1/4 + 3/8 = 1/8 and −3/4 − 9/8 = −15/8 … their sum is −1 after all.
    let uneven = Solver.ab2.weights(Schedule(sigmas: [1, 0.75, 0]))
    #expect(uneven == [-0.25 + 0.75 * 1.5, -0.75 * 2.5])
    #expect(Solver.euler.weights(schedule) == [-0.5, -0.5])
  }
}
