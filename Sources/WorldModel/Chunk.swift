public import Trace

/// A finished chunk of a rollout.
public struct Chunk: Sendable {
  public let index: Int
  /// What the chunk was conditioned on.
  public let window: Window
  /// The denoised target, (tokens, targetChannels).
  public let latent: Tensor
  /// The target as images, and the poses that its raymap says.
  public let prediction: Prediction

  init(index: Int, window: Window, latent: Tensor, config: Config) {
    self.index = index
    self.window = window
    self.latent = latent
    prediction = Prediction(
      frames: (0..<config.frames).map { Patches.frame($0, of: latent, config) },
      poses: (0..<config.frames).map { Raymap.decode(Patches.raymap($0, of: latent, config), config) })
  }

  /// The next chunk's context: the last frames, with poses relative to the newest.
  var context: Window.Context {
    let newest = prediction.poses.last!
    return Window.Context(
      frames: prediction.frames.suffix(Config.contextFrames),
      poses: prediction.poses.suffix(Config.contextFrames).map { $0.relative(to: newest) })
  }
}
