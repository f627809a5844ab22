/// Which calls and tokens of a rollout are recorded; taps are chosen by the writer.
///
/// A call that is not selected keeps its entry, with its clocks and times, and is absent at every tap. A
/// layout of which not all tokens are selected is recorded as the smaller table of those that are.
public struct Selection: Hashable, Sendable {
  /// Ordinals of calls; all when nil.
  public var calls: IndexList?
  /// A token is recorded when it is in one of them; all are when there are none.
  public var regions: [TokenRegion]

  public init(calls: IndexList? = nil, regions: [TokenRegion] = []) {
    self.calls = calls
    self.regions = regions
  }

  public func includes(_ call: Call) -> Bool { calls?.contains(call.ordinal) ?? true }

  /// The selected rows of a layout, in order; nil when that is all of them, as it is for step vectors,
  /// which have no tokens.
  public func rows(of layout: TokenTable) -> [Int]? {
    guard !regions.isEmpty, !layout.isVector else { return nil }
    let rows = layout.tokens.indices.filter { row in
      regions.contains { $0.contains(layout.tokens[row], of: layout) }
    }
    return rows.count == layout.tokens.count ? nil : rows
  }

  /// The layouts as they are recorded.
  ///
  /// Throws `invalid` when a region names a modality that none of them has, or when a layout keeps no token.
  public func applied(to layouts: [TokenTable]) throws(TraceError) -> [TokenTable] {
    let names = layouts.filter { !$0.isVector }.flatMap(\.modalities)
    for case let modality? in regions.map(\.modality) where !names.contains(modality) {
      throw TraceError(
        .invalid, "no token has the modality '\(modality)'; there are \(names.joined(separator: ", "))")
    }
    var applied: [TokenTable] = []
    for var layout in layouts {
      if let rows = rows(of: layout) {
        guard !rows.isEmpty else {
          let regions = regions.map(\.description).joined(separator: " or ")
          throw TraceError(.invalid, "the layout \(layout.name) has no token with \(regions)")
        }
        layout.tokens = rows.map { layout.tokens[$0] }
      }
      applied.append(layout)
    }
    return applied
  }
}

extension Tensor {
  /// Some of the rows, in the given order.
  public func selecting(rows: [Int]) -> Tensor {
    Tensor(
      rows: rows.count, columns: columns,
      values: rows.flatMap { values[$0 * columns..<($0 + 1) * columns] })
  }
}
