extension Geometry {
  /// The calls and tokens of one chunk without distances: what a live run knows beforehand.
  ///
  /// Asking it for a distance is a bug of the caller.
  package init(
    outlineAt site: Site, split: BandSplit?, chunk: Int, blockCount: Int, calls: [[Call]], layout: TokenTable
  ) {
    // What the solver integrates is there once for a step.
    let own = site == .guided ? [calls[0]] : calls
    let tokens = layout.tokens.filter(\.isValid)
    self.init(
      site: site, split: split, chunk: chunk, blockCount: blockCount, calls: own, tokens: tokens,
      modalities: layout.modalities,
      distances: DistanceTable(
        pointCount: own.reduce(0) { $0 + $1.count } * (split == nil ? 1 : 2), tokenCount: tokens.count,
        rows: .memory([])),
      recordedBranchCount: calls.count)
  }
}
