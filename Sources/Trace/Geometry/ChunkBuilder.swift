import Synchronization

/// Builds the geometry of one chunk.
struct ChunkBuilder<Source: FeatureSource> {
  private let source: Source
  private let request: GeometryRequest
  private let chunk: Int
  /// `[branch][position]`.
  private let calls: [[Call]]
  private let from: Tap?
  private let to: Tap

  init(_ source: Source, _ request: GeometryRequest, chunk: Int, _ members: [Call]) throws {
    self.source = source
    self.request = request
    self.chunk = chunk
    (from, to) = try GeometryBuilder.stretch(of: request.site, source)
    let place = "chunk \(chunk)"
    let branches = Set(members.map(\.branch)).sorted()
    var calls = branches.map { branch in members.filter { $0.branch == branch } }
    guard members.allSatisfy({ $0.weight.isFinite && $0.sigma.isFinite }) else {
      throw TraceError(.invalid, path: source.path, at: place, "a call's weight or sigma is not finite")
    }
    let clocks = calls.map { $0.map { [$0.step, $0.stage, $0.expert] } }
    guard clocks.allSatisfy({ $0 == clocks[0] }) else {
      throw TraceError(
        .lacking, path: source.path, at: place, "the guidance branches do not have the same steps")
    }
    if request.site == .guided {
      // What the solver integrates is there once for a step; its weight is that of all branches together.
      for position in calls[0].indices {
        calls[0][position].weight = calls.reduce(0) { $0 + $1[position].weight }
      }
      calls = [calls[0]]
    }
    self.calls = calls
  }

  /// Points and tokens of the distance table.
  func shape() throws -> (pointCount: Int, tokenCount: Int) {
    let tokens = try GeometryBuilder.layout(of: to, source).tokens.count { $0.isValid }
    return (calls.count * calls[0].count * (request.split == nil ? 1 : 2), tokens)
  }

  /// Measures the chunk; its distances go to `sink`, which `rows` answers from afterwards.
  func geometry(
    into sink: any PairSink, rows: () throws -> PairRows, _ progress: @escaping @Sendable (Int, Int) -> Void
  ) throws -> Geometry {
    let layout = try GeometryBuilder.layout(of: to, source)
    if let from, try GeometryBuilder.layout(of: from, source) != layout {
      throw TraceError(.lacking, path: source.path, "taps \(to) and \(from) have different layouts")
    }
    let valid = layout.tokens.indices.filter { layout.tokens[$0].isValid }
    guard !valid.isEmpty else {
      throw TraceError(.lacking, path: source.path, at: layout.name, "the layout has no valid token")
    }
    let tokens = valid.map { layout.tokens[$0] }
    let shape = try shape()
    let totals = PairTotals(
      TokenSet.sets(of: tokens, modalities: layout.modalities),
      pairCount: DistanceTable.pairCount(shape.pointCount))
    let emission = try measure(layout, tokens, into: sink, totals, progress)
    var changes: [ChangeRequest: ChangeTable] = [:]
    for change in request.changes { changes[change] = try table(of: change) }
    let final = try final(layout)
    var stretchSeconds: [Tap: Double] = [:]
    for tap in Tap.line(blockCount: source.header.blockCount) {
      let seconds = try source.stretchSeconds(of: tap)
      stretchSeconds[tap] = median(
        calls[0].indices.map { position in
          calls.reduce(0) { $0 + seconds[$1[position].ordinal] } / Double(calls.count)
        })
    }
    return Geometry(
      site: request.site, split: request.split, chunk: chunk, blockCount: source.header.blockCount,
      calls: calls,
      tokens: tokens, modalities: layout.modalities,
      distances: DistanceTable(
        pointCount: shape.pointCount, tokenCount: shape.tokenCount, rows: try rows(),
        totals: totals.totals),
      emissionSquaredNorms: emission,
      finalSquaredNorms: final.map { final in
        valid.map { row in
          final.values[(row * final.columns)..<((row + 1) * final.columns)].reduce(0) {
            $0 + Double($1) * Double($1)
          }
        }
      } ?? [],
      stretchSeconds: stretchSeconds, changes: changes, recordedBranchCount: source.header.branchCount,
      header: source.header)
  }

  func table(of change: ChangeRequest) throws -> ChangeTable {
    try ChangeBuilder(source, change, calls).table()
  }

