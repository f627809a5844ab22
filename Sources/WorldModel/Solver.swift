import Trace

/// The noise levels of a chunk, from 1 (noise) to 0 (clean).
///
/// σ_i = s u / (1 + (s - 1) u) with u = 1 - i / n: a shift s above 1 spends more of the n steps at high
/// noise (Esser et al., arXiv 2403.03206).
public struct Schedule: Hashable, Sendable {
  public let shift: Double
  /// One level more than there are steps.
  public let sigmas: [Double]

  public var stepCount: Int { sigmas.count - 1 }

  public init(stepCount: Int, shift: Double) {
    precondition(stepCount > 0 && shift > 0)
    self.shift = shift
    sigmas = (0...stepCount).map { step in
      let u = 1 - Double(step) / Double(stepCount)
      return shift * u / (1 + (shift - 1) * u)
    }
  }

  /// Steps between any noise levels, in descending order from 1 to 0; they have no shift, which says 1.
  public init(sigmas: [Double]) {
    precondition(sigmas.count >= 2 && zip(sigmas, sigmas.dropFirst()).allSatisfy { $0 > $1 })
    precondition(sigmas[0] == 1 && sigmas.last == 0)
    shift = 1
    self.sigmas = sigmas
  }

  /// Widths of the steps, σ_{s+1} - σ_s; from level 1 they add up to -1.
  var widths: [Double] { zip(sigmas.dropFirst(), sigmas).map { $0 - $1 } }
}

/// An explicit solver of dx/dσ = velocity that evaluates the denoiser once a step.
public enum Solver: String, Hashable, Sendable, CaseIterable {
  /// x += h v.
  case euler
  /// The second-order multistep rule for steps of any width (Adams-Bashforth):
  /// x += h (v + r/2 (v - v')) with v' and h' of the step before and r = h / h'; its first step is Euler's.
  case ab2

  /// What each step's guided velocity is multiplied with in the final latent; the sum is that of the widths.
  public func weights(_ schedule: Schedule) -> [Double] {
    let widths = schedule.widths
    guard self == .ab2 else { return widths }
    return widths.indices.map { step in
      let own = widths[step] * (step == 0 ? 1 : 1 + ratio(widths, step) / 2)
      return step + 1 < widths.count ? own - widths[step + 1] * ratio(widths, step + 1) / 2 : own
    }
  }

  private func ratio(_ widths: [Double], _ step: Int) -> Double { widths[step] / widths[step - 1] }

  /// Takes one step; `before` is the velocity of the step before.
  func advance(
    _ latent: inout Tensor, by velocity: Tensor, before: Tensor?, _ schedule: Schedule, step: Int
  ) {
    let widths = schedule.widths
    let width = Float(widths[step])
    if self == .ab2, let before {
      let half = Float(ratio(widths, step) / 2)
      for i in latent.values.indices {
        let v = velocity.values[i]
        latent.values[i] += width * (v + half * (v - before.values[i]))
      }
    } else {
      for i in latent.values.indices { latent.values[i] += width * velocity.values[i] }
    }
  }
}
