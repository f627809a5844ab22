import Foundation

/// A filter over the token grid whose gain follows the noise level (SeaCache, CVPR 2026;
/// jiwoogit/SeaCache 0a91c2b).
///
/// Per axis with frequencies `f` of the discrete Fourier transform, in cycles per token, and
/// `S = 1 / (|f|^p + 1e-16)`: `gain = a S / (a² S + b² + 1e-16)` with `a = 1 − σ` and `b = σ`, both within
/// 1e-6 of 0 and 1; the gains of the axes are multiplied and divided by their mean over the spectrum.
public struct SpectralFilter: Hashable, Sendable {
  /// p in `|f|^p`.
  public var power: Int

  public init(power: Int) { self.power = power }

  /// The filter along an axis of `count` tokens as the first column of a circulant matrix.
  ///
  /// The gain is even in the frequency, so the kernel is real.
  func kernel(count: Int, sigma: Double) -> [Double] {
    let b = min(max(sigma, 1e-6), 1 - 1e-6)
    let a = min(max(1 - sigma, 1e-6), 1 - 1e-6)
    var gains = (0..<count).map { index in
      let frequency = Double(min(index, count - index)) / Double(count)
      let s = 1 / (pow(frequency, Double(power)) + 1e-16)
      return a * s / (a * a * s + b * b + 1e-16)
    }
    let mean = gains.reduce(0, +) / Double(count)
    gains = gains.map { $0 / mean }
    return (0..<count).map { shift in
      gains.enumerated().reduce(0) { sum, gain in
        sum + gain.element * cos(2 * .pi * Double(gain.offset * shift % count) / Double(count))
      } / Double(count)
    }
  }

  /// Filters `values`, one row of `channels` numbers per valid token, at noise level `sigma`.
  ///
  /// Cost: tokens · channels · (frames + rows + columns) multiplications.
  package func apply(to values: [Double], channels: Int, grid: TokenGrid, sigma: Double) -> [Double] {
    var result = values
    for part in grid.grids {
      for (axis, count) in part.extents.enumerated() where count > 1 {
        let kernel = kernel(count: count, sigma: sigma)
        let stride = part.extents.dropFirst(axis + 1).reduce(1, *)
        var line = [Double](repeating: 0, count: count * channels)
        for start in 0..<part.places.count where start / stride % count == 0 {
          let places = (0..<count).map { part.places[start + $0 * stride] }
          for index in line.indices { line[index] = 0 }
          for (source, place) in places.enumerated() {
            for target in 0..<count {
              let weight = kernel[(target - source + count) % count]
              for channel in 0..<channels {
                line[target * channels + channel] += weight * result[place * channels + channel]
              }
            }
          }
          for (target, place) in places.enumerated() {
            for channel in 0..<channels {
              result[place * channels + channel] = line[target * channels + channel]
            }
          }
        }
      }
    }
    return result
  }
}
