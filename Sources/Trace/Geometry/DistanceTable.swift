/// Squared distances between recorded values, token by token: norms without the features.
///
/// For P points and N tokens it holds `D2[u, v] = ‖f_u − f_v‖²` of every pair, the origin being one
/// more point. Any norm of a combination follows by Schoenberg's identity,
/// `‖Σ w_u f_u‖² = −½ Σ_u,v w_u w_v D2[u, v]` with the origin taking the weight `−Σ w_u`. All sums are
/// taken in double precision in a fixed order, so results do not depend on the processor.
public struct DistanceTable: Sendable {
  public let pointCount: Int
  public let tokenCount: Int
  private let rows: PairRows
  // Rows summed over the tokens of each set, `[set][pair]`; the first set is of all tokens.
  let totals: [[Double]]

  /// Takes measured distances.
  init(pointCount: Int, tokenCount: Int, rows: PairRows, totals: [[Double]]) {
    precondition(!totals.isEmpty && totals.allSatisfy { $0.count == DistanceTable.pairCount(pointCount) })
    self.pointCount = pointCount
    self.tokenCount = tokenCount
    self.rows = rows
    self.totals = totals
  }

  /// Pairs of P points and the origin.
  static func pairCount(_ pointCount: Int) -> Int { pointCount * (pointCount + 1) / 2 }

  /// Bytes of all distances, and of those that have been read so far.
  public var byteCount: Int { 8 * tokenCount * DistanceTable.pairCount(pointCount) }
  public var heldByteCount: Int { rows.heldByteCount }

  /// The point that stands for zero.
  public var origin: Int { pointCount }

  /// The distances of one pair, one per token. `u` and `v` differ.
  public func squaredDistances(_ u: Int, _ v: Int) -> [Double] {
    rows[DistanceTable.pair(min(u, v), max(u, v), pointCount)]
  }

  /// Throws when a row of the table could not be read; what was answered from it means nothing.
  public func requireIntact() throws(TraceError) {
    if let failure = rows.failure { throw failure }
  }

  /// Squared norms of one combination of points for every token.
  ///
  /// Norms within their rounding error are zero, so that static tokens and straight lines come out as
  /// exactly static and straight (``roundingUnits``). A point appears once.
  public func squaredNorms(_ weights: [(point: Int, weight: Double)]) -> [Double] {
    squaredNorms(of: [weights])[0]
  }

  /// Norms of one combination of points for every token, appended to `norms`.
  package func appendNorms(
    _ weights: [(point: Int, weight: Double)], deviation: Deviation = .none, to norms: inout [Double]
  ) {
    let start = norms.count
    norms.append(contentsOf: repeatElement(0, count: tokenCount))
    norms.withUnsafeMutableBufferPointer { norms in
      evaluate(QuadraticForms([weights], origin: origin)) { _, first, plus, minus in
        guard deviation == .none else {
          for token in plus.indices {
            norms[start + first + token] = DistanceTable.moved(
              plus[token], minus[token], deviation.sign(first + token))
          }
          return
        }
        DistanceTable.forEachEight(plus, minus) { token, norm in
          norm.store(to: norms, at: start + first + token)
        } tail: {
          norms[start + first + $0] = $1
        }
      }
      DistanceTable.takeRoots(UnsafeMutableBufferPointer(rebasing: norms[start...]))
    }
  }

  /// Norms of one combination of points for some of the tokens, whose numbers are `offset` too high.
  package func norms(
    _ weights: [(point: Int, weight: Double)], at tokens: [Int], offset: Int, deviation: Deviation = .none
  ) -> [Double] {
    var plus = [Double](repeating: 0, count: tokens.count)
    var minus = plus
    tokens.withUnsafeBufferPointer { tokens in
      DistanceTable.withBuffers(&plus, &minus) { plus, minus in
        for pair in QuadraticForm(weights, origin: origin).pairs {
          let sums = pair.factor < 0 ? minus : plus
          let factor = abs(pair.factor)
          squaredDistances(pair.first, pair.second).withUnsafeBufferPointer { row in
            for place in tokens.indices { sums[place] += factor * row[tokens[place] - offset] }
          }
        }
        guard deviation == .none else {
          for (place, token) in tokens.enumerated() {
            plus[place] = DistanceTable.moved(plus[place], minus[place], deviation.sign(token - offset))
              .squareRoot()
          }
          return
        }
        DistanceTable.forEachEight(plus, minus) { place, norm in
          norm.squareRoot().store(to: plus, at: place)
        } tail: {
          plus[$0] = $1.squareRoot()
        }
      }
    }
    return plus
  }

  /// Distance of a pair, summed over the tokens of a set; the first set is of all tokens.
  package func total(_ u: Int, _ v: Int, set: Int = 0) -> Double {
    totals[set][DistanceTable.pair(min(u, v), max(u, v), pointCount)]
  }

