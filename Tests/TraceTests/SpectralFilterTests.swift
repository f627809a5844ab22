import Foundation
import Testing

@testable import Trace

@Suite("SeaCache's filter")
struct SpectralFilterTests {
  private func grid(_ frames: Int, _ rows: Int, _ columns: Int, modality: Int = 0) -> [TokenTable.Token] {
    (0..<frames * rows * columns).map {
      TokenTable.Token(
        modality: modality, frame: $0 / (rows * columns), row: $0 / columns % rows, column: $0 % columns,
        validChannels: 1)
    }
  }

  /// The definition: transform, multiply by the product of the axes' gains over its mean, transform back.
  private func naive(_ values: [Double], _ extents: [Int], sigma: Double, power: Int) -> [Double] {
    let indices = (0..<values.count).map { place in
      [place / (extents[1] * extents[2]), place / extents[2] % extents[1], place % extents[2]]
    }
    func phase(_ a: [Int], _ b: [Int]) -> Double {
      2 * Double.pi * (0..<3).reduce(0.0) { $0 + Double(a[$1] * b[$1]) / Double(extents[$1]) }
    }
    let (a, b) = (min(max(1 - sigma, 1e-6), 1 - 1e-6), min(max(sigma, 1e-6), 1 - 1e-6))
    var gains = indices.map { index in
      (0..<3).reduce(1.0) { product, axis in
        // Frequencies from −½ to ½ cycles per token.
        let k = index[axis] > (extents[axis] - 1) / 2 ? index[axis] - extents[axis] : index[axis]
        let s = 1 / (pow(abs(Double(k) / Double(extents[axis])), Double(power)) + 1e-16)
        return product * a * s / (a * a * s + b * b + 1e-16)
      }
    }
    let mean = gains.reduce(0, +) / Double(gains.count)
    gains = gains.map { $0 / mean }
    let spectrum = indices.enumerated().map { place, frequency in
      indices.indices.reduce((0.0, 0.0)) { sum, token in
        let angle = phase(frequency, indices[token])
        return (
          sum.0 + gains[place] * values[token] * cos(angle), sum.1 - gains[place] * values[token] * sin(angle)
        )
      }
    }
    return indices.map { token in
      indices.indices.reduce(0.0) { sum, place in
        let angle = phase(indices[place], token)
        return sum + spectrum[place].0 * cos(angle) - spectrum[place].1 * sin(angle)
      } / Double(values.count)
    }
  }

  // Slack: eight roundings to single precision of the largest value.
  private func expectClose(_ values: [Float], _ expected: [Double], _ comment: Comment) {
    let largest = expected.map { abs($0) }.max() ?? 0
    for (value, expected) in zip(values, expected) {
      #expect(abs(Double(value) - expected) <= 4 * Double(Float.ulpOfOne) * largest, comment)
    }
    #expect(values.count == expected.count, comment)
  }

  @Test("the filter equals the definition by a discrete Fourier transform")
  func definition() throws {
    for extents in [[1, 1, 1], [1, 1, 5], [1, 4, 6], [2, 3, 4], [3, 1, 2], [1, 7, 9], [4, 8, 12]] {
      let tokens = grid(extents[0], extents[1], extents[2])
      let values = tokens.indices.map { Double($0 * $0 % 17) - 8 }
      for (sigma, power) in [(0.5, 2), (0.9, 3), (0.05, 3), (1, 2), (0, 2)] {
        let filtered = SpectralFilter(power: power).apply(
          to: TensorDifference(values.map(Float.init)), channels: 1, grid: try #require(TokenGrid(tokens)),
          sigma: sigma)
        expectClose(
          filtered, naive(values, extents, sigma: sigma, power: power),
          "\(extents), sigma \(sigma), power \(power)")
      }
    }
  }

  @Test("figures of NumPy's fft")
  func numPy() throws {
    // numpy 2.4.6: ifftn(H * fftn(x)).real with H from fftfreq, for [[1, 2, 4], [8, 16, 32]] and (arange(12) ** 2) in (2, 2, 3).
    let rows: [Double] = [1, 2, 4, 8, 16, 32]
    let flat = try #require(TokenGrid(grid(1, 2, 3)))
    let expected: [(Double, Int, [Double])] = [
      (
        0.5, 2,
        [
          2.2936507936507953, 4.115079365079369, 7.757936507936506, 9.849206349206352, 17.670634920634924,
          33.31349206349206,
        ]
      ),
      (
        0.9, 3,
        [
          30.72164948453596, 34.56185567010298, 42.24226804123702, 35.3402061855669, 39.7577319587628,
          48.59278350515458,
        ]
      ),
      (
        1, 2,
        [
          62.99999999809379, 62.99999999833681, 62.999999998822865, 62.999999998485826, 62.999999998728846,
          62.9999999992149,
        ]
      ),
    ]
    for (sigma, power, expected) in expected {
      let filtered = SpectralFilter(power: power).apply(
        to: TensorDifference(rows.map(Float.init)), channels: 1, grid: flat, sigma: sigma)
      expectClose(filtered, expected, "sigma \(sigma), power \(power)")
    }
    let cube = SpectralFilter(power: 3).apply(
      to: TensorDifference((0..<12).map { Float($0 * $0) }), channels: 1,
      grid: try #require(TokenGrid(grid(2, 2, 3))),
      sigma: 0.25)
    expectClose(
      cube,
      [
        0.32251598716465324, 1.4597906601729704, 4.621969019269294, 9.61863977977945, 16.747410291075525,
        25.90108448845959, 36.715981040183735, 49.836247389767564, 64.98141742543939, 81.61453976837751,
        100.72630195624909, 121.86296783020865,
      ], "three axes")
  }

