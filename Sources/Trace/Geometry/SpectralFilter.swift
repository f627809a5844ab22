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
  package func apply(
    to values: TensorDifference, channels: Int, grid: TokenGrid, sigma: Double
  ) -> [Double] {
    [Double](unsafeUninitializedCapacity: values.count) { result, count in
      values.lending { values in
        for part in grid.grids {
          var isFirst = true
          for (axis, count) in part.extents.enumerated() where count > 1 {
            let lines = Lines(
              part, axis: axis, channels: channels, kernel: kernel(count: count, sigma: sigma))
            // The first pass reads the tensor, the others what the one before left.
            if isFirst {
              lines.filter(into: result, eight: { values.eight(at: $0) }, one: { values.one(at: $0) })
            } else {
              lines.filter(into: result, eight: { SIMD8(loading: result, at: $0) }, one: { result[$0] })
            }
            isFirst = false
          }
          guard isFirst else { continue }
          for index in part.places.flatMap({ $0 * channels..<($0 + 1) * channels }) {
            result[index] = values.one(at: index)
          }
        }
      }
      count = values.count
    }
  }

  /// All lines of a grid along one axis, and what each is multiplied with.
  private struct Lines {
    let part: TokenGrid.Grid
    let axis: Int
    let channels: Int
    /// First column of the circulant matrix.
    let kernel: [Double]

    init(_ part: TokenGrid.Grid, axis: Int, channels: Int, kernel: [Double]) {
      (self.part, self.axis, self.channels, self.kernel) = (part, axis, channels, kernel)
    }

    /// Reads all numbers of a line before it writes them, so that both may be in one place.
    @inline(__always)
    func filter(
      into result: UnsafeMutableBufferPointer<Double>, eight: (Int) -> SIMD8<Double>, one: (Int) -> Double
    ) {
      let count = kernel.count
      let stride = part.extents.dropFirst(axis + 1).reduce(1, *)
      // A window on the kernel run through twice: weights of target t are at count − t and on.
      let weights = kernel + kernel
      withUnsafeTemporaryAllocation(of: SIMD8<Double>.self, capacity: count) { line in
        weights.withUnsafeBufferPointer { weights in
          part.places.withUnsafeBufferPointer { places in
            for start in 0..<places.count where start / stride % count == 0 {
              var channel = 0
              while channel + 8 <= channels {
                for source in 0..<count {
                  line[source] = eight(places[start + source * stride] * channels + channel)
                }
                for target in 0..<count {
                  var sum = SIMD8<Double>.zero
                  // The kernel is even, so that the window may run either way.
                  for source in 0..<count { sum += weights[count - target + source] * line[source] }
                  sum.store(to: result, at: places[start + target * stride] * channels + channel)
                }
                channel += 8
              }
              while channel < channels {
                for source in 0..<count {
                  line[source][0] = one(places[start + source * stride] * channels + channel)
                }
                for target in 0..<count {
                  var sum = 0.0
                  for source in 0..<count { sum += weights[count - target + source] * line[source][0] }
                  result[places[start + target * stride] * channels + channel] = sum
                }
                channel += 1
              }
            }
          }
        }
      }
    }
  }
}
