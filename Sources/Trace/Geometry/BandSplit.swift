import Foundation

/// How the value at a site is split into a low and a high frequency band (FreqCa; Tammytcl/FreqCa e0a4bf3;
/// FasterCache; huggingface/diffusers 58eb52c).
public enum BandSplit: Hashable, Sendable {
  /// Two-dimensional cosine transform of every frame; low where the radial index is at most `fraction`
  /// of the largest.
  case cosine(fraction: Double)
  /// Fourier transform along the tokens in their order; low where |f| is at most `fraction` of the largest.
  case fourier(fraction: Double)
  /// Two-dimensional Fourier transform of every frame; low where the radial index is at most
  /// ⌊`fraction` · min(rows, columns)⌋, with a fraction below one half.
  case disc(fraction: Double)

  /// An orthonormal basis of the low band of each set of tokens that is transformed as one.
  package func lowBand(of tokens: [TokenTable.Token]) -> LowBand? {
    switch self {
    case .fourier(let fraction):
      let count = tokens.count
      var modes = [[Double](repeating: (1 / Double(count)).squareRoot(), count: count)]
      // The largest frequency is ⌊N/2⌋ / N.
      for k in 1..<max(count / 2 + 1, 1) where Double(k) <= fraction * Double(count / 2) {
        let scale = (2 / Double(count)).squareRoot()
        let angle = { (i: Int) in 2 * .pi * Double(k * i % count) / Double(count) }
        if 2 * k == count {
          modes.append((0..<count).map { (1 / Double(count)).squareRoot() * cos(angle($0)) })
        } else {
          modes.append((0..<count).map { scale * cos(angle($0)) })
          modes.append((0..<count).map { scale * sin(angle($0)) })
        }
      }
      return LowBand(sets: [Array(tokens.indices)], modes: modes)
    case .cosine(let fraction):
      guard let frames = BandSplit.frames(tokens) else { return nil }
      let (rows, columns) = (frames.rows, frames.columns)
      func wave(_ k: Int, _ i: Int, _ n: Int) -> Double {
        (k == 0 ? 1 / Double(n) : 2 / Double(n)).squareRoot()
          * cos(.pi * (Double(i) + 0.5) * Double(k) / Double(n))
      }
      let largest = Double((rows - 1) * (rows - 1) + (columns - 1) * (columns - 1)).squareRoot()
      var modes: [[Double]] = []
      for v in 0..<rows {
        for u in 0..<columns where Double(v * v + u * u).squareRoot() <= fraction * largest {
          modes.append(
            (0..<(rows * columns)).map { wave(v, $0 / columns, rows) * wave(u, $0 % columns, columns) })
        }
      }
      return LowBand(sets: frames.sets, modes: modes)
    case .disc(let fraction):
      guard let frames = BandSplit.frames(tokens) else { return nil }
      let (rows, columns) = (frames.rows, frames.columns)
      let radius = Int(fraction * Double(min(rows, columns)))
      let count = Double(rows * columns)
      var modes = [[Double](repeating: (1 / count).squareRoot(), count: rows * columns)]
      // One of each pair of opposite frequencies: both have the same two real waves.
      for v in 0..<(radius + 1) {
        for u in (v == 0 ? 1 : -radius)..<(radius + 1) where v * v + u * u <= radius * radius {
          let angles = (0..<(rows * columns)).map { place in
            2 * .pi
              * (Double(v * (place / columns)) / Double(rows) + Double(u * (place % columns))
                / Double(columns))
          }
          modes.append(angles.map { (2 / count).squareRoot() * cos($0) })
          modes.append(angles.map { (2 / count).squareRoot() * sin($0) })
        }
      }
      return LowBand(sets: frames.sets, modes: modes)
    }
  }

  /// The places of every frame's tokens, row by row; nil where frames are no full grids of one size.
  private static func frames(_ tokens: [TokenTable.Token]) -> (rows: Int, columns: Int, sets: [[Int]])? {
    guard let grid = TokenGrid(tokens), let first = grid.grids.first,
      grid.grids.allSatisfy({ $0.rows == first.rows && $0.columns == first.columns })
    else { return nil }
    let size = first.rows * first.columns
    let sets = grid.grids.flatMap { part in
      (0..<part.frames).map { frame in Array(part.places[(frame * size)..<((frame + 1) * size)]) }
    }
    return (first.rows, first.columns, sets)
  }
}

/// The projection onto a low frequency band: for every set of tokens the same orthonormal modes.
package struct LowBand {
  /// Places of the tokens of each set, all sets being of one size.
  let sets: [[Int]]
  /// `[mode][token of a set]`.
  let modes: [[Double]]

  /// The low band of `values`, one row of `channels` numbers per token, and what is left of them.
  ///
  /// `rows` says where the tokens lie in `values`, in their order where it is nil; other rows have no low band. Sums
  /// are taken in double precision. Cost: 2 · tokens · channels · modes multiplications.
  package func split(
    _ values: [Float], channels: Int, rows: [Int]? = nil
  ) -> (low: [Float], high: [Float]) {
    var low = [Float](repeating: 0, count: values.count)
    var high = values
    low.withUnsafeMutableBufferPointer { low in
      high.withUnsafeMutableBufferPointer { high in
        values.withUnsafeBufferPointer { values in
          for set in sets {
            let starts = set.map { place in (rows?[place] ?? place) * channels }
            for channel in stride(from: 0, to: channels, by: 8) {
              split(values, starts, channel, width: min(8, channels - channel), into: low, high)
            }
          }
        }
      }
    }
    return (low, high)
  }

  // Up to eight channels of one set, which stay in the processor's cache for all modes.
  private func split(
    _ values: UnsafeBufferPointer<Float>, _ starts: [Int], _ channel: Int, width: Int,
    into low: UnsafeMutableBufferPointer<Float>, _ high: UnsafeMutableBufferPointer<Float>
  ) {
    typealias Lanes = SIMD8<Double>
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 * starts.count) { lanes in
      let sums = UnsafeMutableBufferPointer(rebasing: lanes[starts.count...])
      for (place, start) in starts.enumerated() {
        if width == 8 {
          lanes[place] = Lanes(loading: values, at: start + channel)
        } else {
          lanes[place] = .zero
          for lane in 0..<width { lanes[place][lane] = Double(values[start + channel + lane]) }
        }
        sums[place] = .zero
      }
      for mode in modes {
        mode.withUnsafeBufferPointer { mode in
          var sum = Lanes.zero
          for place in mode.indices { sum += mode[place] * lanes[place] }
          for place in mode.indices { sums[place] += mode[place] * sum }
        }
      }
      for (place, start) in starts.enumerated() {
        let own = SIMD8<Float>(sums[place])
        let rest = SIMD8<Float>(lanes[place]) - own
        if width == 8 {
          own.store(to: low, at: start + channel)
          rest.store(to: high, at: start + channel)
        } else {
          for lane in 0..<width {
            low[start + channel + lane] = own[lane]
            high[start + channel + lane] = rest[lane]
          }
        }
      }
    }
  }
}
