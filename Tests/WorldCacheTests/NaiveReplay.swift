/// A replay written down from the definitions, on raw features in double precision.
///
/// Nothing is taken from the sources: decisions from the authors' rules, errors from difference vectors.
struct NaiveReplay {
  enum Rule: Sendable {
    case interval(every: Int, countsDown: Bool)
    case counter(interval: Int, firstEnhance: Int)
    case drift(eta: Double, warmUp: Int, overChaotic: Bool)
    case schedule([Int])
  }

  /// C or p, and the reason as printed, call by call.
  private(set) var picture = ""
  private(set) var reasons: [String] = []
  private(set) var signals: [Double?] = []
  /// False when the predictor was asked for what it does not define; the errors then mean nothing.
  private(set) var isDefined = true
  /// `[branch][position]`.
  private(set) var callErrors: [[Double]]
  private(set) var worstTokenErrors: [Double]
  private(set) var tokenSquaredErrors: [Double]
  private(set) var directSquaredError = 0.0
  private(set) var streakSquaredError = 0.0
  /// ‖Σ w e‖² of every streak.
  private(set) var streakSquares: [Double] = []
  /// ‖e‖² of every call over all tokens, `[branch][position]`.
  private(set) var callSquares: [[Double]]
  private(set) var growth: [(squares: Double, count: Int)] = []

  /// Sum over predicted calls of the squared relative error.
  var additiveSquaredError: Double { callErrors.joined().reduce(0) { $0 + $1 * $1 } }

  init(_ synthetic: Synthetic, _ predictor: NaivePredictor, _ rule: Rule) {
    let features = NaiveReplay.pooled(synthetic)
    let branchCount = synthetic.features.count
    let tokenCount = synthetic.features[0][0].count
    let count = features.count
    callErrors = Array(repeating: Array(repeating: 0, count: count), count: branchCount)
    callSquares = callErrors
    worstTokenErrors = Array(repeating: 0, count: count)
    tokenSquaredErrors = Array(repeating: 0, count: tokenCount)

    let zero = Array(repeating: Array(repeating: 0.0, count: features[0][0].count), count: tokenCount)
    var (streak, direct) = (zero, zero)
    var computed: [Int] = []
    var (drift, counter) = (0.0, 0)
    for position in 0..<count {
      let reason: String
      var computes = true
      var signal: Double?
      switch rule {
      case .interval(let every, let countsDown):
        reason = position == 0 ? "warm-up" : "schedule"
        computes = position == 0 || (countsDown ? count - 1 - position : position) % every == 0
      case .counter(let interval, let firstEnhance):
        reason = position < firstEnhance ? "warm-up" : "schedule"
        computes = position < firstEnhance || counter == interval - 1
        counter = computes ? 0 : counter + 1
      case .schedule(let positions):
        reason = "schedule"
        computes = positions.contains(position)
      case .drift(let eta, let warmUp, _):
        guard case .grouped(_, _, let nMax) = predictor else { preconditionFailure("drift needs groups") }
        if position < warmUp {
          reason = "warm-up"
        } else if position == count - 1 {
          reason = "last-call"
        } else if computed.count < 3 {
          reason = "history"
        } else {
          signal = drift
          let isCapped = position - computed.last! > nMax
          reason = drift < eta && isCapped ? "cap" : "threshold"
          computes = drift >= eta || isCapped
        }
      }
      picture += computes ? "C" : "p"
      reasons.append(reason)
      signals.append(signal)

      if computes {
        computed.append(position)
        drift = 0
        close(&streak, &direct, zero)
        continue
      }
      guard let predicted = predictor.values(features, computed: computed, at: position) else {
        isDefined = false
        return
      }
      let distance = position - computed.last!
      addErrors(predicted, features[position], position, distance, synthetic.weights, &streak)
      if case .drift(_, _, let overChaotic) = rule,
        case .grouped(_, let pChaotic, let nMax) = predictor
      {
        drift += NaiveMotion(features, computed)
          .drift(distance, nMax: nMax, pChaotic: pChaotic, overChaotic: overChaotic)
      }
    }
    close(&streak, &direct, zero)
    directSquaredError = direct.joined().reduce(0) { $0 + $1 * $1 }
  }

  // Counts the errors of one predicted call and adds its weighted vectors to the streak.
  private mutating func addErrors(
    _ predicted: NaiveValues, _ recorded: NaiveValues, _ position: Int, _ distance: Int,
    _ weights: [[Double]], _ streak: inout NaiveValues
  ) {
    let tokenCount = tokenSquaredErrors.count
    for branch in weights.indices {
      let tokens = (branch * tokenCount)..<((branch + 1) * tokenCount)
      let scale = recorded[tokens].joined().reduce(0) { $0 + $1 * $1 } / Double(tokenCount)
      var sum = 0.0
      for (token, pooled) in tokens.enumerated() {
        let error = zip(predicted[pooled], recorded[pooled]).map { $0 - $1 }
        let square = error.reduce(0) { $0 + $1 * $1 }
        sum += square
        tokenSquaredErrors[token] += square / scale
        worstTokenErrors[position] = max(worstTokenErrors[position], (square / scale).squareRoot())
        for channel in error.indices { streak[token][channel] += weights[branch][position] * error[channel] }
      }
      let relative = sum / Double(tokenCount) / scale
      callErrors[branch][position] = relative.squareRoot()
      callSquares[branch][position] = sum
      if growth.count < distance { growth.append((0, 0)) }
      growth[distance - 1].squares += relative
      growth[distance - 1].count += 1
    }
  }

  private mutating func close(
    _ streak: inout NaiveValues, _ direct: inout NaiveValues, _ zero: NaiveValues
  ) {
    streakSquares.append(streak.joined().reduce(0) { $0 + $1 * $1 })
    streakSquaredError += streakSquares.last!
    direct = NaivePredictor.mix(direct, 1, streak, 1)
    streak = zero
  }

  // `[position][pooled token][channel]` in double precision.
  private static func pooled(_ synthetic: Synthetic) -> [NaiveValues] {
    synthetic.features[0].indices.map { position in
      synthetic.features.flatMap { branch in branch[position].map { $0.map(Double.init) } }
    }
  }
}