  /// Squared norm of one combination, summed over the tokens of a set; the first set is of all tokens.
  ///
  /// Cost: a few additions for each pair of points; no token's distances are looked at.
  public func sumOfSquaredNorms(of weights: [(point: Int, weight: Double)], set: Int = 0) -> Double {
    var (plus, minus) = (0.0, 0.0)
    for pair in QuadraticForm(weights, origin: origin).pairs {
      let term = pair.factor * total(pair.first, pair.second, set: set)
      plus += max(term, 0)
      minus -= min(term, 0)
    }
    return DistanceTable.settled(plus, minus)
  }

  /// Squared norms of several combinations for every token.
  ///
  /// Cost: one read of every pair of points that occurs, and one multiplication for each combination
  /// that it occurs in.
  public func squaredNorms(of combinations: [[(point: Int, weight: Double)]]) -> [[Double]] {
    let form = QuadraticForms(combinations, origin: origin)
    var norms = Array(repeating: [Double](repeating: 0, count: tokenCount), count: combinations.count)
    evaluate(form) { combination, first, plus, minus in
      norms[combination].withUnsafeMutableBufferPointer { norms in
        DistanceTable.forEachEight(plus, minus) { token, norm in
          norm.store(to: norms, at: first + token)
        } tail: {
          norms[first + $0] = $1
        }
      }
    }
    return norms
  }

  /// Squared norm of one combination for every token, each token having its own of several.
  ///
  /// `groups[token]` is the place of the token's combination.
  public func squaredNorms(
    of combinations: [[(point: Int, weight: Double)]], groups: some RandomAccessCollection<UInt8>
  ) -> [Double] {
    precondition(groups.count == tokenCount)
    let form = QuadraticForms(combinations, origin: origin)
    let groups = Array(groups)
    var norms = [Double](repeating: 0, count: tokenCount)
    groups.withUnsafeBufferPointer { groups in
      norms.withUnsafeMutableBufferPointer { norms in
        evaluate(form) { combination, first, plus, minus in
          // Groups alternate from token to token: a choice between values is faster than a branch.
          let wanted = UInt8(truncatingIfNeeded: combination)
          for token in plus.indices {
            let norm = DistanceTable.settled(plus[token], minus[token])
            norms[first + token] = groups[first + token] == wanted ? norm : norms[first + token]
          }
        }
      }
    }
    return norms
  }

  // Sums the positive and the negative terms of every form, block of tokens by block, so that sums stay in
  // the fastest cache while each pair's row is read once.
  private func evaluate(
    _ form: QuadraticForms,
    _ take: (
      _ combination: Int, _ first: Int, _ plus: UnsafeMutableBufferPointer<Double>,
      _ minus: UnsafeMutableBufferPointer<Double>
    ) -> Void
  ) {
    let width = 256
    let count = form.combinationCount
    var sums = [Double](repeating: 0, count: 2 * width * count)
    let rows = form.pairs.map { squaredDistances($0.first, $0.second) }
    sums.withUnsafeMutableBufferPointer { sums in
      for first in stride(from: 0, to: tokenCount, by: width) {
        let tokens = min(width, tokenCount - first)
        sums.update(repeating: 0)
        for (pair, row) in zip(form.pairs, rows) {
          row.withUnsafeBufferPointer { row in
            let row = UnsafeBufferPointer(rebasing: row[first..<(first + tokens)])
            for (combination, factor) in pair.factors {
              let start = (2 * combination + (factor < 0 ? 1 : 0)) * width
              DistanceTable.accumulate(
                row, abs(factor), into: UnsafeMutableBufferPointer(rebasing: sums[start..<(start + tokens)]))
            }
          }
        }
        for combination in 0..<count {
          let start = 2 * combination * width
          take(
            combination, first, UnsafeMutableBufferPointer(rebasing: sums[start..<(start + tokens)]),
            UnsafeMutableBufferPointer(rebasing: sums[(start + width)..<(start + width + tokens)]))
        }
      }
    }
  }

  @inline(__always)
  private static func accumulate(
    _ row: UnsafeBufferPointer<Double>, _ factor: Double, into sums: UnsafeMutableBufferPointer<Double>
  ) {
    guard let row = row.baseAddress, let target = sums.baseAddress else { return }
    for token in 0..<sums.count { target[token] += factor * row[token] }
  }

  // Settles the sums eight tokens at a time, the last few one by one.
  @inline(__always)
  private static func forEachEight(
    _ plus: UnsafeMutableBufferPointer<Double>, _ minus: UnsafeMutableBufferPointer<Double>,
    _ take: (_ token: Int, _ norms: SIMD8<Double>) -> Void, tail: (_ token: Int, _ norm: Double) -> Void
  ) {
    let limit = SIMD8(repeating: roundingUnits * Double.ulpOfOne)
    var token = 0
    while token + 8 <= plus.count {
      let (a, b) = (SIMD8(loading: plus, at: token), SIMD8(loading: minus, at: token))
      let norm = a - b
      take(token, norm.replacing(with: 0, where: norm .<= limit * (a + b)))
      token += 8
    }
    while token < plus.count {
      tail(token, settled(plus[token], minus[token]))
      token += 1
    }
  }

