import Trace

@testable import WorldCache

/// A policy run over calls whose signals are written down: one number per call for every quantity, as if a
/// tensor had one token and one channel.
struct ScriptedRun {
  let decisions: [Decision]
  /// What was emitted, by position.
  let predictions: [Int: Prediction]

  var picture: String { String(decisions.map { $0.action == .compute ? "C" : "p" }) }
  var computedPositions: [Int] { decisions.indices.filter { decisions[$0].action == .compute } }

  /// Runs over the calls of a stream; by default a stream with as many calls as the first trajectory.
  init(_ spec: String, _ values: [Quantity: [Double]], _ stream: CallStream? = nil) throws {
    let plan = try PolicyRegistry.plan(spec)
    guard case .ordinary(let make) = plan.entry.kind else { preconditionFailure("not an ordinary policy") }
    var policy = try make(plan.values)
    let stream = stream ?? .plain(values.values.first!.count)
    var decisions: [Decision] = []
    var predictions: [Int: Prediction] = [:]
    policy.begin(stream)
    for position in stream.positions {
      let signals = Signals(values: values, reached: position)
      decisions.append(policy.decide(at: position, signals: signals))
      switch decisions.last!.action {
      case .compute: policy.computed(at: position, signals: signals)
      case .predict: predictions[position] = policy.prediction(at: position, signals: signals)
      }
    }
    self.decisions = decisions
    self.predictions = predictions
  }

  /// Runs over so many calls without any signal.
  init(_ spec: String, calls: Int) throws { try self.init(spec, [:], .plain(calls)) }

  private struct Signals: WorldCache.Signals {
    let values: [Quantity: [Double]]
    let reached: Int

    private func value(_ change: ChangeRequest, _ position: Int) -> Double {
      precondition(position <= reached, "a policy looked ahead")
      guard let values = values[change.quantity] else {
        preconditionFailure("\(change.quantity) was not written down")
      }
      return values[position]
    }

    var tokenModalities: [Int] { [0] }
    func norms(of combination: Combination) -> [Double] { preconditionFailure("no values at the site") }
    func meanAbsolute(_ change: ChangeRequest, at position: Int) -> Double { abs(value(change, position)) }
    func magnitude(_ change: ChangeRequest, at position: Int) -> Double { abs(value(change, position)) }
    func meanAbsoluteChange(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
      abs(value(change, v) - value(change, u))
    }
    func distance(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
      meanAbsoluteChange(change, u, v)
    }
  }
}

extension CallStream {
  /// One guidance branch of two, in a rollout of so many calls.
  static func branch(_ branch: Int, of calls: Int) -> CallStream {
    CallStream(
      Synthetic(.still, seed: 1, branches: 2, calls: calls).geometry, segment: 0..<calls, branch: branch)
  }

  /// The calls of one expert within a longer chunk.
  static func expert(_ positions: Range<Int>, of calls: Int) -> CallStream {
    CallStream(Synthetic(.still, seed: 1, calls: calls).geometry, segment: positions, branch: 0)
  }
}
