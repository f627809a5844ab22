/// Combinations of tensors themselves, token by token: what ``DistanceTable`` answers from distances.
///
/// Sums are taken in double precision, term by term in the order given. Letters: N rows, D channels, m terms.
package enum TensorCombination {
  /// A tensor of N rows of D channels, and its weight.
  package typealias Term = (values: [Float], weight: Double)

  /// `‖Σ w f‖` of each of some rows, appended to `norms`.
  ///
  /// `sizes` answers the norms of a term's rows; a sum within its rounding error, 16 units of `Σ |w| ‖f‖`, is
  /// zero, so that static tokens come out as exactly static. Cost: m N D multiplications.
  package static func appendNorms(
    of terms: [Term], sizes: [[Double]], rows: [Int], channels: Int, to norms: inout [Double]
  ) {
    norms.reserveCapacity(norms.count + rows.count)
    lending(terms.map(\.values)) { pointers in
      for row in rows {
        var squares = SIMD8<Double>.zero
        var index = row * channels
        let end = index + channels
        while index + 8 <= end {
          var sum = SIMD8<Double>.zero
          for (term, pointer) in zip(terms, pointers) {
            sum += term.weight * SIMD8(loading: pointer, at: index)
          }
          squares += sum * sum
          index += 8
        }
        var square = squares.sum()
        while index < end {
          var sum = 0.0
          for (term, pointer) in zip(terms, pointers) { sum += term.weight * Double(pointer[index]) }
          square += sum * sum
          index += 1
        }
        var size = 0.0
        for (term, own) in zip(terms, sizes) { size += abs(term.weight) * own[row] }
        let norm = square.squareRoot()
        norms.append(norm <= 16 * Double.ulpOfOne * size ? 0 : norm)
      }
    }
  }

  /// `‖f‖` of every row.
  package static func norms(of values: [Float], rowCount: Int, channels: Int) -> [Double] {
    values.withUnsafeBufferPointer { values in
      (0..<rowCount).map { row in
        var squares = SIMD8<Double>.zero
        var index = row * channels
        let end = index + channels
        while index + 8 <= end {
          let x = SIMD8<Double>(loading: values, at: index)
          squares += x * x
          index += 8
        }
        var square = squares.sum()
        while index < end {
          square += Double(values[index]) * Double(values[index])
          index += 1
        }
        return square.squareRoot()
      }
    }
  }

  /// `values − other`, number by number.
  package static func difference(_ values: [Float], _ other: [Float]) -> [Float] {
    precondition(other.count == values.count)
    return [Float](unsafeUninitializedCapacity: values.count) { result, filled in
      values.withUnsafeBufferPointer { values in
        other.withUnsafeBufferPointer { other in
          for index in values.indices { result[index] = values[index] - other[index] }
        }
      }
      filled = values.count
    }
  }

  /// `start + Σ w f` with weights of its own for every row's group, rounded once to single precision.
  ///
  /// `weights[group][term]`; `groups[row]` is nil where all rows have the first. Terms of weight zero do not
  /// count, whatever they hold.
  package static func sum(
    _ values: [[Float]], weights: [[Double]], groups: [UInt8]?, start: [Float]?, rowCount: Int, channels: Int
  ) -> [Float] {
    // What each group has terms of.
    let used = weights.map { own in own.indices.filter { own[$0] != 0 } }
    return [Float](unsafeUninitializedCapacity: rowCount * channels) { result, filled in
      lending(values + (start.map { [$0] } ?? [])) { pointers in
        let first = start == nil ? nil : pointers[pointers.count - 1]
        for row in 0..<rowCount {
          let group = groups.map { Int($0[row]) } ?? 0
          let (terms, weights) = (used[group], weights[group])
          var index = row * channels
          let end = index + channels
          while index + 8 <= end {
            var sum = first.map { SIMD8(loading: $0, at: index) } ?? .zero
            for term in terms { sum += weights[term] * SIMD8(loading: pointers[term], at: index) }
            SIMD8<Float>(sum).store(to: result, at: index)
            index += 8
          }
          while index < end {
            var sum = first.map { Double($0[index]) } ?? 0
            for term in terms { sum += weights[term] * Double(pointers[term][index]) }
            result[index] = Float(sum)
            index += 1
          }
        }
      }
      filled = rowCount * channels
    }
  }

  // Lends the memory of several arrays at once.
  private static func lending(
    _ arrays: [[Float]], _ lent: [UnsafeBufferPointer<Float>] = [],
    _ body: ([UnsafeBufferPointer<Float>]) -> Void
  ) {
    guard lent.count < arrays.count else { return body(lent) }
    arrays[lent.count].withUnsafeBufferPointer { lending(arrays, lent + [$0], body) }
  }
}
