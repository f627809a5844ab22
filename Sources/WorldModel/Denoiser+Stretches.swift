import Trace

/// The stretches between taps, each for one branch.
extension Denoiser {
  /// Working memory, reused from call to call.
  struct Room: Sendable {
    /// [N, targetChannels + conditionChannels]
    var input: [Float]
    /// [N, D]: normalised stream, attention or convolution result, update of the stream.
    var normed: [Float]
    var mixed: [Float]
    var update: [Float]
    /// [N, 3D], [N, N] of one head, [N, 4D]
    var qkv: [Float]
    var scores: [Float]
    var wide: [Float]
    /// [F, 6D]
    var modulation: [Float]

    init(_ config: Config) {
      func zeros(_ rows: Int, _ columns: Int) -> [Float] { [Float](repeating: 0, count: rows * columns) }
      let (n, d) = (config.tokens, config.dim)
      input = zeros(n, config.targetChannels + config.conditionChannels)
      normed = zeros(n, d)
      mixed = zeros(n, d)
      update = zeros(n, d)
      qkv = zeros(n, 3 * d)
      scores = zeros(n, n)
      wide = zeros(n, 4 * d)
      modulation = zeros(config.frames, 6 * d)
    }
  }

  /// Sines and cosines of the noise level through two layers, [1, D].
  func embed(timestep: Double) -> Tensor {
    var waves = [Float](repeating: 0, count: Weights.timeChannels)
    sincos(&waves, Float(timestep), count: waves.count)
    var inner = [Float](repeating: 0, count: weights.config.dim)
    linear(&inner, waves, weights.time1, rows: 1)
    silu(&inner, count: inner.count)
    var time = Tensor(zeros: 1, weights.config.dim)
    linear(&time.values, inner, weights.time2, rows: 1)
    return time
  }

  /// silu(noise level + action) per frame, [F, D]; no actions mean the learned null action.
  func signal(_ time: Tensor, actions: Tensor?) -> Tensor {
    let (frames, dim) = (weights.config.frames, weights.config.dim)
    var signal = Tensor(zeros: frames, dim)
    if let actions {
      linear(&signal.values, actions.values, weights.action, rows: frames)
    } else {
      for i in signal.values.indices { signal.values[i] = weights.nullAction[i % dim] }
    }
    for i in signal.values.indices { signal.values[i] += time.values[i % dim] }
    silu(&signal.values, count: frames * dim)
    return signal
  }

  /// Noisy target and conditioning of each token side by side, projected, plus positions, [N, D].
  mutating func embed(_ latent: Tensor, _ condition: Tensor) -> Tensor {
    let config = weights.config
    let (own, given) = (latent.columns, condition.columns)
    room.input.withUnsafeMutableBufferPointer { input in
      for token in 0..<config.tokens {
        for i in 0..<own { input[token * (own + given) + i] = latent.values[token * own + i] }
        for i in 0..<given { input[token * (own + given) + own + i] = condition.values[token * given + i] }
      }
    }
    var h = Tensor(zeros: config.tokens, config.dim)
    linear(&h.values, room.input, weights.embed, rows: config.tokens)
    h.values.withUnsafeMutableBufferPointer { h in
      for token in 0..<config.tokens {
        let (frame, place) = (token / config.tokensPerFrame, token % config.tokensPerFrame)
        for i in 0..<config.dim {
          let space = weights.positionSpace[place * config.dim + i]
          h[token * config.dim + i] += space + weights.positionTime[frame * config.dim + i]
        }
      }
    }
    return h
  }

  /// What block 1's attention reads, [N, D].
  mutating func modulate(_ h: Tensor, _ signal: Tensor) -> Tensor {
    linear(&room.modulation, signal.values, weights.blocks[0].ada, rows: signal.rows)
    normalize(h, shift: 0, scale: 1, of: 6)
    return Tensor(rows: h.rows, columns: h.columns, values: room.normed)
  }

