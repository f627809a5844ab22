extension Geometry {
  /// The calls and tokens of one chunk without distances: what a live run knows beforehand.
  ///
  /// Asking it for a distance is a bug of the caller. `header` says of which model the run is, where that is known.
  package init(
    outlineAt site: Site, split: BandSplit?, chunk: Int, blockCount: Int, calls: [[Call]], layout: TokenTable,
    header: TraceHeader? = nil
  ) {
    // What the solver integrates is there once for a step.
    let own = site == .guided ? [calls[0]] : calls
    let tokens = layout.tokens.filter(\.isValid)
    let pointCount = own.reduce(0) { $0 + $1.count } * (split == nil ? 1 : 2)
    self.init(
      site: site, split: split, chunk: chunk, blockCount: blockCount, calls: own, tokens: tokens,
      modalities: layout.modalities,
      distances: DistanceTable(
        pointCount: pointCount, tokenCount: tokens.count, rows: .memory([]),
        totals: [[Double](repeating: 0, count: DistanceTable.pairCount(pointCount))]),
      recordedBranchCount: calls.count, header: header)
  }
}
