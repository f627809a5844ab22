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
        squaredChanges: sums.map(\.squaredChanges),
        roundings: request.filter == nil ? nil : sums.map(\.roundings)))
  }

  /// Sums of one branch over some tokens.
  private struct BranchSums: Sendable {
    var absolute: [Double]
    var squares: [Double]
    var absoluteChanges: [Double]
    var squaredChanges: [Double]
    var roundings: [Double] = []

    init(_ request: ChangeRequest, _ callCount: Int) {
      absolute = [Double](repeating: 0, count: callCount)
      squares = absolute
      absoluteChanges = [Double](repeating: 0, count: ChangeTable.pairCount(request.pairs, callCount))
      squaredChanges = absoluteChanges
    }

    mutating func add(_ size: (absolute: Double, squared: Double), at position: Int) {
      (absolute[position], squares[position]) = size
    }

    mutating func add(_ change: (absolute: Double, squared: Double), pair: Int) {
      (absoluteChanges[pair], squaredChanges[pair]) = change
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
        var values: [TensorDifference] = []
        for (position, call) in branch.enumerated() {
          values.append(try self.values(call, blocks[index]))
          sums.add(ChangeSums.of(values[position]), at: position)
          for older in request.pairs == .all ? 0..<position : max(0, position - 1)..<position {
            sums.add(
              ChangeSums.between(values[older], values[position]),
              pair: ChangeTable.place(request.pairs, older, position))
          }
          // Only neighbours are looked at: what came before is let go.
          if request.pairs == .adjacent, position > 0 { values[position - 1] = TensorDifference([]) }
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
      var before = TensorDifference([])
      for (position, call) in branch.enumerated() {
        let plain = try self.values(call, whole)
        sums.roundings.append(
          ChangeSums.absolute(of: plain) * filter.roundingBound(grid: grid, sigma: call.sigma))
        let values = TensorDifference(
          filter.apply(to: plain, channels: layout.channelCount, grid: grid, sigma: call.sigma))
        sums.add(ChangeSums.of(values), at: position)
        if position > 0 { sums.add(ChangeSums.between(before, values), pair: position - 1) }
        before = values
      }
      return sums
    }
  }

  private func values(_ call: Call, _ block: RowBlocks.Block) throws -> TensorDifference {
    func numbers(_ tap: Tap) throws -> [Float] {
      try block.valid(source.freshRows(block.rows, of: tap, call), layout.channelCount)
    }
    return TensorDifference(
      try numbers(request.quantity.tap), minus: try request.quantity.minus.map(numbers))
  }
}
