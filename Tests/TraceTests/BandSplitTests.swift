import Foundation
import Testing

@testable import Trace

@Suite("Frequency bands")
struct BandSplitTests {
  /// Frames of rows × columns for each modality.
  private func tokens(_ modalities: Int, _ frames: Int, _ rows: Int, _ columns: Int) -> [TokenTable.Token] {
    (0..<modalities).flatMap { modality in
      (0..<frames).flatMap { frame in
        (0..<(rows * columns)).map {
          TokenTable.Token(
            modality: modality, frame: frame, row: $0 / columns, column: $0 % columns, validChannels: 1)
        }
      }
    }
  }

  private static let splits: [BandSplit] = [
    .cosine(fraction: 0.1), .cosine(fraction: 0.4), .cosine(fraction: 1), .fourier(fraction: 0.1),
    .fourier(fraction: 0.6), .fourier(fraction: 1), .disc(fraction: 0.2), .disc(fraction: 0.4),
  ]

  private func noise(_ count: Int) -> [Float] {
    (0..<count).map { Float(sin(Double($0 * $0) * 0.7 + 0.3)) }
  }

  @Test("modes are orthonormal", arguments: splits)
  func orthonormal(split: BandSplit) throws {
    for (rows, columns) in [(1, 1), (1, 7), (5, 6), (6, 5), (10, 10)] {
      let band = try #require(split.lowBand(of: tokens(1, 2, rows, columns)))
      for (i, a) in band.modes.enumerated() {
        for (j, b) in band.modes.enumerated() {
          let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
          #expect(abs(product - (i == j ? 1 : 0)) < 1e-12, "\(rows) x \(columns), modes \(i) and \(j)")
        }
      }
    }
  }

