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

  /// Bound of the sum of the errors of all filtered values of a call, for values whose magnitudes add up to 1.
  ///
  /// A circulant matrix enlarges a sum of magnitudes by at most that of its kernel, and a product with n of its
  /// columns in single precision is off by at most n + 1 roundings, n + 6 where halves are taken together, of
  /// the products' magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1); one more rounds
  /// the difference of two taps. Values that nearly cancel, as where only their mean passes, are off by as much as
  /// others, so it is not a part of what is left of them.
  package func roundingBound(grid: TokenGrid, sigma: Double) -> Double {
    grid.grids.map { part in
      let counts = part.extents.filter { $0 > 1 }
      let roundings = counts.reduce(1) { $0 + ($1 % 2 == 0 ? $1 + 6 : $1 + 1) }
      let growth = counts.reduce(1.0) { $0 * kernel(count: $1, sigma: sigma).reduce(0) { $0 + abs($1) } }
      // First order; a hundredth more covers the rest.
      return 1.01 * Double(roundings) * growth * Double(Float.ulpOfOne) / 2
    }.max() ?? 0
  }

  /// Filters `values`, one row of `channels` numbers per valid token, at noise level `sigma`.
  ///
  /// In single precision, with kernels made in double (``roundingBound(grid:sigma:)``). Cost: at most
  /// tokens · channels · (frames + rows + columns) multiplications, half of it along an axis of even length.
  package func apply(
    to values: TensorDifference, channels: Int, grid: TokenGrid, sigma: Double
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: values.count) { result, count in
      values.lending { values in
        for part in grid.grids { apply(to: values, channels: channels, part, sigma: sigma, into: result) }
      }
      count = values.count
    }
  }

  /// Sixteen channels of all tokens at a time, which stay in the processor's cache for all axes.
  private typealias Lanes = SIMD16<Float>

  private func apply(
    to values: TensorDifference.Lent, channels: Int, _ part: TokenGrid.Grid, sigma: Double,
    into result: UnsafeMutableBufferPointer<Float>
  ) {
    let axes = part.extents.enumerated().filter { $0.element > 1 }.map { axis, count in
      Axis(kernel: kernel(count: count, sigma: sigma), stride: part.extents.dropFirst(axis + 1).reduce(1, *))
    }
    let size = Lanes.scalarCount
    part.places.withUnsafeBufferPointer { rows in
      withUnsafeTemporaryAllocation(of: Lanes.self, capacity: rows.count) { lanes in
        for channel in Swift.stride(from: 0, to: channels, by: size) {
          let width = min(size, channels - channel)
          for place in 0..<rows.count {
            let first = rows[place] * channels + channel
            if width == size {
              lanes[place] = values.sixteen(at: first)
            } else {
              lanes[place] = .zero
              for lane in 0..<width { lanes[place][lane] = Float(values.one(at: first + lane)) }
            }
          }
          for axis in axes { axis.filter(lanes) }
          for place in 0..<rows.count {
            let first = rows[place] * channels + channel
            if width == size {
              lanes[place].store(to: result, at: first)
            } else {
              for lane in 0..<width { result[first + lane] = lanes[place][lane] }
            }
          }
        }
      }
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
    /// The matrix for the sums, or for the tokens themselves, row by row; an odd number of rows is filled up.
    let sums: [Float]
    /// The matrix for the differences, if any.
    let differences: [Float]

    init(kernel: [Double], stride: Int) {
      let (count, half) = (kernel.count, kernel.count / 2)
      (self.count, self.stride) = (count, stride)
      size = count % 2 == 0 ? half : count
      let filling = [Float](repeating: 0, count: size % 2 * size)
      guard count % 2 == 0 else {
        sums = (0..<count * count).map { Float(kernel[($0 / count - $0 % count + count) % count]) } + filling
        differences = []
        return
      }
      let pairs = (0..<half * half).map { place in
        let shift = place / half - place % half + count
        return (near: kernel[shift % count], far: kernel[(shift + half) % count])
      }
      sums = pairs.map { Float(($0.near + $0.far) / 2) } + filling
      differences = pairs.map { Float(($0.near - $0.far) / 2) } + filling
    }

    /// Filters all lines of a grid along this axis in place.
    func filter(_ lanes: UnsafeMutableBufferPointer<Lanes>) {
      withUnsafeTemporaryAllocation(of: Lanes.self, capacity: count) { line in
        sums.withUnsafeBufferPointer { sums in
          differences.withUnsafeBufferPointer { differences in
            for block in Swift.stride(from: 0, to: lanes.count, by: count * stride) {
              for start in block..<block + stride {
                let tokens = lanes.baseAddress! + start
                if size == count {
                  filterWhole(tokens, line.baseAddress!, sums)
                } else {
                  filterHalves(tokens, line.baseAddress!, sums, differences)
                }
              }
            }
          }
        }
      }
    }

    @inline(__always)
    private func filterWhole(
      _ tokens: UnsafeMutablePointer<Lanes>, _ line: UnsafeMutablePointer<Lanes>,
      _ matrix: UnsafeBufferPointer<Float>
    ) {
      for place in 0..<count { line[place] = tokens[place * stride] }
      for target in Swift.stride(from: 0, to: count, by: 2) {
        let (first, second) = products(matrix, target, line)
        tokens[target * stride] = first
        if target + 1 < count { tokens[(target + 1) * stride] = second }
      }
    }

    @inline(__always)
    private func filterHalves(
      _ tokens: UnsafeMutablePointer<Lanes>, _ line: UnsafeMutablePointer<Lanes>,
      _ sums: UnsafeBufferPointer<Float>, _ differences: UnsafeBufferPointer<Float>
    ) {
      for place in 0..<size {
        let (near, far) = (tokens[place * stride], tokens[(place + size) * stride])
        line[place] = near + far
        line[place + size] = near - far
      }
      for target in Swift.stride(from: 0, to: size, by: 2) {
        let (sum, nextSum) = products(sums, target, line)
        let (difference, nextDifference) = products(differences, target, line + size)
        tokens[target * stride] = sum + difference
        tokens[(target + size) * stride] = sum - difference
        guard target + 1 < size else { continue }
        tokens[(target + 1) * stride] = nextSum + nextDifference
        tokens[(target + 1 + size) * stride] = nextSum - nextDifference
      }
    }

    /// Two rows of a matrix times a line, which is loaded once for both.
    @inline(__always)
    private func products(
      _ matrix: UnsafeBufferPointer<Float>, _ row: Int, _ line: UnsafeMutablePointer<Lanes>
    ) -> (Lanes, Lanes) {
      let rows = matrix.baseAddress! + row * size
      var (first, second) = (Lanes.zero, Lanes.zero)
      for source in 0..<size {
        let token = line[source]
        first += rows[source] * token
        second += rows[size + source] * token
      }
      return (first, second)
    }
  }
}
