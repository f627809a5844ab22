public import Trace

/// The end of the bundled denoiser alone: from the residual stream after the last block to the output, up to
/// what does not depend on the stream.
///
/// output = (latent − clean) / σ and clean = first guess of the conditioning + W · modulated LayerNorm(stream) + b, so
/// the part of the stream is −(W · modulated LayerNorm(stream) + b) / σ. Differences of it are differences of outputs
/// at the same latent, exactly as the model would make them.
public struct OutputHead: Sendable {
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

  /// (N, D) streams of some calls of one step → rows of the `output` layout.
  public func output(of streams: [Tensor], _ group: [Call]) -> [Tensor] {
    let config = weights.config
    var denoiser = Denoiser(weights)
    let nothing = Tensor(zeros: config.tokens, config.conditionChannels)
    let zero = Tensor(zeros: config.tokens, config.targetChannels)
    return zip(streams, group).map { stream, call in
      let signal = denoiser.signal(
        denoiser.embed(timestep: call.timestep), actions: call.branch == 0 ? actions[call.chunk] : nil)
      let clean = denoiser.project(stream, signal, onto: nothing)
      return config.outputRows(denoiser.velocity(zero, clean, sigma: Float(call.sigma)))
    }
  }
}
