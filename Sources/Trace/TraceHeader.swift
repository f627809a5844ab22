/// What a whole trace says about itself.
public struct TraceHeader: Hashable, Sendable, Codable {
  /// The model's name.
  public var model: String
  /// Digest of the model's weights, empty when unknown.
  public var weightsDigest: String
  /// The solver's name, such as `euler`.
  public var solver: String
  /// Shift of the noise schedule.
  public var shift: Double
  /// Solver steps per chunk.
  public var stepCount: Int
  /// Chunks in the rollout.
  public var chunkCount: Int
  /// Guidance branches per step.
  public var branchCount: Int
  /// Blocks of the denoiser, which fix the line of taps.
  public var blockCount: Int
  /// Seed of the scene and of the initial noise.
  public var sceneSeed: Int
  public var noiseSeed: Int
  /// Threads and kernel of the matrix library, on which the last bits of the features depend.
  public var blasThreadCount: Int
  public var blasCore: String
  /// Program and version that recorded.
  public var recorder: String
  /// What the rollout was conditioned on.
  public var conditions: [Condition]

  public init(
    model: String, weightsDigest: String = "", solver: String, shift: Double, stepCount: Int,
    chunkCount: Int = 1,
    branchCount: Int = 1, blockCount: Int, sceneSeed: Int = 0, noiseSeed: Int = 0, blasThreadCount: Int = 0,
    blasCore: String = "", recorder: String, conditions: [Condition] = []
  ) {
    self.model = model
    self.weightsDigest = weightsDigest
    self.solver = solver
    self.shift = shift
    self.stepCount = stepCount
    self.chunkCount = chunkCount
    self.branchCount = branchCount
    self.blockCount = blockCount
    self.sceneSeed = sceneSeed
    self.noiseSeed = noiseSeed
    self.blasThreadCount = blasThreadCount
    self.blasCore = blasCore
    self.recorder = recorder
    self.conditions = conditions
  }
}

extension TraceHeader {
  /// Whether two recordings are of one rollout, as far as their headers say.
  public func isSameRollout(as other: TraceHeader) -> Bool {
    model == other.model && weightsDigest == other.weightsDigest && sceneSeed == other.sceneSeed
      && noiseSeed == other.noiseSeed && stepCount == other.stepCount && chunkCount == other.chunkCount
      && branchCount == other.branchCount && solver == other.solver && shift == other.shift
      && conditions == other.conditions
  }
}
