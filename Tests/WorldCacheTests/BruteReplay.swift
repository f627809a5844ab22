import Trace

@testable import WorldCache

/// Any policy replayed on the features themselves in double precision: signals and errors from vectors, written
/// down from docs/metrics.md.
///
/// It is led along the actions of another replay, so that decisions can be compared one by one; `decisions` are
/// its own.
struct BruteReplay {
  /// `[lane][position]`.
  private(set) var decisions: [[Decision]]
  /// What it would have emitted token group by token group, `[lane][position]`; nil at computed calls.
  private(set) var predictions: [[Prediction?]]
  /// `[branch][position]`.
  private(set) var callErrors: [[Double]]
  private(set) var worstTokenErrors: [Double]
  private(set) var tokenSquaredErrors: [Double]
  private(set) var directSquaredError = 0.0
  private(set) var streakSquaredError = 0.0

  private struct Party {
    var policy: any Policy
    let signals: BruteSignals
    let covered: Range<Int>
    var streak: [Double]
  }

  /// `clocks` is asked for the calls' clocks only; `actions` are `[lane][position]`.
  init(
    _ policy: any Policy, _ values: BruteValues, clocks: Geometry, following actions: [[Decision.Action]]
  ) {
    let (branchCount, callCount) = (values.branchCount, values.callCount)
    let tokenCount = values.tokens.count
    let zero = [Double](repeating: 0, count: tokenCount * values.channelCount)
    func party(_ seen: Range<Int>, _ covered: Range<Int>) -> Party {
      Party(
        policy: policy, signals: BruteSignals(values: values, branches: seen), covered: covered, streak: zero)
    }
    var parties =
      switch policy.coupling {
      case .pooled: [party(0..<branchCount, 0..<branchCount)]
      case .lead: [party(0..<1, 0..<branchCount)]
      case .separate, .either: (0..<branchCount).map { party($0..<($0 + 1), $0..<($0 + 1)) }
      }
    decisions = Array(repeating: [], count: parties.count)
    predictions = Array(repeating: Array(repeating: nil, count: callCount), count: parties.count)
    callErrors = Array(repeating: Array(repeating: 0, count: callCount), count: branchCount)
    worstTokenErrors = Array(repeating: 0, count: callCount)
    tokenSquaredErrors = Array(repeating: 0, count: tokenCount)
    for place in parties.indices {
      let stream = CallStream(
        clocks, segment: 0..<callCount, branch: parties[place].signals.branches.lowerBound)
      parties[place].policy.begin(stream)
    }

    var direct = zero
    for position in 0..<callCount {
      var step = parties.indices.map {
        parties[$0].policy.decide(at: position, signals: parties[$0].signals)
      }
      if policy.coupling == .either, step.contains(where: { $0.action == .compute }) {
        for place in step.indices where step[place].action == .predict {
          step[place].action = .compute
          step[place].reason = .branch
        }
      }
      var growth = 1.0
      for place in parties.indices {
        decisions[place].append(step[place])
        guard actions[place][position] == .predict else { continue }
        growth += parties[place].covered.reduce(0) { $0 + values.weights[$1][position] }
      }
      if values.site == .gain {
        // A predicted call emits the latent's own error once more.
        direct = direct.map { $0 * growth }
        streakSquaredError *= growth * growth
        for place in parties.indices { parties[place].streak = parties[place].streak.map { $0 * growth } }
      }
      for place in parties.indices {
        if actions[place][position] == .compute {
          parties[place].policy.computed(at: position, signals: parties[place].signals)
          close(&parties[place].streak, &direct, zero)
        } else {
          let prediction = parties[place].policy.prediction(at: position, signals: parties[place].signals)
          predictions[place][position] = prediction
          add(prediction, values, position, parties[place].covered, &parties[place].streak)
        }
      }
    }
    for place in parties.indices { close(&parties[place].streak, &direct, zero) }
    directSquaredError = direct.reduce(0) { $0 + $1 * $1 }
  }

  private mutating func close(_ streak: inout [Double], _ direct: inout [Double], _ zero: [Double]) {
    streakSquaredError += streak.reduce(0) { $0 + $1 * $1 }
    for index in direct.indices { direct[index] += streak[index] }
    streak = zero
  }

  private mutating func add(
    _ prediction: Prediction, _ values: BruteValues, _ position: Int, _ covered: Range<Int>,
    _ streak: inout [Double]
  ) {
    let tokenCount = values.tokens.count
    let channels = values.channelCount
    for branch in covered {
      let recorded = values.recorded(position, branch: branch)
      let vectors = prediction.combinations.map { values.vector($0, branch: branch) }
      // Groups of one branch serve every branch.
      let first =
        prediction.groups.map { $0.indices.count == tokenCount } ?? true
        ? 0 : (branch - covered.lowerBound) * tokenCount
      var error = recorded
      for token in 0..<tokenCount {
        let vector = vectors[prediction.groups.map { Int($0.indices[first + token]) } ?? 0]
        for index in (token * channels)..<((token + 1) * channels) {
          error[index] = vector[index] - recorded[index]
          streak[index] += values.weights[branch][position] * error[index]
        }
      }
      let squares = values.squares(error)
      let scale = values.meanSquare(position, branch: branch)
      func relative(_ square: Double) -> Double { square == 0 ? 0 : square / scale }
      callErrors[branch][position] = relative(squares.reduce(0, +) / Double(tokenCount)).squareRoot()
      worstTokenErrors[position] = max(
        worstTokenErrors[position], relative(squares.max()!).squareRoot())
      for token in 0..<tokenCount { tokenSquaredErrors[token] += relative(squares[token]) }
    }
  }
}
