import Foundation

/// How close predicted frames come to what really happened.
public struct Quality: Hashable, Sendable {
  /// PSNR_f = -10 log₁₀ MSE_f in dB, MSE_f over the pixels and channels of frame f, range 1.
  public let framePSNR: [Double]
  /// PSNR = -10 log₁₀ (mean_f MSE_f) in dB; infinite for equal frames.
  public let psnr: Double
  /// √ mean (d - d*)² in 1/m over the pixels of each frame, disparities d and d* cut at 1.5 / m, the largest the
  /// denoiser can express.
  public let frameDisparityError: [Double]
  /// The same over pixels and frames.
  public let disparityError: Double

  /// Compares frame by frame; both need equally many.
  public init(of prediction: Prediction, truth: Prediction) {
    precondition(prediction.frames.count == truth.frames.count && !truth.frames.isEmpty)
    let pairs = zip(prediction.frames, truth.frames)
    let errors = pairs.map { Quality.meanSquare($0.rgb, $1.rgb) }
    framePSNR = errors.map(Quality.decibels)
    psnr = Quality.decibels(errors.reduce(0, +) / Double(errors.count))
    let limit = Patches.disparityLimit
    let disparityErrors = pairs.map {
      Quality.meanSquare($0.disparity.map { min($0, limit) }, $1.disparity.map { min($0, limit) })
    }
    frameDisparityError = disparityErrors.map { $0.squareRoot() }
    disparityError = (disparityErrors.reduce(0, +) / Double(errors.count)).squareRoot()
  }

  /// -10 log₁₀ of a mean square difference in the range 0 to 1; infinite for none.
  public static func decibels(_ square: Double) -> Double { -10 * log10(square) }

  static func meanSquare(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) } / Double(a.count)
  }

  /// Pearson's r = Σ (a - ā)(b - b̄) / √(Σ (a - ā)² Σ (b - b̄)²); nil when one of them does not vary.
  public static func correlation(_ a: [Double], _ b: [Double]) -> Double? {
    precondition(a.count == b.count)
    let (meanA, meanB) = (a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count))
    var (both, squareA, squareB) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      both += (x - meanA) * (y - meanB)
      squareA += (x - meanA) * (x - meanA)
      squareB += (y - meanB) * (y - meanB)
    }
    return squareA > 0 && squareB > 0 ? both / (squareA * squareB).squareRoot() : nil
  }
}
