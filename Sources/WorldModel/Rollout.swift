public import Trace

/// A chunked autoregressive rollout: every chunk is denoised from noise, and its last frames are the
/// context of the next one.
public struct Rollout: Sendable {
  public let weights: Weights
  public let schedule: Schedule
  /// Guidance scale; 1 means a single, conditional branch.
  public let guidance: Double
  public let chunkCount: Int
  public let sceneSeed: Int
  public let noiseSeed: Int
  /// What really happens: the first context, the commands, and the truth to compare with.
  public let walk: Walk

  /// Renders the scene of `sceneSeed`; seeds from 1 000 000 on were not trained on.
  public init(
    weights: Weights, stepCount: Int = 50, shift: Double = 3, guidance: Double = 1, chunkCount: Int = 1,
    sceneSeed: Int, noiseSeed: Int = 0
  ) {
    precondition(chunkCount > 0)
    self.weights = weights
    schedule = Schedule(stepCount: stepCount, shift: shift)
    self.guidance = guidance
    self.chunkCount = chunkCount
    self.sceneSeed = sceneSeed
    self.noiseSeed = noiseSeed
    let frameCount = Config.contextFrames + chunkCount * weights.config.frames
    walk = Walk(seed: sceneSeed, frameCount: frameCount, config: weights.config)
  }

  /// 2 with guidance, 1 without.
  public var branchCount: Int { guidance == 1 ? 1 : 2 }

  /// Every call of the rollout in order: by chunk, step, branch.
  public var calls: [Call] { (0..<chunkCount).flatMap { chunk in groups(chunk).flatMap { $0 } } }

  /// What a trace of this rollout says about itself; `recorder` names the program that records.
  public func header(recorder: String) -> TraceHeader {
    TraceHeader(
      model: Config.name, weightsDigest: weights.digest, solver: Euler.name, shift: schedule.shift,
      stepCount: schedule.stepCount, chunkCount: chunkCount, branchCount: branchCount,
      blockCount: weights.config.blocks, sceneSeed: sceneSeed, noiseSeed: noiseSeed,
      blasThreadCount: BLAS.threadCount, blasCore: BLAS.core, recorder: recorder,
      conditions: [
        // Metres forward, metres to the right and radians of each frame.
        Condition(
          "camera_commands", walk.actions.flatMap { [$0.forward, $0.strafe, $0.yaw].map(Double.init) }),
        Condition("guidance", [guidance]),
      ])
  }

  /// Runs all chunks under a hook; `progress` is told after every step which calls are done.
  ///
  /// Throws what the hook throws, and `invalid` when it jumps to where the model does not lead.
  public func run(hook: inout some CallHook, progress: ([Call]) -> Void = { _ in }) throws -> [Chunk] {
    var denoiser = Denoiser(weights)
    var chunks: [Chunk] = []
    for index in 0..<chunkCount {
      let window = self.window(index, after: chunks.last)
      let condition = window.condition(weights.config)
      var latent = noise(chunk: index)
      for (group, weight) in zip(groups(index), Euler.weights(schedule)) {
        let velocity = try denoiser.evaluate(
          group, latent: latent, condition: condition, actions: window.actionTensor, hook: &hook)
        Euler.advance(&latent, by: velocity, weight: weight)
        progress(group)
      }
      chunks.append(Chunk(index: index, window: window, latent: latent, config: weights.config))
    }
    return chunks
  }

  /// Runs the plain model.
  public func run(progress: ([Call]) -> Void = { _ in }) throws -> [Chunk] {
    var hook = Onward()
    return try run(hook: &hook, progress: progress)
  }

  /// The frames that really followed, and their poses in the true last context frame's frame.
  public func truth(chunk: Int) -> Prediction {
    let frames = start(chunk)..<start(chunk + 1)
    let origin = walk.poses[start(chunk) - 1]
    return Prediction(
      frames: Array(walk.frames[frames]), poses: walk.poses[frames].map { $0.relative(to: origin) })
  }

  /// The calls of a chunk, step by step.
  private func groups(_ chunk: Int) -> [[Call]] {
    zip(schedule.sigmas, Euler.weights(schedule)).enumerated().map { step, level in
      (0..<branchCount).map { branch in
        Call(
          ordinal: (chunk * schedule.stepCount + step) * branchCount + branch, chunk: chunk, branch: branch,
          step: step, position: step, timestep: 1000 * level.0, sigma: level.0, guidance: guidance,
          weight: level.1 * (branch == 0 ? guidance : 1 - guidance))
      }
    }
  }

  private func window(_ index: Int, after previous: Chunk?) -> Window {
    guard let previous else { return walk.window(from: start(index), weights.config) }
    return Window(
      context: previous.context, actions: Array(walk.actions[start(index)..<start(index + 1)]))
  }

  private func noise(chunk: Int) -> Tensor {
    var random = SeededGenerator(seed: noiseSeed, purpose: 3 + UInt64(chunk))
    var noise = Tensor(zeros: weights.config.tokens, weights.config.targetChannels)
    for i in noise.values.indices { noise.values[i] = random.normal() }
    return noise
  }

  // First predicted frame of a chunk in the walk.
  private func start(_ chunk: Int) -> Int { Config.contextFrames + chunk * weights.config.frames }
}
