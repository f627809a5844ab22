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
  /// Cost: at most tokens · channels · (frames + rows + columns) multiplications.
  package func apply(
    to values: TensorDifference, channels: Int, grid: TokenGrid, sigma: Double
  ) -> [Double] {
    [Double](unsafeUninitializedCapacity: values.count) { result, count in
      for part in grid.grids {
        let axes = part.extents.enumerated().filter { $0.element > 1 }.map { axis, count in
          Axis(
            kernel: kernel(count: count, sigma: sigma), stride: part.extents.dropFirst(axis + 1).reduce(1, *))
        }
        // Eight channels of all tokens at a time, which stay in the processor's cache for all axes.
        withUnsafeTemporaryAllocation(of: SIMD8<Double>.self, capacity: part.places.count) { lanes in
          values.lending { values in
            for channel in Swift.stride(from: 0, to: channels, by: 8) {
              let width = min(8, channels - channel)
              for (place, row) in part.places.enumerated() {
                let first = row * channels + channel
                if width == 8 {
                  lanes[place] = values.eight(at: first)
                } else {
                  lanes[place] = .zero
                  for lane in 0..<width { lanes[place][lane] = values.one(at: first + lane) }
                }
              }
              for axis in axes { axis.filter(lanes) }
              for (place, row) in part.places.enumerated() {
                for lane in 0..<width { result[row * channels + channel + lane] = lanes[place][lane] }
              }
            }
          }
        }
      }
      count = values.count
    }
  }

  /// What a line of tokens along one axis is multiplied with.
  ///
  /// With an even number of tokens, what the filter makes of the sums of tokens half a line apart and what it makes
  /// of their differences are sum and difference of the results: two matrices of half the size.
  private struct Axis {
    let count: Int
    let stride: Int
    /// Rows of the matrices: half the tokens, or all of an odd number.
    let size: Int
    /// The matrix for the sums, or for the tokens themselves, row by row.
    let sums: [Double]
    /// The matrix for the differences, if any.
    let differences: [Double]

    init(kernel: [Double], stride: Int) {
      let (count, half) = (kernel.count, kernel.count / 2)
      (self.count, self.stride) = (count, stride)
      guard count % 2 == 0 else {
        size = count
        sums = (0..<count * count).map { kernel[($0 / count - $0 % count + count) % count] }
        differences = []
        return
      }
      size = half
      let pairs = (0..<half * half).map { place in
        let shift = place / half - place % half + count
        return (near: kernel[shift % count], far: kernel[(shift + half) % count])
      }
      sums = pairs.map { ($0.near + $0.far) / 2 }
      differences = pairs.map { ($0.near - $0.far) / 2 }
    }

    /// Filters all lines of a grid along this axis in place.
    func filter(_ lanes: UnsafeMutableBufferPointer<SIMD8<Double>>) {
      withUnsafeTemporaryAllocation(of: SIMD8<Double>.self, capacity: 2 * size) { line in
        sums.withUnsafeBufferPointer { sums in
          differences.withUnsafeBufferPointer { differences in
            for block in Swift.stride(from: 0, to: lanes.count, by: count * stride) {
              for start in block..<block + stride {
                filterLine(lanes, from: start, line, sums, differences)
              }
            }
          }
        }
      }
    }

    @inline(__always)
    private func filterLine(
      _ lanes: UnsafeMutableBufferPointer<SIMD8<Double>>, from start: Int,
      _ line: UnsafeMutableBufferPointer<SIMD8<Double>>, _ sums: UnsafeBufferPointer<Double>,
      _ differences: UnsafeBufferPointer<Double>
    ) {
      func product(_ matrix: UnsafeBufferPointer<Double>, _ row: Int, _ first: Int) -> SIMD8<Double> {
        var sum = SIMD8<Double>.zero
        for source in 0..<size { sum += matrix[row * size + source] * line[first + source] }
        return sum
      }
      if size == count {
        for place in 0..<count { line[place] = lanes[start + place * stride] }
        for target in 0..<count { lanes[start + target * stride] = product(sums, target, 0) }
        return
      }
      for place in 0..<size {
        let (near, far) = (lanes[start + place * stride], lanes[start + (place + size) * stride])
        line[place] = near + far
        line[place + size] = near - far
      }
      for target in 0..<size {
        let (sum, difference) = (product(sums, target, 0), product(differences, target, size))
        lanes[start + target * stride] = sum + difference
        lanes[start + (target + size) * stride] = sum - difference
      }
    }
  }
}
