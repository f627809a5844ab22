/// The weight of one point in combinations that differ from token to token.
package enum TokenWeights: Sendable {
  /// The same for all tokens.
  case alike(Double)
  /// One for each.
  case each([Double])

  var isZero: Bool {
    if case .alike(0) = self { true } else { false }
  }
}

extension DistanceTable {
  /// Squared norms of combinations whose weights differ from token to token; the points must differ from one
  /// another.
  ///
  /// Cost: one read of every pair of points, block of tokens by block, so that sums and weights stay in the
  /// fastest cache.
  package func squaredNorms(_ weights: [(point: Int, weights: TokenWeights)]) -> [Double] {
    let all = (weights + [(origin, originWeights(weights.map(\.weights)))]).filter { !$0.weights.isZero }
    var norms = [Double](repeating: 0, count: tokenCount)
    var sizes = norms
    let rows = all.indices.map { i in
      all.indices.map { j in i < j ? squaredDistances(all[i].point, all[j].point) : [] }
    }
    let width = 512
    for first in stride(from: 0, to: tokenCount, by: width) {
      let tokens = first..<min(first + width, tokenCount)
      for i in all.indices {
        for j in (i + 1)..<max(all.count, i + 1) {
          rows[i][j].withUnsafeBufferPointer { row in
            norms.withUnsafeMutableBufferPointer { norms in
              sizes.withUnsafeMutableBufferPointer { sizes in
                DistanceTable.add(row, all[i].weights, all[j].weights, tokens, norms, sizes)
              }
            }
          }
        }
      }
    }
    for token in 0..<tokenCount where norms[token] <= Self.roundingUnits * .ulpOfOne * sizes[token] {
      norms[token] = 0
    }
    return norms
  }

  // Subtracts a b D2 of one pair, and adds its magnitude to the sizes of the terms.
  private static func add(
    _ row: UnsafeBufferPointer<Double>, _ a: TokenWeights, _ b: TokenWeights, _ tokens: Range<Int>,
    _ norms: UnsafeMutableBufferPointer<Double>, _ sizes: UnsafeMutableBufferPointer<Double>
  ) {
    guard let row = row.baseAddress, let norms = norms.baseAddress, let sizes = sizes.baseAddress else { return }
    switch (a, b) {
    case (.alike(let a), .alike(let b)):
      let factor = a * b
      for token in tokens {
        let term = factor * row[token]
        norms[token] -= term
        sizes[token] += abs(term)
      }
    case (.alike(let a), .each(let b)), (.each(let b), .alike(let a)):
      b.withUnsafeBufferPointer { b in
        guard let b = b.baseAddress else { return }
        for token in tokens {
          let term = a * b[token] * row[token]
          norms[token] -= term
          sizes[token] += abs(term)
        }
      }
    case (.each(let a), .each(let b)):
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          guard let a = a.baseAddress, let b = b.baseAddress else { return }
          for token in tokens {
            let term = a[token] * b[token] * row[token]
            norms[token] -= term
            sizes[token] += abs(term)
          }
        }
      }
    }
  }

  // Minus the sum of all weights, without what rounding leaves of weights that add up to zero.
  private func originWeights(_ weights: [TokenWeights]) -> TokenWeights {
    var (sum, size) = (0.0, 0.0)
    for case .alike(let weight) in weights {
      sum += weight
      size += abs(weight)
    }
    var (sums, sizes) = (
      [Double](repeating: sum, count: tokenCount), [Double](repeating: size, count: tokenCount)
    )
    var isEach = false
    for case .each(let row) in weights {
      isEach = true
      for token in 0..<tokenCount {
        sums[token] += row[token]
        sizes[token] += abs(row[token])
      }
    }
    for token in 0..<tokenCount {
      sums[token] = abs(sums[token]) <= 4 * .ulpOfOne * sizes[token] ? 0 : -sums[token]
    }
    return isEach && sums.contains { $0 != 0 } ? .each(sums) : .alike(sums[0])
  }
}