  /// One block in place: attention, then the two-layer network, each gated onto the stream [N, D].
  ///
  /// `modulated` replaces the block's own normalised and modulated input where it is known already.
  mutating func pass(_ h: inout Tensor, through block: Weights.Block, _ signal: Tensor, modulated: Tensor?) {
    let (n, d) = (h.rows, h.columns)
    // shift, scale and gate of the attention, then of the network, [F, 6D]
    linear(&room.modulation, signal.values, block.ada, rows: signal.rows)

    if let modulated {
      linear(&room.qkv, modulated.values, block.qkv, rows: n)
    } else {
      normalize(h, shift: 0, scale: 1, of: 6)
      linear(&room.qkv, room.normed, block.qkv, rows: n)
    }
    attention(&room.mixed, &room.scores, room.qkv, tokens: n, heads: weights.config.heads, channels: d)
    linear(&room.update, room.mixed, block.proj, rows: n)
    addUpdate(to: &h, gate: 2)

    normalize(h, shift: 3, scale: 4, of: 6)
    let config = weights.config
    addNeighbours(
      &room.mixed, room.normed, block.mix, frames: config.frames, rows: config.rows, columns: config.columns,
      channels: d)
    linear(&room.wide, room.mixed, block.fc1, rows: n)
    gelu(&room.wide, count: n * 4 * d)
    linear(&room.update, room.wide, block.fc2, rows: n)
    addUpdate(to: &h, gate: 5)
  }

  /// The clean target, [N, targetChannels]: what the conditioning shows plus what the network adds.
  mutating func project(_ h: Tensor, _ signal: Tensor, onto condition: Tensor) -> Tensor {
    let config = weights.config
    linear(&room.modulation, signal.values, weights.finalAda, rows: signal.rows)
    normalize(h, shift: 0, scale: 1, of: 2)
    var clean = Tensor(zeros: config.tokens, config.targetChannels)
    linear(&clean.values, room.normed, weights.finalOut, rows: config.tokens)
    // RGB and disparity of the last context frame come first in the conditioning, rays last.
    let pixels = config.rgbChannels + config.disparityChannels
    let rays = config.conditionChannels - config.targetChannels
    for token in 0..<config.tokens {
      for i in 0..<config.targetChannels {
        let from = token * config.conditionChannels + (i < pixels ? i : rays + i)
        clean.values[token * config.targetChannels + i] += condition.values[from]
      }
    }
    return clean
  }

  /// (latent - clean) / sigma.
  func velocity(_ latent: Tensor, _ clean: Tensor, sigma: Float) -> Tensor {
    var velocity = clean
    for i in velocity.values.indices { velocity.values[i] = (latent.values[i] - velocity.values[i]) / sigma }
    return velocity
  }

  /// unconditional + scale · (conditional - unconditional).
  func guide(_ velocities: [Tensor], by scale: Float) -> Tensor {
    var guided = velocities[1]
    for i in guided.values.indices {
      guided.values[i] += scale * (velocities[0].values[i] - guided.values[i])
    }
    return guided
  }

  // room.normed = LN(h) (1 + scale) + shift, with a frame's vectors at these places of `count` in room.modulation.
  private mutating func normalize(_ h: Tensor, shift: Int, scale: Int, of count: Int) {
    let (rows, d) = (weights.config.tokensPerFrame, h.columns)
    for frame in 0..<weights.config.frames {
      let start = frame * rows * d
      h.values.withUnsafeBufferPointer { h in
        room.normed.withUnsafeMutableBufferPointer { normed in
          room.modulation.withUnsafeBufferPointer { modulation in
            let vectors = modulation.baseAddress! + frame * count * d
            modulatedNorm(
              normed.baseAddress! + start, h.baseAddress! + start, shift: vectors + shift * d,
              scale: vectors + scale * d, rows: rows, channels: d)
          }
        }
      }
    }
  }

  // h += gate ⊙ room.update, with a frame's gate at this place of six in room.modulation.
  private mutating func addUpdate(to h: inout Tensor, gate: Int) {
    let (rows, d) = (weights.config.tokensPerFrame, h.columns)
    for frame in 0..<weights.config.frames {
      let start = frame * rows * d
      h.values.withUnsafeMutableBufferPointer { h in
        room.update.withUnsafeBufferPointer { update in
          room.modulation.withUnsafeBufferPointer { modulation in
            addGated(
              h.baseAddress! + start, update.baseAddress! + start,
              gate: modulation.baseAddress! + (frame * 6 + gate) * d, rows: rows, channels: d)
          }
        }
      }
    }
  }
}