  // What is left of a difference; nothing where it is rounding.
  @inline(__always)
  static func settled(_ plus: Double, _ minus: Double) -> Double {
    let norm = plus - minus
    return norm <= roundingUnits * Double.ulpOfOne * (plus + minus) ? 0 : norm
  }

  // A difference moved by a part of its error bound.
  private static func moved(_ plus: Double, _ minus: Double, _ part: Double) -> Double {
    max(0, plus - minus + part * roundingUnits * Double.ulpOfOne * (plus + minus))
  }

  // Square roots in place, several at a time.
  private static func takeRoots(_ values: UnsafeMutableBufferPointer<Double>) {
    var place = 0
    while place + 8 <= values.count {
      SIMD8(loading: values, at: place).squareRoot().store(to: values, at: place)
      place += 8
    }
    while place < values.count {
      values[place] = values[place].squareRoot()
      place += 1
    }
  }

  /// Distances of every two of several points added up over the tokens of each of several sets.
  ///
  /// `[set]`, a square of the points row by row.
  ///
  /// `sets[token]` is the set that a token belongs to; `count` where it belongs to none.
  package func totals(of points: [Int], by sets: [UInt8], count: Int) -> [[Double]] {
    precondition(sets.allSatisfy { $0 <= count })
    let width = points.count
    var squares = [Double](repeating: 0, count: count * width * width)
    var lanes = [Double](repeating: 0, count: 8 * (count + 1))
    var sums = [Double](repeating: 0, count: count + 1)
    DistanceTable.withBuffers(&squares, &lanes) { squares, lanes in
      var i = 0
      while i < width {
        var j = i + 1
        while j < width {
          addUp(points[i], points[j], by: sets[...], in: lanes, to: &sums)
          var set = 0
          while set < count {
            squares[(set * width + i) * width + j] = sums[set]
            squares[(set * width + j) * width + i] = sums[set]
            set += 1
          }
          j += 1
        }
        i += 1
      }
    }
    return (0..<count).map { Array(squares[($0 * width * width)..<(($0 + 1) * width * width)]) }
  }

  /// The same of one pair.
  func totals(_ u: Int, _ v: Int, by sets: ArraySlice<UInt8>, count: Int) -> [Double] {
    var lanes = [Double](repeating: 0, count: 8 * count)
    var sums = [Double](repeating: 0, count: count)
    lanes.withUnsafeMutableBufferPointer { addUp(u, v, by: sets, in: $0, to: &sums) }
    return sums
  }

  // Eight running sums for each set, so that neighbouring tokens of one set do not wait for one another.
  // Plain loops: schedule searches come through here, also in builds without optimisation.
  private func addUp(
    _ u: Int, _ v: Int, by sets: ArraySlice<UInt8>, in lanes: UnsafeMutableBufferPointer<Double>,
    to sums: inout [Double]
  ) {
    precondition(sets.count == tokenCount && lanes.count == 8 * sums.count)
    lanes.update(repeating: 0)
    squaredDistances(u, v).withUnsafeBufferPointer { row in
      sets.withUnsafeBufferPointer { sets in
        guard let row = row.baseAddress, let sets = sets.baseAddress, let lanes = lanes.baseAddress else {
          return
        }
        var token = 0
        while token < tokenCount {
          lanes[8 * Int(sets[token]) + token & 7] += row[token]
          token += 1
        }
      }
    }
    var set = 0
    while set < sums.count {
      var sum = 0.0
      var lane = 8 * set
      while lane < 8 * set + 8 {
        sum += lanes[lane]
        lane += 1
      }
      sums[set] = sum
      set += 1
    }
  }

  /// A norm is a difference of the terms of its sum; what is left below this many units of rounding of
  /// their magnitudes, `32 · 2⁻⁵² · Σ |w_u w_v| D2[u, v]`, is rounding. In length this is 8e-8 of the
  /// terms, about the precision of the recorded floats themselves.
  public static let roundingUnits = 32.0

  private static func withBuffers(
    _ a: inout [Double], _ b: inout [Double],
    _ body: (UnsafeMutableBufferPointer<Double>, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    a.withUnsafeMutableBufferPointer { a in b.withUnsafeMutableBufferPointer { b in body(a, b) } }
  }

  /// Place of the pair u < v among all pairs of count + 1 points, the origin being the last.
  @inline(__always)
  private static func pair(_ u: Int, _ v: Int, _ count: Int) -> Int {
    u * (2 * count - u - 1) / 2 + u + (v - u - 1)
  }
}
