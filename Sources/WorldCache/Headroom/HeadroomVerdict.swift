import Trace

/// What a headroom report comes to, in plain words.
public struct HeadroomVerdict: Hashable, Sendable {
  public enum Outcome: String, Hashable, Sendable {
    /// Even the best schedules save next to nothing.
    case nothingToSkip = "nothing to skip"
    /// Two uncached runs differ by more than the budget.
    case withinNoise = "within noise"
    /// Fewer steps save as much.
    case takeFewerSteps = "take fewer steps"
    /// Caching can save more than fewer steps do.
    case cachingCanPay = "caching can pay"
  }

  public var outcome: Outcome
  /// The first says the outcome; the others what to bear in mind.
  public var sentences: [String]

  /// Below this speed-up in calls there is nothing to skip.
  static let leastSpeedup = 1.2
  /// An ideal has to need less than this part of the calls that fewer steps need.
  static let leastGain = 0.9
  /// From this share of the step change on, noise is worth a sentence.
  static let noticeableNoise = 0.1

  public init(_ headroom: Headroom) {
    let budget = headroom.budgets[(headroom.budgets.count - 1) / 2]
    let ideal = headroom.best(at: budget) { $0.isIdeal }
    let fewer = headroom.best(at: budget) { !$0.isIdeal }
    func percent(_ value: Double) -> String { HeadroomVerdict.percent(value) }
    func times(_ need: Headroom.Need?) -> String? {
      need?.meanCount.map { Table.decimal(headroom.callCount / $0, 1) }
    }
    let speedup = ideal?.meanCount.map { headroom.callCount / $0 } ?? 1
    let fewerSpeedup = fewer?.meanCount.map { headroom.callCount / $0 } ?? 1
    let run = headroom.noise.finalDifferences.max()
    if let run, run >= budget {
      outcome = .withinNoise
      sentences = [
        "Two uncached runs of the same rollout already differ by \(percent(run)) in the final latent: an error of "
          + "\(percent(budget)) cannot be told from that. Choose a larger budget."
      ]
    } else if speedup < HeadroomVerdict.leastSpeedup {
      outcome = .nothingToSkip
      sentences = [
        "Nothing to skip: even the best schedule, chosen with the recording at hand, saves less than a factor of "
          + "\(Table.decimal(HeadroomVerdict.leastSpeedup, 1)) in calls at \(percent(budget)) error."
      ]
    } else if ideal!.meanCount! > HeadroomVerdict.leastGain * (fewer?.meanCount ?? .infinity) {
      outcome = .takeFewerSteps
      sentences = [
        "Take fewer steps: at \(percent(budget)) error \(fewer!.way) saves a factor of \(times(fewer)!) in calls, and the "
          + "best cached schedule no more than \(times(ideal)!)."
      ]
    } else {
      outcome = .cachingCanPay
      sentences = [
        "Caching can pay: at \(percent(budget)) error the best schedule (\(ideal!.way)) saves a factor of "
          + "\(times(ideal)!) in calls, \(fewer.map { "\($0.way) a factor of \(times($0)!)" } ?? "fewer steps nothing"). "
          + "A policy lies between the two, or below both."
      ]
    }
    if outcome == .cachingCanPay, fewerSpeedup < HeadroomVerdict.leastSpeedup {
      sentences.append("Fewer steps alone save next to nothing here.")
    }
    if let half = headroom.halfErrorTokens, half <= 0.1 {
      sentences.append(
        "Half of the error sits in \(percent(half)) of the tokens: treating those apart can help.")
    }
    let shares = [
      ("stored numbers' rounding", Quantile.median(headroom.noise.storageShares)),
      ("two runs' difference", Quantile.median(headroom.noise.repeatShares)),
    ]
    for case (let what, let share?) in shares where share >= HeadroomVerdict.noticeableNoise {
      sentences.append(
        "The \(what) is \(percent(share)) of what changes between calls; extrapolation multiplies it by "
          + "\(Table.decimal(NoiseFloor.gain(TaylorPredictor(order: 1)), 1)) (order 1) or \(Table.decimal(NoiseFloor.gain(TaylorPredictor(order: 2)), 1)) (order 2)."
      )
    }
    if !headroom.isEuler {
      sentences.append(
        "The recorded solver is not Euler's: holding on a regular grid is not the same as fewer of its steps."
      )
    }
  }

  /// Two significant digits at least.
  static func percent(_ value: Double) -> String {
    let percent = value * 100
    return Table.decimal(percent, percent >= 9.95 ? 0 : percent >= 0.995 ? 1 : percent >= 0.0995 ? 2 : 4)
      + " %"
  }
}
