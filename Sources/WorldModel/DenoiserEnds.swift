public import Trace

/// Both ends of the bundled denoiser, without its blocks: from the latent to the residual stream before the first
/// block, and from the stream after the last one to the output, up to what depends on neither.
///
/// output = (latent − clean) / σ and clean = first guess of the conditioning + W · modulated LayerNorm(stream) + b, so
/// the part of the stream and of a change of the latent is (change − W · modulated LayerNorm(stream) − b) / σ.
/// Differences of it are differences of outputs, exactly as the model would make them.
public struct DenoiserEnds: Sendable {
  private let weights: Weights
  /// Of each chunk, (frames, 3), as the denoiser reads them.
  private let actions: [Tensor]

  /// For rollouts of `weights` whose commands a recording holds; nil when it is of another model or does not say.
  public init?(_ weights: Weights, header: TraceHeader) {
    guard header.model == Config.name, header.weightsDigest == weights.digest,
      case .numbers(let numbers) = header.conditions.first(where: { $0.name == "camera_commands" })?.value
    else { return nil }
    let frames = weights.config.frames
    let width = Config.actionChannels
    guard numbers.count >= (Config.contextFrames + header.chunkCount * frames) * width else { return nil }
    self.weights = weights
    actions = (0..<header.chunkCount).map { chunk in
      let start = Config.contextFrames + chunk * frames
      let values = (start..<(start + frames)).flatMap { frame -> [Float] in
        let command = numbers[(frame * width)..<((frame + 1) * width)].map(Float.init)
        return Action(forward: command[0], strafe: command[1], yaw: command[2]).normalized
      }
      return Tensor(rows: frames, columns: width, values: values)
    }
  }

  /// (N, D) streams of some calls of one step, at latents that differ by `changes` from those of the call → rows of
  /// the `output` layout.
  public func output(of streams: [Tensor], changes: [Tensor]? = nil, _ group: [Call]) -> [Tensor] {
    let config = weights.config
    var denoiser = Denoiser(weights)
    let nothing = Tensor(zeros: config.tokens, config.conditionChannels)
    let zero = Tensor(zeros: config.tokens, config.targetChannels)
    return group.indices.map { branch in
      let call = group[branch]
      let signal = denoiser.signal(
        denoiser.embed(timestep: call.timestep), actions: call.branch == 0 ? actions[call.chunk] : nil)
      let clean = denoiser.project(streams[branch], signal, onto: nothing)
      let change = changes.map { config.targetTokens($0[branch]) } ?? zero
      return config.outputRows(denoiser.velocity(change, clean, sigma: Float(call.sigma)))
    }
  }

  /// What a change of the latent, rows of the `output` layout, adds to the stream before the first block, (N, D).
  public func entry(of change: Tensor) -> Tensor {
    let config = weights.config
    var denoiser = Denoiser(weights)
    let nothing = Tensor(zeros: config.tokens, config.conditionChannels)
    var stream = denoiser.embed(config.targetTokens(change), nothing)
    let still = denoiser.embed(Tensor(zeros: config.tokens, config.targetChannels), nothing)
    for index in stream.values.indices { stream.values[index] -= still.values[index] }
    return stream
  }
}
