import Trace

/// A chunk beside the uncached one, and both beside what really happened.
public struct ChunkComparison: Hashable, Sendable {
  public let chunk: Int
  /// `‖x − x_uncached‖²` and `‖x_uncached‖²` of the final latents.
  public let squaredError: Double
  public let squaredNorm: Double
  /// Mean square difference of RGB to the uncached frames, by frame.
  public let frameSquares: [Double]
  /// Structural similarity of RGB to the uncached frames, by frame.
  public let frameSSIM: [Double]
  public let errors: TruthErrors
  public let uncachedErrors: TruthErrors

  public init(_ chunk: Chunk, uncached: Chunk, truth: Prediction, config: Config) {
    precondition(chunk.index == uncached.index)
    self.chunk = chunk.index
    var (error, norm) = (0.0, 0.0)
    for (a, b) in zip(chunk.latent.values, uncached.latent.values) {
      error += Double(a - b) * Double(a - b)
      norm += Double(b) * Double(b)
    }
    (squaredError, squaredNorm) = (error, norm)
    let pairs = zip(chunk.prediction.frames, uncached.prediction.frames)
    frameSquares = pairs.map { Quality.meanSquare($0.rgb, $1.rgb) }
    frameSSIM = pairs.map { SSIM.value($0.rgb, $1.rgb, height: config.height, width: config.width) }
    errors = TruthErrors(of: chunk.prediction, truth: truth)
    uncachedErrors = TruthErrors(of: uncached.prediction, truth: truth)
  }
}

/// Comparisons of the chunks of one rollout, taken together.
public struct RolloutComparison: Hashable, Sendable {
  public let chunks: [ChunkComparison]

  public init(_ chunks: [ChunkComparison]) {
    precondition(!chunks.isEmpty)
    self.chunks = chunks
  }

  /// Compares every chunk of a run with the uncached one of the same rollout.
  public init(_ run: [Chunk], uncached: [Chunk], of rollout: Rollout) {
    self.init(
      zip(run, uncached).map {
        ChunkComparison(
          $0, uncached: $1, truth: rollout.truth(chunk: $0.index), config: rollout.weights.config)
      })
  }

  /// Relative error of the final latents, squares summed over chunks above and below the line.
  public var finalError: Double {
    (chunks.reduce(0) { $0 + $1.squaredError } / chunks.reduce(0) { $0 + $1.squaredNorm }).squareRoot()
  }
  /// PSNR to the uncached frames in dB, of the mean square over all frames; infinite for equal ones.
  public var psnr: Double {
    let squares = chunks.flatMap(\.frameSquares)
    return Quality.decibels(squares.reduce(0, +) / Double(squares.count))
  }
  /// Mean structural similarity to the uncached frames.
  public var ssim: Double {
    let values = chunks.flatMap(\.frameSSIM)
    return values.reduce(0, +) / Double(values.count)
  }
  public var errors: TruthErrors { .joined(chunks.map(\.errors)) }
  public var uncachedErrors: TruthErrors { .joined(chunks.map(\.uncachedErrors)) }
}
