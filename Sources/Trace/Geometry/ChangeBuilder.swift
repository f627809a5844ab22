import Synchronization

/// Measures how much a quantity changes between the calls of one chunk.
struct ChangeBuilder<Source: FeatureSource> {
  private let source: Source
  private let request: ChangeRequest
  private let calls: [[Call]]
  private let layout: TokenTable

  init(_ source: Source, _ request: ChangeRequest, _ calls: [[Call]]) throws {
    self.source = source
    self.request = request
    self.calls = calls
    layout = try GeometryBuilder.layout(of: request.quantity.tap, source)
    if let minus = request.quantity.minus, try GeometryBuilder.layout(of: minus, source) != layout {
      throw TraceError(
        .lacking, path: source.path, "taps \(request.quantity.tap) and \(minus) have different layouts")
    }
  }

  func table() throws -> ChangeTable {
    let sums = try request.filter.map { try filtered($0) } ?? unfiltered()
    let elements = layout.tokens.reduce(0) { $0 + ($1.isValid ? $1.validChannels : 0) }
    return ChangeTable(
      request: request,
      ChangeTable.Sums(
        callCount: calls[0].count, elementCount: elements, absolute: sums.map(\.absolute),
        squares: sums.map(\.squares), absoluteChanges: sums.map(\.absoluteChanges),
        squaredChanges: sums.map(\.squaredChanges)))
  }

  /// Sums of one branch over some tokens.
  private struct BranchSums: Sendable {
    var absolute: [Double]
    var squares: [Double]
    var absoluteChanges: [Double]
    var squaredChanges: [Double]

    init(_ request: ChangeRequest, _ callCount: Int) {
      absolute = [Double](repeating: 0, count: callCount)
      squares = absolute
      absoluteChanges = [Double](repeating: 0, count: ChangeTable.pairCount(request.pairs, callCount))
      squaredChanges = absoluteChanges
    }

    mutating func measure(_ values: [Double], at position: Int) {
      (absolute[position], squares[position]) = ChangeSums.of(values)
    }

    mutating func measure(_ older: [Double], _ newer: [Double], pair: Int) {
      (absoluteChanges[pair], squaredChanges[pair]) = ChangeSums.between(older, newer)
    }

    static func += (a: inout BranchSums, b: BranchSums) {
      func add(_ path: WritableKeyPath<BranchSums, [Double]>) {
        for index in a[keyPath: path].indices { a[keyPath: path][index] += b[keyPath: path][index] }
      }
      add(\.absolute)
      add(\.squares)
      add(\.absoluteChanges)
      add(\.squaredChanges)
    }
  }

  // Block by block on all cores; the blocks are added up in order.
  private func unfiltered() throws -> [BranchSums] {
    let blocks = try RowBlocks(layout, rowCount: source.rowCountOfBlock(of: request.quantity.tap))
    let parts = Mutex([[BranchSums]?](repeating: nil, count: blocks.count))
    try concurrently(blocks.count) { index in
      let sums = try calls.map { branch in
        var sums = BranchSums(request, branch.count)
        var values: [[Double]] = []
        for (position, call) in branch.enumerated() {
          values.append(try self.values(call, blocks[index]))
          sums.measure(values[position], at: position)
          for older in request.pairs == .all ? 0..<position : max(0, position - 1)..<position {
            sums.measure(
              values[older], values[position], pair: ChangeTable.place(request.pairs, older, position))
          }
          // Only neighbours are looked at: what came before is let go.
          if request.pairs == .adjacent, position > 0 { values[position - 1] = [] }
        }
        return sums
      }
      parts.withLock { $0[index] = sums }
    }
    var total = calls.map { BranchSums(request, $0.count) }
    for part in parts.withLock({ $0 }) {
      for (branch, sums) in part!.enumerated() { total[branch] += sums }
    }
    return total
  }

  // A filter over the token grid needs whole calls.
  private func filtered(_ filter: SpectralFilter) throws -> [BranchSums] {
    precondition(request.pairs == .adjacent, "filtered changes are measured between neighbours")
    let valid = layout.tokens.filter(\.isValid)
    guard let grid = TokenGrid(valid) else {
      throw TraceError(
        .lacking, path: source.path, at: layout.name,
        "the tokens do not fill a grid of frames, rows and columns, so that they cannot be filtered")
    }
    let whole = RowBlocks(layout, rowCount: layout.tokens.count)[0]
    return try calls.map { branch in
      var sums = BranchSums(request, branch.count)
      var before: [Double] = []
      for (position, call) in branch.enumerated() {
        let values = filter.apply(
          to: try values(call, whole), channels: layout.channelCount, grid: grid, sigma: call.sigma)
        sums.measure(values, at: position)
        if position > 0 { sums.measure(before, values, pair: position - 1) }
        before = values
      }
      return sums
    }
  }

  // In double precision, so that the difference of two taps is exact.
  private func values(_ call: Call, _ block: RowBlocks.Block) throws -> [Double] {
    let channels = layout.channelCount
    func numbers(_ tap: Tap) throws -> [Float] {
      try block.valid(source.freshRows(block.rows, of: tap, call), channels)
    }
    let values = try numbers(request.quantity.tap)
    guard let minus = request.quantity.minus else { return values.map(Double.init) }
    return try zip(values, numbers(minus)).map { Double($0) - Double($1) }
  }
}

/// Sums of absolute values and of squares, with eight running sums.
package enum ChangeSums {
  package static func of(_ values: [Double]) -> (absolute: Double, squared: Double) {
    values.withUnsafeBufferPointer { values in
      sum(values.count) { index in
        SIMD8(loading: values, at: index)
      } tail: {
        values[$0]
      }
    }
  }

  package static func between(_ a: [Double], _ b: [Double]) -> (absolute: Double, squared: Double) {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        sum(a.count) { index in
          SIMD8(loading: b, at: index) - SIMD8(loading: a, at: index)
        } tail: {
          b[$0] - a[$0]
        }
      }
    }
  }

  package static func of(_ values: TensorDifference) -> (absolute: Double, squared: Double) {
    values.lending { values in
      sum(values.count) {
        values.eight(at: $0)
      } tail: {
        values.one(at: $0)
      }
    }
  }

  package static func between(
    _ a: TensorDifference, _ b: TensorDifference
  ) -> (absolute: Double, squared: Double) {
    a.lending { a in
      b.lending { b in
        sum(a.count) {
          b.eight(at: $0) - a.eight(at: $0)
        } tail: {
          b.one(at: $0) - a.one(at: $0)
        }
      }
    }
  }

  @inline(__always)
  private static func sum(
    _ count: Int, _ lanes: (Int) -> SIMD8<Double>, tail: (Int) -> Double
  ) -> (absolute: Double, squared: Double) {
    var absolute = SIMD8<Double>.zero
    var squared = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= count {
      let x = lanes(index)
      absolute += x.replacing(with: -x, where: x .< 0)
      squared += x * x
      index += 8
    }
    var (sum, squares) = (absolute.sum(), squared.sum())
    while index < count {
      let x = tail(index)
      sum += abs(x)
      squares += x * x
      index += 1
    }
    return (sum, squares)
  }
}
