/// What a predictor has to beat: predictions that need no learning, or that know more than they should.
public struct Baselines: Sendable {
  /// The mean over many frames of the training scenes.
  let mean: Frame
  private let config: Config

  /// Names in the order of ``predictions(for:truth:)``; the first is what gains are measured against.
  public static let names = ["repeat", "mean", "warp-commanded", "warp-true"]

  /// Renders one window of each training scene for the mean frame.
  public init(config: Config, meanOver seeds: Range<Int> = 0..<64) {
    self.config = config
    let pixels = config.width * config.height
    var sum = Frame(
      rgb: [Float](repeating: 0, count: 3 * pixels), disparity: [Float](repeating: 0, count: pixels))
    var count: Float = 0
    for seed in seeds {
      for frame in Walk(seed: seed, frameCount: Config.contextFrames + config.frames, config: config).frames {
        for i in sum.rgb.indices { sum.rgb[i] += frame.rgb[i] }
        for i in sum.disparity.indices { sum.disparity[i] += min(frame.disparity[i], Patches.disparityLimit) }
        count += 1
      }
    }
    mean = Frame(rgb: sum.rgb.map { $0 / count }, disparity: sum.disparity.map { $0 / count })
  }

  /// One prediction per name: the last context frame unmoved; the mean frame; the last context frame
  /// reprojected along the commanded motion, which is what the denoiser is shown; and along the true
  /// motion, which nobody knows in advance.
  public func predictions(for window: Window, truth: Prediction) -> [Prediction] {
    let still = [Pose](repeating: Pose(), count: config.frames)
    let last = window.context.frames.last!
    return [
      Prediction(frames: still.map { _ in last }, poses: still),
      Prediction(frames: still.map { _ in mean }, poses: still),
      warp(last, window.commandedPoses),
      warp(last, truth.poses),
    ]
  }

  private func warp(_ frame: Frame, _ poses: [Pose]) -> Prediction {
    let camera = Camera(width: config.width, height: config.height)
    return Prediction(
      frames: poses.map { Reprojection(of: frame, from: Pose(), to: $0, camera: camera).frame }, poses: poses)
  }
}
