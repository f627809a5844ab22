public import Trace

/// The forward pass of the bundled world model: a diffusion transformer with adaLN modulation.
///
/// Letters: B guidance branches, N tokens, F frames, D channels of the residual stream. A value owns
/// its working memory, so one value serves one thread.
public struct Denoiser: Sendable {
  public let weights: Weights
  var room: Room

  public init(_ weights: Weights) {
    self.weights = weights
    room = Room(weights.config)
  }

  /// Predicts the velocity (noise minus clean target) of a noisy target, (N, targetChannels).
  ///
  /// `group` holds the calls of one step: branch 0, conditional, and for guidance branch 1,
  /// unconditional. They advance in lockstep, and `hook` is asked at every tap. `condition` is
  /// (N, conditionChannels), `actions` (F, 3). After a jump the pass goes on from the target, which is
  /// shown with the tensors of the jump; what later stretches need is computed when they need it.
  public mutating func evaluate(
    _ group: [Call], latent: Tensor, condition: Tensor, actions: Tensor, hook: inout some CallHook
  ) throws -> Tensor {
    let config = weights.config
    precondition(group.map(\.branch) == Array(0..<group.count) && (1...2).contains(group.count))
    precondition(latent.rows == config.tokens && latent.columns == config.targetChannels)
    precondition(condition.rows == config.tokens && condition.columns == config.conditionChannels)
    precondition(actions.rows == config.frames && actions.columns == Config.actionChannels)
    let branches = group.indices
    // What each branch is told, [N, conditionChannels]: the unconditional one nothing.
    let told = group.map { $0.branch == 0 ? condition : Tensor(zeros: condition.rows, condition.columns) }
    var line = Line(config: config, branchCount: group.count)
    try hook.begin(group)

    // Noisy target, as rows of one modality each                          B x [3N, 48]
    try line.stop(at: .latent, &hook) {
      let rows = config.outputRows(latent)
      return branches.map { _ in rows }
    }

    // Noise level                                                         B x [1, D]
    var time = try line.stop(at: .timestep, &hook) { group.map { embed(timestep: $0.timestep) } }

    // Noise level and action of every frame: all modulations depend on it B x [F, D]
    var known: [Tensor]?
    func signals() -> [Tensor] {
      if let known { return known }
      let levels = time ?? group.map { embed(timestep: $0.timestep) }
      let made = branches.map { signal(levels[$0], actions: group[$0].branch == 0 ? actions : nil) }
      (time, known) = (levels, made)
      return made
    }

    // Tokens: noisy target and conditioning, projected, plus positions    B x [N, D]
    func tokens() -> [Tensor] { told.map { embed(latent, $0) } }
    var h = try line.stop(at: .hidden(0), &hook) { tokens() }

    // Normalised, modulated input of block 1                              B x [N, D]
    let modulated = try line.stop(at: .modulated, &hook) {
      let (stream, signal) = (h ?? tokens(), signals())
      h = stream
      return branches.map { modulate(stream[$0], signal[$0]) }
    }

    // Residual stream after each block                                    B x [N, D]
    for (index, block) in weights.blocks.enumerated() {
      let after = try line.stop(at: .block(index + 1), &hook) {
        var stream = h ?? tokens()
        // Let go of the old stream, so that the block may work in place.
        h = nil
        let (signal, input) = (signals(), index == 0 ? modulated : nil)
        for branch in branches {
          pass(&stream[branch], through: block, signal[branch], modulated: input?[branch])
        }
        return stream
      }
      h = after ?? h
    }
    h = try line.stop(at: .hidden(config.blocks), &hook) { h! } ?? h

    // Velocity                                                            B x [3N, 48]
    let velocities = try line.stop(at: .output, &hook) {
      let signal = signals()
      return branches.map { branch in
        let clean = project(h![branch], signal[branch], onto: told[branch])
        return config.outputRows(velocity(latent, clean, sigma: Float(group[branch].sigma)))
      }
    }

    // The branches meet                                                   [3N, 48]
    let guided = try line.stop(at: .guided, &hook) {
      [group.count == 1 ? velocities![0] : guide(velocities!, by: Float(group[0].guidance))]
    }
    return config.targetTokens(guided![0])
  }
}
