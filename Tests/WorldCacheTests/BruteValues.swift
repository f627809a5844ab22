import Foundation
import Trace

@testable import WorldCache

/// A rollout's values in double precision, and everything that is asked of them worked out the long way, from
/// the definitions: no distances, nothing of the geometry.
final class BruteValues {
  let trace: SyntheticTrace
  let site: Site
  let branchCount: Int
  let callCount: Int
  let tokens: [TokenTable.Token]
  let channelCount: Int
  /// Weight of every call in the final latent, `[branch][position]`.
  let weights: [[Double]]
  /// What is cached, `[branch][position][band]`, token after token.
  private let values: [[[[Double]]]]
  /// What is emitted, `[branch][position]`.
  private let emissions: [[[Double]]]
  private var filtered: [FilterKey: [Double]] = [:]

  private struct FilterKey: Hashable {
    let change: ChangeRequest
    let branch: Int
    let position: Int
  }

  init(_ trace: SyntheticTrace, _ site: Site, _ split: BandSplit?) {
    self.trace = trace
    self.site = site
    let layout = trace.layout(of: .output)
    (tokens, channelCount) = (layout.tokens, layout.channelCount)
    let recorded = trace.header.branchCount
    callCount = trace.calls.count / recorded
    let branchCount = site == .guided ? 1 : recorded
    self.branchCount = branchCount
    let all = (0..<recorded).map { branch in trace.calls.filter { $0.branch == branch }.map(\.weight) }
    weights =
      site == .guided
      ? [all[0].indices.map { position in all.reduce(0) { $0 + $1[position] } }] : all
    let (from, to) = site.stretch(blockCount: SyntheticTrace.blockCount)!
    let emissions = BruteValues.numbers(trace, to, branchCount)
    let beginnings = from.map { BruteValues.numbers(trace, $0, branchCount) }
    let low = split.map { BruteValues.lowBand($0, layout.tokens) }
    let channels = channelCount
    values = emissions.enumerated().map { branch, calls in
      calls.enumerated().map { position, emission in
        let value = beginnings.map { zip(emission, $0[branch][position]).map { $0 - $1 } } ?? emission
        guard let low else { return [value] }
        let part = BruteValues.product(low, value, channels)
        return [part, zip(value, part).map { $0 - $1 }]
      }
    }
    self.emissions = emissions
  }

  private static func numbers(_ trace: SyntheticTrace, _ tap: Tap, _ branchCount: Int) -> [[[Double]]] {
    trace.features[tap]!.prefix(branchCount).map { $0.map { $0.flatMap { $0.map(Double.init) } } }
  }

  /// A combination of one branch's values, token after token.
  func vector(_ combination: Combination, branch: Int) -> [Double] {
    var sum = [Double](repeating: 0, count: tokens.count * channelCount)
    for term in combination.terms {
      let value = values[term.component.branch ?? branch][term.position][term.component.band]
      for index in sum.indices { sum[index] += term.weight * value[index] }
    }
    return sum
  }

  /// The recorded value of what is cached.
  func recorded(_ position: Int, branch: Int) -> [Double] {
    values[branch][position].dropFirst().reduce(values[branch][position][0]) { zip($0, $1).map(+) }
  }

  /// Mean over tokens of the squared norm of what a call emits.
  func meanSquare(_ position: Int, branch: Int) -> Double {
    emissions[branch][position].reduce(0) { $0 + $1 * $1 } / Double(tokens.count)
  }

  /// Squared norms, one per token.
  func squares(_ vector: [Double]) -> [Double] {
    tokens.indices.map { token in
      vector[(token * channelCount)..<((token + 1) * channelCount)].reduce(0) { $0 + $1 * $1 }
    }
  }

  /// The value of a quantity at a call, filtered where asked for.
  func quantity(_ change: ChangeRequest, _ position: Int, branch: Int) -> [Double] {
    let key = FilterKey(change: change, branch: branch, position: position)
    if let known = filtered[key] { return known }
    func numbers(_ tap: Tap) -> [Double] {
      trace.features[tap]![branch][position].flatMap { $0.map(Double.init) }
    }
    var value = numbers(change.quantity.tap)
    if let minus = change.quantity.minus { value = zip(value, numbers(minus)).map { $0 - $1 } }
    if let filter = change.filter {
      let sigma = trace.calls.first { $0.branch == branch && $0.position == position }!.sigma
      value = BruteValues.filtered(value, filter.power, sigma, tokens, channelCount)
    }
    filtered[key] = value
    return value
  }
}

extension BruteValues {
  /// `matrix` times the tokens, channel by channel.
  private static func product(_ matrix: [[Double]], _ values: [Double], _ channels: Int) -> [Double] {
    var result = [Double](repeating: 0, count: values.count)
    for (target, row) in matrix.enumerated() {
      for (source, weight) in row.enumerated() where weight != 0 {
        for channel in 0..<channels {
          result[target * channels + channel] += weight * values[source * channels + channel]
        }
      }
    }
    return result
  }

  /// The projection onto the low band: waves forth and back, frequency by frequency.
  private static func lowBand(_ split: BandSplit, _ tokens: [TokenTable.Token]) -> [[Double]] {
    let count = tokens.count
    var matrix = Array(repeating: [Double](repeating: 0, count: count), count: count)
    if case .fourier(let fraction) = split {
      let frequencies = (0..<count).map { Double(min($0, count - $0)) / Double(count) }
      for k in 0..<count where frequencies[k] <= fraction * frequencies.max()! + 1e-12 {
        for i in 0..<count {
          for j in 0..<count {
            matrix[i][j] += cos(2 * .pi * Double(k * (i - j)) / Double(count)) / Double(count)
          }
        }
      }
      return matrix
    }
    for frame in Set(tokens.map { [$0.modality, $0.frame] }) {
      let members = tokens.indices.filter { [tokens[$0].modality, tokens[$0].frame] == frame }
      let rows = tokens[members.last!].row + 1
      let columns = tokens[members.last!].column + 1
      for i in members {
        for j in members {
          matrix[i][j] = weight(split, rows, columns, tokens[i], tokens[j])
        }
      }
    }
    return matrix
  }

