import Foundation

/// The three ground-truth errors of predicted frames; docs/metrics.md has the formulas.
public struct TruthErrors: Hashable, Sendable {
  /// Root mean square error of RGB in 0…1, by frame.
  public var frameRGB: [Double]
  /// Root mean square error of disparity in 1/m, both cut at the largest that the denoiser expresses, by frame.
  public var frameDisparity: [Double]
  /// How far a point one metre ahead of the camera is misplaced, in metres, by frame.
  public var frameMotion: [Double]

  /// Compares frame by frame; both need equally many.
  public init(of prediction: Prediction, truth: Prediction) {
    let quality = Quality(of: prediction, truth: truth)
    frameRGB = quality.framePSNR.map { pow(10, -$0 / 20) }
    frameDisparity = quality.frameDisparityError
    frameMotion = zip(prediction.poses, truth.poses).map { pose, truth in
      let (x, z) = TruthErrors.ahead(pose)
      let (trueX, trueZ) = TruthErrors.ahead(truth)
      return ((x - trueX) * (x - trueX) + (z - trueZ) * (z - trueZ)).squareRoot()
    }
  }

  /// Root mean squares over the frames.
  public var rgb: Double { TruthErrors.mean(frameRGB) }
  public var disparity: Double { TruthErrors.mean(frameDisparity) }
  public var motion: Double { TruthErrors.mean(frameMotion) }

  /// Those of one frame.
  public func frame(_ index: Int) -> TruthErrors {
    var one = self
    one.frameRGB = [frameRGB[index]]
    one.frameDisparity = [frameDisparity[index]]
    one.frameMotion = [frameMotion[index]]
    return one
  }

  /// Those of several chunks, frame after frame.
  public static func joined(_ errors: [TruthErrors]) -> TruthErrors {
    var all = errors[0]
    for next in errors.dropFirst() {
      all.frameRGB += next.frameRGB
      all.frameDisparity += next.frameDisparity
      all.frameMotion += next.frameMotion
    }
    return all
  }

  static func mean(_ errors: [Double]) -> Double {
    (errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)).squareRoot()
  }

  private static func ahead(_ pose: Pose) -> (x: Double, z: Double) {
    (Double(pose.x) + sin(Double(pose.yaw)), Double(pose.z) + cos(Double(pose.yaw)))
  }
}
