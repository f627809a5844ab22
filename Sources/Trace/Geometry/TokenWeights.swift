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
    let pairs = all.indices.flatMap { i in
      all.indices.dropFirst(i + 1).map { j in (squaredDistances(all[i].point, all[j].point), i, j) }
    }
    let width = 512
    norms.withUnsafeMutableBufferPointer { norms in
      sizes.withUnsafeMutableBufferPointer { sizes in
        for first in stride(from: 0, to: tokenCount, by: width) {
          let tokens = first..<min(first + width, tokenCount)
          for (row, i, j) in pairs {
            row.withUnsafeBufferPointer {
              DistanceTable.add($0, all[i].weights, all[j].weights, tokens, norms, sizes)
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
    switch (a, b) {
    case (.alike(let a), .alike(let b)):
      let factor = a * b
      add(row, tokens, norms, sizes) { _ in
        SIMD8(repeating: factor)
      } one: { _ in
        factor
      }
    case (.alike(let a), .each(let b)), (.each(let b), .alike(let a)):
      b.withUnsafeBufferPointer { b in
        add(row, tokens, norms, sizes) {
          a * SIMD8(loading: b, at: $0)
        } one: {
          a * b[$0]
        }
      }
    case (.each(let a), .each(let b)):
      a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
          add(row, tokens, norms, sizes) {
            SIMD8(loading: a, at: $0) * SIMD8(loading: b, at: $0)
          } one: {
            a[$0] * b[$0]
          }
        }
      }
    }
  }

  // Eight tokens at a time, the last few one by one.
  @inline(__always)
  private static func add(
    _ row: UnsafeBufferPointer<Double>, _ tokens: Range<Int>, _ norms: UnsafeMutableBufferPointer<Double>,
    _ sizes: UnsafeMutableBufferPointer<Double>, _ factors: (Int) -> SIMD8<Double>, one: (Int) -> Double
  ) {
    var token = tokens.lowerBound
    while token + 8 <= tokens.upperBound {
      let term = factors(token) * SIMD8(loading: row, at: token)
      let bits = unsafeBitCast(term, to: SIMD8<UInt64>.self) & SIMD8(repeating: UInt64(Int64.max))
      (SIMD8(loading: norms, at: token) - term).store(to: norms, at: token)
      (SIMD8(loading: sizes, at: token) + unsafeBitCast(bits, to: SIMD8<Double>.self))
        .store(to: sizes, at: token)
      token += 8
    }
    while token < tokens.upperBound {
      let term = one(token) * row[token]
      norms[token] -= term
      sizes[token] += abs(term)
      token += 1
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
