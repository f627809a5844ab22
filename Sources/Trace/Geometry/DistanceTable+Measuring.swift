extension DistanceTable {
  /// Measures every pair of points, each of `tokenCount` rows of `channelCount` values.
  ///
  /// Sums are kept for the `sets`; for all tokens alone when there are none.
  /// Cost: P (P + 1) / 2 · N · D multiplications; N · P (P + 1) / 2 doubles are kept.
  public init(points: [[Float]], tokenCount: Int, channelCount: Int, sets: [TokenSet] = []) {
    let pairCount = DistanceTable.pairCount(points.count)
    let rows = PairsInMemory(pairCount: pairCount, tokenCount: tokenCount)
    let tile = DistanceTable.measure(points, tokenCount: tokenCount, channelCount: channelCount)
    rows.keep(tile, at: 0..<tokenCount)
    let totals = PairTotals(
      sets.isEmpty ? [TokenSet(kind: .all, name: "all", members: Array(0..<tokenCount))] : sets,
      pairCount: pairCount)
    totals.add(tile, at: 0..<tokenCount)
    self.init(pointCount: points.count, tokenCount: tokenCount, rows: rows.rows, totals: totals.totals)
  }

  /// Distances of every pair, pair-major, between the points or, with `beginnings`, between what is left of
  /// them without those.
  ///
  /// Differences and sums are taken in double precision. A sum has eight running sums, so that the order of
  /// additions is the same on every processor; channels beyond a multiple of eight are filled up with zeros.
  static func measure(
    _ points: [[Float]], without beginnings: [[Float]]? = nil, tokenCount: Int, channelCount: Int
  ) -> [Double] {
    precondition((points + (beginnings ?? [])).allSatisfy { $0.count == tokenCount * channelCount })
    precondition(beginnings.map { $0.count == points.count } ?? true)
    let count = points.count
    let width = (channelCount + 7) / 8
    // The values of one token at every point.
    var rows = [SIMD8<Double>](repeating: .zero, count: count * width)
    return [Double](unsafeUninitializedCapacity: pairCount(count) * tokenCount) { buffer, filled in
      rows.withUnsafeMutableBufferPointer { rows in
        guard let rows = rows.baseAddress else { return }
        for token in 0..<tokenCount {
          for point in 0..<count {
            let row = rows + point * width
            load(points[point], token * channelCount, channelCount, into: row) { $1 }
            if let beginnings {
              load(beginnings[point], token * channelCount, channelCount, into: row) { $0 - $1 }
            }
          }
          var (place, u) = (token, 0)
          while u < count {
            let a = rows + u * width
            var v = u + 1
            while v < count {
              buffer[place] = squaredDistance(a, rows + v * width, width)
              place += tokenCount
              v += 1
            }
            buffer[place] = squaredNorm(a, width)
            place += tokenCount
            u += 1
          }
        }
      }
      filled = buffer.count
    }
  }

  /// Combines the values of one token with what is in `row`, eight channels at a time.
  @inline(__always)
  private static func load(
    _ values: [Float], _ first: Int, _ count: Int, into row: UnsafeMutablePointer<SIMD8<Double>>,
    _ combine: (_ before: SIMD8<Double>, _ value: SIMD8<Double>) -> SIMD8<Double>
  ) {
    values.withUnsafeBufferPointer { values in
      var channel = 0
      while channel + 8 <= count {
        row[channel / 8] = combine(row[channel / 8], SIMD8(loading: values, at: first + channel))
        channel += 8
      }
      guard channel < count else { return }
      var rest = SIMD8<Double>.zero
      for lane in 0..<(count - channel) { rest[lane] = Double(values[first + channel + lane]) }
      row[channel / 8] = combine(row[channel / 8], rest)
    }
  }

  @inline(__always)
  private static func squaredDistance(
    _ a: UnsafeMutablePointer<SIMD8<Double>>, _ b: UnsafeMutablePointer<SIMD8<Double>>, _ width: Int
  ) -> Double {
    var sums = SIMD8<Double>.zero
    var index = 0
    while index < width {
      let difference = a[index] - b[index]
      sums += difference * difference
      index += 1
    }
    return inOrder(sums)
  }

  @inline(__always)
  private static func squaredNorm(_ a: UnsafeMutablePointer<SIMD8<Double>>, _ width: Int) -> Double {
    var sums = SIMD8<Double>.zero
    for index in 0..<width { sums += a[index] * a[index] }
    return inOrder(sums)
  }

  @inline(__always)
  private static func inOrder(_ sums: SIMD8<Double>) -> Double {
    var (sum, lane) = (0.0, 0)
    while lane < 8 {
      sum += sums[lane]
      lane += 1
    }
    return sum
  }
}