  private static func weight(
    _ split: BandSplit, _ rows: Int, _ columns: Int, _ a: TokenTable.Token, _ b: TokenTable.Token
  ) -> Double {
    var sum = 0.0
    switch split {
    case .cosine(let fraction):
      let largest = Double((rows - 1) * (rows - 1) + (columns - 1) * (columns - 1)).squareRoot()
      for v in 0..<rows {
        for u in 0..<columns where Double(v * v + u * u).squareRoot() <= fraction * largest {
          func wave(_ token: TokenTable.Token) -> Double {
            cos(.pi * Double((2 * token.row + 1) * v) / Double(2 * rows))
              * cos(.pi * Double((2 * token.column + 1) * u) / Double(2 * columns))
          }
          sum += (v == 0 ? 1.0 : 2) / Double(rows) * (u == 0 ? 1.0 : 2) / Double(columns) * wave(a) * wave(b)
        }
      }
    case .disc(let fraction):
      let radius = Int(fraction * Double(min(rows, columns)))
      for v in -radius...radius {
        for u in -radius...radius where v * v + u * u <= radius * radius {
          let angle =
            Double(v * (a.row - b.row)) / Double(rows) + Double(u * (a.column - b.column)) / Double(columns)
          sum += cos(2 * .pi * angle) / Double(rows * columns)
        }
      }
    case .fourier: preconditionFailure("the Fourier transform runs along all tokens")
    }
    return sum
  }

  /// SeaCache's filter: transformed axis by axis, weighed and transformed back (``SpectralFilter``).
  private static func filtered(
    _ values: [Double], _ power: Int, _ sigma: Double, _ tokens: [TokenTable.Token], _ channels: Int
  ) -> [Double] {
    let (a, b) = (min(max(1 - sigma, 1e-6), 1 - 1e-6), min(max(sigma, 1e-6), 1 - 1e-6))
    let axes: [(TokenTable.Token) -> Int] = [{ $0.frame }, { $0.row }, { $0.column }]
    var result = values
    for (axis, place) in axes.enumerated() {
      var matrix = Array(repeating: [Double](repeating: 0, count: tokens.count), count: tokens.count)
      for i in tokens.indices {
        let line = tokens.indices.filter { j in
          tokens[j].modality == tokens[i].modality
            && axes.indices.allSatisfy { $0 == axis || axes[$0](tokens[j]) == axes[$0](tokens[i]) }
        }
        let count = line.count
        let gains = (0..<count).map { k in
          let s = 1 / (pow(Double(min(k, count - k)) / Double(count), Double(power)) + 1e-16)
          return a * s / (a * a * s + b * b + 1e-16)
        }
        let mean = gains.reduce(0, +) / Double(count)
        for j in line {
          for k in 0..<count {
            let angle = 2 * .pi * Double(k * (place(tokens[i]) - place(tokens[j]))) / Double(count)
            matrix[i][j] += (count == 1 ? 1 : gains[k] / mean) * cos(angle) / Double(count)
          }
        }
      }
      result = product(matrix, result, channels)
    }
    return result
  }
}

/// Signals by the long way; sees the branches that its decision is taken from.
struct BruteSignals: Signals {
  let values: BruteValues
  let branches: Range<Int>

  var tokenModalities: [Int] { values.tokens.map(\.modality) }

  /// What is left below the rounding of a combination's terms is nothing, as in replay: otherwise the last bits
  /// of a straight line would put its tokens into groups.
  func norms(of combination: Combination) -> [Double] {
    branches.flatMap { branch in
      var sizes = [Double](repeating: 0, count: values.tokens.count)
      for term in combination.terms {
        let part = Combination(valueAt: term.position, component: term.component) * term.weight
        let squares = values.squares(values.vector(part, branch: branch))
        for token in sizes.indices { sizes[token] += squares[token].squareRoot() }
      }
      return zip(values.squares(values.vector(combination, branch: branch)), sizes).map { square, size in
        square <= DistanceTable.roundingUnits * .ulpOfOne * size * size ? 0 : square.squareRoot()
      }
    }
  }

  func meanAbsolute(_ change: ChangeRequest, at position: Int) -> Double {
    mean { values.quantity(change, position, branch: $0).map(abs) }
  }

  func meanAbsoluteChange(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
    mean { difference(change, u, v, $0).map(abs) }
  }

  func distance(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
    sum { difference(change, u, v, $0).map { $0 * $0 } }.squareRoot()
  }

  func magnitude(_ change: ChangeRequest, at position: Int) -> Double {
    sum { values.quantity(change, position, branch: $0).map { $0 * $0 } }.squareRoot()
  }

  private func difference(_ change: ChangeRequest, _ u: Int, _ v: Int, _ branch: Int) -> [Double] {
    zip(values.quantity(change, u, branch: branch), values.quantity(change, v, branch: branch)).map {
      $0 - $1
    }
  }

  private func sum(_ numbers: (Int) -> [Double]) -> Double {
    branches.reduce(0) { $0 + numbers($1).reduce(0, +) }
  }

  private func mean(_ numbers: (Int) -> [Double]) -> Double {
    sum(numbers) / Double(branches.count * values.tokens.count * values.channelCount)
  }
}