  @Test("channels and modalities are filtered apart, wherever their rows lie")
  func apart() throws {
    // Modality 1 lies before modality 0, and each row has two channels.
    let tokens = grid(1, 1, 3, modality: 1) + grid(1, 2, 2)
    let first: [Double] = [1, 2, 4, 8, 16, 32, 64]
    let second: [Double] = [3, -1, 0, 5, 5, -2, 1]
    let both = zip(first, second).flatMap { [$0, $1] }
    let filter = SpectralFilter(power: 2)
    let filtered = filter.apply(
      to: TensorDifference(both.map(Float.init)), channels: 2, grid: try #require(TokenGrid(tokens)),
      sigma: 0.4)
    for (channel, values) in [first, second].enumerated() {
      let line = naive(Array(values[0..<3]), [1, 1, 3], sigma: 0.4, power: 2)
      let square = naive(Array(values[3..<7]), [1, 2, 2], sigma: 0.4, power: 2)
      let result = stride(from: channel, to: 14, by: 2).map { filtered[$0] }
      expectClose(Array(result[0..<3]), line, "modality 1, channel \(channel)")
      expectClose(Array(result[3..<7]), square, "modality 0, channel \(channel)")
    }
  }

  @Test("sums of filtered magnitudes and changes are off by no more than their bound")
  func bound() throws {
    let tokens = grid(3, 4, 5)
    let grid = try #require(TokenGrid(tokens))
    var generator = SystemRandomNumberGenerator()
    let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
    var state = seed
    func next() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) / Double(1 << 53) * 2 - 1
    }
    let cases: [(power: Int, sigmas: [Double], mean: Double)] = [
      (2, [0.9, 0.88], 0), (3, [0.5, 0.5], 5), (2, [0.1, 0.02], 0), (8, [1, 0.97], 0), (2, [1, 1], 0),
      (2, [1, 1], 1),
    ]
    // Often, since now and then what a filter lets pass nearly cancels.
    for (power, sigmas, mean) in (0..<20).flatMap({ _ in cases }) {
      let filter = SpectralFilter(power: power)
      let start = tokens.map { _ in Float(mean + next()) }
      // The second call is near the first.
      let calls = [start, start.map { $0 + Float(1e-3 * next()) }]
      let filtered = zip(calls, sigmas).map {
        filter.apply(to: TensorDifference($0), channels: 1, grid: grid, sigma: $1)
      }
      let exact = zip(calls, sigmas).map { naive($0.map(Double.init), [3, 4, 5], sigma: $1, power: power) }
      let bounds = zip(calls, sigmas).map { values, sigma in
        filter.roundingBound(grid: grid, sigma: sigma) * values.reduce(0) { $0 + abs(Double($1)) }
      }
      let comment: Comment = "power \(power), sigmas \(sigmas), mean \(mean), seed \(seed)"
      for (place, values) in filtered.enumerated() {
        let sums = ChangeSums.of(TensorDifference(values))
        let absolute = exact[place].reduce(0) { $0 + abs($1) }
        let norm = exact[place].reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(sums.absolute - absolute) <= bounds[place], comment)
        #expect(abs(sums.squared.squareRoot() - norm) <= bounds[place], comment)
      }
      let measured = ChangeSums.between(TensorDifference(filtered[0]), TensorDifference(filtered[1])).absolute
      let change = zip(exact[0], exact[1]).reduce(0) { $0 + abs($1.0 - $1.1) }
      #expect(abs(measured - change) <= bounds[0] + bounds[1], comment)
    }
  }

  @Test("the bound: a rounding for every product in a row, times the magnitudes of the kernels")
  func boundByHand() throws {
    let grid = try #require(TokenGrid(grid(1, 2, 3)))
    let filter = SpectralFilter(power: 2)
    // Two tokens in halves have 8 roundings, three have 4, and the difference of two taps one.
    let kernels = [2, 3].map { filter.kernel(count: $0, sigma: 0.5).reduce(0) { $0 + abs($1) } }
    let bound = filter.roundingBound(grid: grid, sigma: 0.5)
    #expect(abs(bound / (1.01 * 13 * kernels[0] * kernels[1] / Double(1 << 24)) - 1) < 1e-12)
    // Kernels of ones where only the mean passes.
    let flat = filter.roundingBound(grid: grid, sigma: 1)
    #expect(abs(flat / (1.01 * 13 * 6 / Double(1 << 24)) - 1) < 1e-4)
  }

  @Test("channels beyond sixteen are filtered as each alone, and a tap less another as their difference")
  func manyChannels() throws {
    let (tokens, channels) = (grid(2, 3, 4), 35)
    let numbers = (0..<24 * channels).map { Float($0 * $0 % 31) - 15 }
    let others = (0..<24 * channels).map { Float($0 * 7 % 13) }
    let filter = SpectralFilter(power: 3)
    let all = filter.apply(
      to: TensorDifference(numbers, minus: others), channels: channels, grid: try #require(TokenGrid(tokens)),
      sigma: 0.6)
    for channel in 0..<channels {
      let places = stride(from: channel, to: numbers.count, by: channels)
      let line = places.map { Double(numbers[$0]) - Double(others[$0]) }
      expectClose(
        places.map { all[$0] }, naive(line, [2, 3, 4], sigma: 0.6, power: 3), "channel \(channel)")
    }
  }

  @Test("tokens that do not fill a grid have none")
  func noGrid() {
    #expect(TokenGrid(Array(grid(1, 2, 2).dropLast())) == nil)
    var doubled = grid(1, 2, 2)
    doubled[3] = doubled[2]
    #expect(TokenGrid(doubled) == nil)
    #expect(TokenGrid(grid(2, 2, 2))?.grids.map(\.extents) == [[2, 2, 2]])
  }
}