  @Test("projecting twice is projecting once, and the bands are orthogonal", arguments: splits)
  func projection(split: BandSplit) throws {
    let layout = tokens(2, 2, 5, 6)
    let band = try #require(split.lowBand(of: layout))
    let values = noise(layout.count * 3)
    let low = band.split(values, channels: 3).low
    // Slack: bands are kept as floats of order one.
    for (a, b) in zip(low, band.split(low, channels: 3).low) { #expect(abs(a - b) < 1e-5) }
    let product = zip(values, low).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.1) }
    #expect(abs(product) < 1e-4)
  }

  @Test(
    "any number of channels is split as each alone, and rows of no token are left whole",
    arguments: [1, 7, 8, 19])
  func channels(count: Int) throws {
    let layout = tokens(1, 2, 3, 4)
    let band = try #require(BandSplit.disc(fraction: 0.4).lowBand(of: layout))
    // Every third row belongs to no token.
    let rows = layout.indices.map { $0 + $0 / 2 }
    let values = noise((rows.last! + 2) * count)
    let (low, high) = band.split(values, channels: count, rows: rows)
    for channel in 0..<count {
      let alone = band.split(rows.map { values[$0 * count + channel] }, channels: 1)
      #expect(rows.map { low[$0 * count + channel] } == alone.low)
      #expect(rows.map { high[$0 * count + channel] } == alone.high)
    }
    for row in 0..<(values.count / count) where !rows.contains(row) {
      let own = (row * count)..<((row + 1) * count)
      #expect(low[own].allSatisfy { $0 == 0 })
      #expect(high[own] == values[own])
    }
    #expect(zip(values, zip(low, high)).allSatisfy { abs($0 - ($1.0 + $1.1)) < 1e-6 })
  }

  @Test("cosine: the naive transform, cut at a tenth, four tenths or all of the largest radius")
  func cosine() throws {
    let (rows, columns) = (4, 5)
    let values = noise(rows * columns)
    for fraction in [0.1, 0.4, 1] {
      let band = try #require(BandSplit.cosine(fraction: fraction).lowBand(of: tokens(1, 1, rows, columns)))
      let low = band.split(values, channels: 1).low
      // DCT-II and its inverse, orthonormal, coefficient by coefficient.
      var expected = [Double](repeating: 0, count: rows * columns)
      for v in 0..<rows {
        for u in 0..<columns
        where Double(v * v + u * u).squareRoot() <= fraction * Double(3 * 3 + 4 * 4).squareRoot() {
          func basis(_ place: Int) -> Double {
            let scale = ((v == 0 ? 1.0 : 2) / Double(rows) * (u == 0 ? 1.0 : 2) / Double(columns))
              .squareRoot()
            return scale * cos(.pi * Double((2 * (place / columns) + 1) * v) / Double(2 * rows))
              * cos(.pi * Double((2 * (place % columns) + 1) * u) / Double(2 * columns))
          }
          let coefficient = values.indices.reduce(0) { $0 + Double(values[$1]) * basis($1) }
          for place in values.indices { expected[place] += coefficient * basis(place) }
        }
      }
      for (a, b) in zip(low, expected) { #expect(abs(Double(a) - b) < 1e-5) }
    }
  }

  @Test(
    "fourier: the naive transform along the tokens, even and odd numbers of them", arguments: [8, 9, 20, 21])
  func fourier(count: Int) throws {
    let values = noise(count)
    for fraction in [0.1, 0.25, 0.5, 1] {
      let low = try #require(BandSplit.fourier(fraction: fraction).lowBand(of: tokens(1, 1, 1, count)))
        .split(values, channels: 1).low
      // fftfreq: k / N up to N/2, then negative; low where |f| ≤ fraction · max |f|.
      let frequencies = (0..<count).map { Double(min($0, count - $0)) / Double(count) }
      let cut = fraction * frequencies.max()! + 1e-12
      for place in 0..<count {
        var sum = 0.0
        for k in 0..<count where frequencies[k] <= cut {
          for other in 0..<count {
            sum +=
              Double(values[other]) * cos(2 * .pi * Double(k * (place - other)) / Double(count))
              / Double(count)
          }
        }
        #expect(abs(Double(low[place]) - sum) < 1e-5, "token \(place), fraction \(fraction)")
      }
    }
  }

  @Test("disc: the naive two-dimensional transform, cut at a fifth of the shorter side")
  func disc() throws {
    let (rows, columns) = (10, 11)
    let values = noise(rows * columns)
    let low = try #require(BandSplit.disc(fraction: 0.2).lowBand(of: tokens(1, 1, rows, columns)))
      .split(values, channels: 1).low
    for place in stride(from: 0, to: values.count, by: 7) {
      var sum = 0.0
      for v in -5...4 {
        for u in -5...5 where v * v + u * u <= 4 {
          for other in values.indices {
            let angle =
              2 * .pi
              * (Double(v * (place / columns - other / columns)) / Double(rows)
                + Double(u * (place % columns - other % columns)) / Double(columns))
            sum += Double(values[other]) * cos(angle) / Double(rows * columns)
          }
        }
      }
      #expect(abs(Double(low[place]) - sum) < 1e-5)
    }
  }

  @Test("frames and modalities are split apart; fourier runs through all")
  func sets() throws {
    let layout = tokens(2, 3, 2, 2)
    #expect(try #require(BandSplit.cosine(fraction: 0.1).lowBand(of: layout)).sets.count == 6)
    #expect(try #require(BandSplit.disc(fraction: 0.2).lowBand(of: layout)).sets.count == 6)
    #expect(try #require(BandSplit.fourier(fraction: 0.1).lowBand(of: layout)).sets == [Array(0..<24)])
    #expect(BandSplit.cosine(fraction: 0.1).lowBand(of: Array(layout.dropLast())) == nil)
  }
}

@Suite("Components of combinations")
struct CombinationComponentTests {
  @Test("terms of different components stand apart, those of one are added up")
  func components() {
    let high = Combination.Component(band: 1)
    let other = Combination.Component(branch: 0, band: 1)
    let sum =
      Combination(valueAt: 3, component: other) + Combination(valueAt: 5) * 2
      + Combination(valueAt: 1, component: high) + Combination(valueAt: 5, component: high) * 0.5
      + Combination(valueAt: 5, component: high) * 0.25
    #expect(sum.terms.map(\.position) == [5, 1, 5, 3])
    #expect(sum.terms.map(\.weight) == [2, 1, 0.75, 1])
    #expect(sum.terms.map(\.component) == [.own, high, high, other])
    #expect(sum.weightSum == 4.75)
  }

  @Test("what cancels within a component is gone; across components nothing cancels")
  func cancelling() {
    let high = Combination.Component(band: 1)
    let value = Combination(valueAt: 2, component: high)
    #expect((value - value).terms.isEmpty)
    #expect((value - Combination(valueAt: 2)).terms.count == 2)
  }

  @Test("the weights of another component, in the same order")
  func moved() {
    let line = Combination(valueAt: 4) * 2 - Combination(valueAt: 1)
    let moved = line.of(.init(band: 1))
    #expect(moved.terms.map(\.position) == [1, 4])
    #expect(moved.terms.map(\.weight) == [-1, 2])
    #expect(moved.terms.allSatisfy { $0.component == .init(band: 1) })
    #expect((line * 3 / 3).terms == line.terms)
  }
}