  // Measures the distances of all pairs, and the squared norms at the end of the stretch where those are
  // something else.
  private func measure(
    _ layout: TokenTable, _ tokens: [TokenTable.Token], into sink: any PairSink,
    _ totals: PairTotals, _ progress: @escaping @Sendable (Int, Int) -> Void
  ) throws -> [[Double]]? {
    let channels = layout.channelCount
    let pointCount = calls.count * calls[0].count
    let bands = try request.split.map { try bandPoints($0, layout, tokens) }
    let blocks = try RowBlocks(layout, rowCount: source.rowCountOfBlock(of: to))
    let needsEmission = from != nil
    let members = calls.flatMap { $0 }

    let emission = Mutex(
      needsEmission ? Array(repeating: [Double](repeating: 0, count: tokens.count), count: pointCount) : [])
    try concurrently(blocks.count, progress) { index in
      let block = blocks[index]
      var points: [[Float]] = []
      var beginnings: [[Float]] = []
      var norms: [[Double]] = []
      if let bands {
        points = bands.map {
          Array($0[(block.places.lowerBound * channels)..<(block.places.upperBound * channels)])
        }
      } else {
        for call in members {
          let values = try block.valid(fresh(block.rows, to, call), channels)
          points.append(values)
          guard let from else { continue }
          norms.append(
            (0..<block.places.count).map { token in
              values[(token * channels)..<((token + 1) * channels)].reduce(0) {
                $0 + Double($1) * Double($1)
              }
            })
          beginnings.append(try block.valid(fresh(block.rows, from, call), channels))
        }
      }
      let tile = DistanceTable.measure(
        points, without: beginnings.isEmpty ? nil : beginnings, tokenCount: block.places.count,
        channelCount: channels)
      totals.add(tile, at: block.places)
      try sink.store(tile, at: block.places)
      emission.withLock { emission in
        for (point, row) in norms.enumerated() {
          for (offset, place) in block.places.enumerated() { emission[point][place] = row[offset] }
        }
      }
    }
    return needsEmission ? emission.withLock { $0 } : nil
  }

  // Low and high band of every call's value, point by point; needs whole calls.
  private func bandPoints(
    _ split: BandSplit, _ layout: TokenTable, _ tokens: [TokenTable.Token]
  ) throws -> [[Float]] {
    guard let band = split.lowBand(of: tokens) else {
      throw TraceError(
        .lacking, path: source.path, at: layout.name,
        "the tokens do not fill grids of one size, so that they cannot be split into frequency bands")
    }
    let whole = RowBlocks(layout, rowCount: layout.tokens.count)[0]
    var points: [[Float]] = []
    for branch in calls {
      var (lows, highs): ([[Float]], [[Float]]) = ([], [])
      for call in branch {
        var values = try whole.valid(fresh(whole.rows, to, call), layout.channelCount)
        if let from {
          for (place, value) in try whole.valid(fresh(whole.rows, from, call), layout.channelCount)
            .enumerated()
          {
            values[place] -= value
          }
        }
        let (low, high) = band.split(values, channels: layout.channelCount)
        lows.append(low)
        highs.append(high)
      }
      points += lows + highs
    }
    return points
  }

  private func fresh(_ rows: Range<Int>, _ tap: Tap, _ call: Call) throws -> [Float] {
    try source.freshRows(rows, of: tap, call)
  }

  // The final latent is optional; one that is there must be sound and have the layout of the output.
  private func final(_ layout: TokenTable) throws -> Tensor? {
    guard request.site.isIntegrated else { return nil }
    let final: Tensor
    do {
      final = try source.final(chunk: chunk)
    } catch {
      guard error.code == .lacking else { throw error }
      return nil
    }
    guard final.rows == layout.tokens.count, final.columns == layout.channelCount,
      final.values.allSatisfy(\.isFinite)
    else {
      throw TraceError(
        .corrupt, path: source.path, at: "/final",
        "the final latent does not have finite values of the layout \(layout.name)")
    }
    return final
  }

  private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

extension FeatureSource {
  /// Rows of a value that the network computed; throws when it is predicted, derived, absent or not finite.
  package func freshRows(_ rows: Range<Int>, of tap: Tap, _ call: Call) throws -> [Float] {
    let state = try state(of: tap, call: call.ordinal)
    guard state != .absent else {
      throw TraceError(
        .lacking, path: path, at: "call \(call.ordinal)",
        "replay needs the tap \(tap) at every call, and it was not recorded at this one")
    }
    guard state == .fresh else {
      throw TraceError(
        .lacking, path: path, at: "call \(call.ordinal)",
        "replay needs an uncached recording, but \(tap) is \(state.name) here")
    }
    let values = try self.rows(rows, of: tap, call: call.ordinal)
    guard values.allSatisfy(\.isFinite) else {
      throw TraceError(
        .invalid, path: path, at: "call \(call.ordinal)", "\(tap) holds a value that is not finite")
    }
    return values
  }
}

/// The rows of a layout in blocks, each with its valid tokens.
struct RowBlocks {
  struct Block: Sendable {
    let rows: Range<Int>
    /// The block's valid tokens, counted among all valid ones.
    let places: Range<Int>
    /// Offsets of valid rows within the block; nil when all are.
    let offsets: [Int]?

    /// The rows of valid tokens.
    func valid(_ values: [Float], _ channels: Int) -> [Float] {
      guard let offsets else { return values }
      return offsets.flatMap { values[($0 * channels)..<(($0 + 1) * channels)] }
    }
  }

  private let blocks: [Block]

  init(_ layout: TokenTable, rowCount: Int) {
    var blocks: [Block] = []
    var place = 0
    for first in stride(from: 0, to: layout.tokens.count, by: rowCount) {
      let rows = first..<min(first + rowCount, layout.tokens.count)
      let offsets = rows.filter { layout.tokens[$0].isValid }.map { $0 - first }
      if !offsets.isEmpty {
        blocks.append(
          Block(
            rows: rows, places: place..<(place + offsets.count),
            offsets: offsets.count == rows.count ? nil : offsets))
      }
      place += offsets.count
    }
    self.blocks = blocks
  }

  var count: Int { blocks.count }
  subscript(index: Int) -> Block { blocks[index] }
}
