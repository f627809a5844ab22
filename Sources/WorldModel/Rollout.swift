public import Trace

/// A chunked autoregressive rollout: every chunk is denoised from noise, and its last frames are the
/// context of the next one.
public struct Rollout: Sendable {
  public let weights: Weights
  public let schedule: Schedule
  public let solver: Solver
  /// Guidance scale; 1 means a single, conditional branch.
  public let guidance: Double
  /// Steps at the start of each chunk that run the unconditional branch; nil for all.
  public let guidedStepCount: Int?
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
    solver = .euler
    self.guidance = guidance
    guidedStepCount = nil
    self.chunkCount = chunkCount
    self.sceneSeed = sceneSeed
    self.noiseSeed = noiseSeed
    let frameCount = Config.contextFrames + chunkCount * weights.config.frames
    walk = Walk(seed: sceneSeed, frameCount: frameCount, config: weights.config)
  }

  /// The same scene and noise by another solver, over other noise levels, or guided for fewer steps.
  public init(
    _ rollout: Rollout, schedule: Schedule? = nil, solver: Solver? = nil, guidedStepCount: Int? = nil
  ) {
    weights = rollout.weights
    self.schedule = schedule ?? rollout.schedule
    self.solver = solver ?? rollout.solver
    guidance = rollout.guidance
    self.guidedStepCount = guidedStepCount ?? rollout.guidedStepCount
    chunkCount = rollout.chunkCount
    sceneSeed = rollout.sceneSeed
    noiseSeed = rollout.noiseSeed
    walk = rollout.walk
  }

  /// 2 with guidance, 1 without.
  public var branchCount: Int { guidance == 1 ? 1 : 2 }

  /// Every call of the rollout in order: by chunk, step, branch.
  public var calls: [Call] { (0..<chunkCount).flatMap { chunk in groups(chunk).flatMap { $0 } } }

  /// What a trace of this rollout says about itself; `recorder` names the program that records.
  public func header(recorder: String) -> TraceHeader {
    TraceHeader(
      model: Config.name, weightsDigest: weights.digest, solver: solver.rawValue, shift: schedule.shift,
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
  /// A chunk begins where the one before ended; with `contexts`, the chunks of another run of the same scene,
  /// where theirs did. Throws what the hook throws, and `invalid` when it jumps to where the model does not
  /// lead.
  public func run(
    hook: inout some CallHook, contexts: [Chunk]? = nil, progress: ([Call]) -> Void = { _ in }
  ) throws -> [Chunk] {
    var denoiser = Denoiser(weights)
    var chunks: [Chunk] = []
    for index in 0..<chunkCount {
      let window = self.window(index, after: index == 0 ? nil : (contexts ?? chunks)[index - 1])
      let condition = window.condition(weights.config)
      var latent = noise(chunk: index)
      var before: Tensor?
      for (step, group) in groups(index).enumerated() {
        let velocity = try denoiser.evaluate(
          group, latent: latent, condition: condition, actions: window.actionTensor, hook: &hook)
        solver.advance(&latent, by: velocity, before: before, schedule, step: step)
        before = solver == .euler ? nil : velocity
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
    let weights = solver.weights(schedule)
    let counts = weights.indices.map { isGuided(step: $0) ? 2 : 1 }
    var ordinal = chunk * counts.reduce(0, +)
    return counts.enumerated().map { step, count in
      let (sigma, guidance) = (schedule.sigmas[step], count == 1 ? 1 : guidance)
      defer { ordinal += count }
      return (0..<count).map { branch in
        Call(
          ordinal: ordinal + branch, chunk: chunk, branch: branch, step: step, position: step,
          timestep: 1000 * sigma, sigma: sigma, guidance: guidance,
          weight: weights[step] * (branch == 0 ? guidance : 1 - guidance))
      }
    }
  }

  private func isGuided(step: Int) -> Bool { branchCount == 2 && step < guidedStepCount ?? Int.max }

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
