import Foundation

/// The structural similarity of two images (Wang, Bovik, Sheikh, Simoncelli 2004).
///
/// Per channel, in windows with Gaussian weights (11 pixels wide, standard deviation 1.5) that lie wholly in the
/// image: `(2 μ_a μ_b + c1)(2 σ_ab + c2) / ((μ_a² + μ_b² + c1)(σ_a² + σ_b² + c2))` with `c1 = 0.01²` and
/// `c2 = 0.03²` for values from 0 to 1; mean over windows and channels. 1 for equal images.
public enum SSIM {
  private static let width = 11
  private static let window: [Double] = {
    let weights = (0..<width).map { exp(-pow(Double($0 - width / 2), 2) / (2 * 1.5 * 1.5)) }
    return weights.map { $0 / weights.reduce(0, +) }
  }()

  /// `a` and `b` are row-major with interleaved channels; an image smaller than the window has none, and 1.
  public static func value(_ a: [Float], _ b: [Float], height: Int, width: Int, channels: Int = 3) -> Double {
    precondition(a.count == height * width * channels && b.count == a.count)
    guard height >= SSIM.width, width >= SSIM.width else { return 1 }
    var (sum, count) = (0.0, 0)
    for channel in 0..<channels {
      func plane(_ image: [Float]) -> [Double] {
        stride(from: channel, to: image.count, by: channels).map { Double(image[$0]) }
      }
      let (x, y) = (plane(a), plane(b))
      func blurred(_ values: [Double]) -> [Double] { blur(values, height: height, width: width) }
      let (meanX, meanY) = (blurred(x), blurred(y))
      let squareX = blurred(x.map { $0 * $0 })
      let squareY = blurred(y.map { $0 * $0 })
      let product = blurred(zip(x, y).map { $0 * $1 })
      let (c1, c2) = (0.01 * 0.01, 0.03 * 0.03)
      for i in meanX.indices {
        let (mx, my) = (meanX[i], meanY[i])
        let (vx, vy) = (squareX[i] - mx * mx, squareY[i] - my * my)
        let covariance = product[i] - mx * my
        sum += (2 * mx * my + c1) * (2 * covariance + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
        count += 1
      }
    }
    return sum / Double(count)
  }

  // Rows, then columns; windows that lie wholly in the plane.
  private static func blur(_ plane: [Double], height: Int, width: Int) -> [Double] {
    let (rows, columns) = (height - SSIM.width + 1, width - SSIM.width + 1)
    var across = [Double](repeating: 0, count: height * columns)
    for y in 0..<height {
      for x in 0..<columns {
        for (k, weight) in window.enumerated() {
          across[y * columns + x] += weight * plane[y * width + x + k]
        }
      }
    }
    var result = [Double](repeating: 0, count: rows * columns)
    for y in 0..<rows {
      for x in 0..<columns {
        for (k, weight) in window.enumerated() {
          result[y * columns + x] += weight * across[(y + k) * columns + x]
        }
      }
    }
    return result
  }
}
