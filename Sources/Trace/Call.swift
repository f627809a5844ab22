/// One evaluation of the denoiser, with every clock a policy may count on.
public struct Call: Hashable, Sendable, Codable {
  /// Position in the rollout, over all chunks and branches, from 0.
  public var ordinal: Int
  /// Chunk of the rollout, from 0.
  public var chunk: Int
  /// Guidance branch, from 0 (0 is the conditional one).
  public var branch: Int
  /// Expert network, from 0.
  public var expert: Int
  /// Stage of a solver that evaluates the denoiser several times a step, from 0.
  public var stage: Int
  /// Solver step within the chunk, from 0.
  public var step: Int
  /// Position within the call's own stream (same chunk, branch and expert), from 0.
  public var position: Int
  /// The number the timestep embedding is made of.
  public var timestep: Double
  /// Noise level, 1 (noise) to 0 (clean) for flow matching.
  public var sigma: Double
  /// Guidance scale of the step; 1 when there is one branch.
  public var guidance: Double
  /// Weight of this call's output in the chunk's final latent: final = initial + Σ weight · output.
  public var weight: Double
  /// Wall seconds from entering to leaving the call, recording excluded.
  public var seconds: Double

  public init(
    ordinal: Int, chunk: Int = 0, branch: Int = 0, expert: Int = 0, stage: Int = 0, step: Int,
    position: Int, timestep: Double, sigma: Double, guidance: Double = 1, weight: Double, seconds: Double = 0
  ) {
    self.ordinal = ordinal
    self.chunk = chunk
    self.branch = branch
    self.expert = expert
    self.stage = stage
    self.step = step
    self.position = position
    self.timestep = timestep
    self.sigma = sigma
    self.guidance = guidance
    self.weight = weight
    self.seconds = seconds
  }
}
