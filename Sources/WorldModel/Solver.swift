import Trace

/// The noise levels of a chunk, from 1 (noise) to 0 (clean).
///
/// σ_i = s u / (1 + (s - 1) u) with u = 1 - i / n: a shift s above 1 spends more of the n steps at high
/// noise (Esser et al., arXiv 2403.03206).
public struct Schedule: Hashable, Sendable {
  public let stepCount: Int
  public let shift: Double
  /// `stepCount + 1` levels.
  public let sigmas: [Double]

  public init(stepCount: Int, shift: Double) {
    precondition(stepCount > 0 && shift > 0)
    self.stepCount = stepCount
    self.shift = shift
    sigmas = (0...stepCount).map { step in
      let u = 1 - Double(step) / Double(stepCount)
      return shift * u / (1 + (shift - 1) * u)
    }
  }
}

/// The explicit first-order solver of dx/dσ = velocity.
public enum Euler {
  /// The solver's name in traces.
  public static let name = "euler"

  /// What each step's guided velocity is multiplied with: σ_{s+1} - σ_s; they add up to -1.
  public static func weights(_ schedule: Schedule) -> [Double] {
    zip(schedule.sigmas.dropFirst(), schedule.sigmas).map { $0 - $1 }
  }

  /// latent += weight · velocity.
  static func advance(_ latent: inout Tensor, by velocity: Tensor, weight: Double) {
    let weight = Float(weight)
    for i in latent.values.indices { latent.values[i] += weight * velocity.values[i] }
  }
}
