import Testing
import Trace

@testable import WorldCache

/// Compares two numbers within a relative and an absolute slack; the larger slack counts.
func expectClose(
  _ value: Double, _ expected: Double, relative: Double, absolute: Double = 0,
  _ comment: @autoclosure () -> Comment = "", location: SourceLocation = #_sourceLocation
) {
  let slack = max(absolute, relative * max(abs(value), abs(expected)))
  // Equal infinities are close; NaN is close to nothing.
  guard value == expected || abs(value - expected) <= slack else {
    Issue.record("\(value) is not \(expected); \(comment().rawValue)", sourceLocation: location)
    return
  }
}

/// Compares a combination's weights with hand-worked ones, by position.
///
/// Slack 1e-12: each weight is a handful of additions and divisions of numbers of order one.
func expectWeights(
  _ combination: Combination, _ expected: [Int: Double], location: SourceLocation = #_sourceLocation
) {
  let positions = combination.terms.map(\.position)
  #expect(positions == expected.keys.sorted(), "positions of the terms", sourceLocation: location)
  for term in combination.terms {
    expectClose(
      term.weight, expected[term.position] ?? .nan, relative: 1e-12, absolute: 1e-12,
      "weight of call \(term.position)", location: location)
  }
}

/// Expects a ``PolicyError`` with exactly this text.
func expectPolicyError(
  _ message: String, location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("nothing was thrown; expected: \(message)", sourceLocation: location)
  } catch {
    #expect(error as? PolicyError == PolicyError(message), sourceLocation: location)
  }
}

extension StreamReplay {
  /// Replays a specification as written.
  init(_ spec: String, _ synthetic: Synthetic) throws {
    let plan = try PolicyRegistry.plan(spec)
    self.init(try synthetic.policy(for: plan), over: try synthetic.geometry(for: plan))
  }

  /// The only lane of a replay whose decisions cover all branches, or that has one branch.
  var decisions: [Decision] {
    precondition(lanes.count == 1, "the branches decided for themselves")
    return lanes[0]
  }
  var computedPositions: [Int] { decisions.indices.filter { decisions[$0].action == .compute } }
  var picture: String { picture(lane: 0) }
}

/// Answers signals from raw features, as a live cache would: no distances involved.
///
/// Changes of other quantities are not among them.
struct FeatureSignals: Signals {
  let features: [[[[Float]]]]
  var tokenModalities: [Int] { features[0][0].map { _ in 0 } }

  func meanAbsolute(_ change: ChangeRequest, at position: Int) -> Double { .nan }
  func meanAbsoluteChange(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double { .nan }
  func distance(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double { .nan }
  func magnitude(_ change: ChangeRequest, at position: Int) -> Double { .nan }

  func norms(of combination: Combination) -> [Double] {
    features.flatMap { calls in
      calls[0].indices.map { token in
        var square = 0.0
        for channel in calls[0][token].indices {
          let value = combination.terms.reduce(0.0) { sum, term in
            sum + term.weight * Double(calls[term.position][token][channel])
          }
          square += value * value
        }
        return square.squareRoot()
      }
    }
  }
}

extension CallStream {
  /// The only stream of a rollout of so many calls.
  static func plain(_ calls: Int) -> CallStream {
    CallStream(Synthetic(.still, seed: 1, calls: calls).geometry, segment: 0..<calls, branch: 0)
  }
}
