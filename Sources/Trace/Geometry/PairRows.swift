import Synchronization

/// The distances of a table by pair, each row with one number per token.
enum PairRows: Sendable {
  case memory([[Double]])
  case file(GeometryFile.Rows)

  subscript(pair: Int) -> [Double] {
    switch self {
    case .memory(let rows): rows[pair]
    case .file(let rows): rows[pair]
    }
  }

  /// Bytes of the rows in memory.
  var heldByteCount: Int {
    switch self {
    case .memory(let rows): rows.reduce(0) { $0 + 8 * $1.count }
    case .file(let rows): rows.heldByteCount
    }
  }

  /// Why a row could not be read; its numbers are then NaN.
  var failure: TraceError? {
    switch self {
    case .memory: nil
    case .file(let rows): rows.failure
    }
  }
}

/// Takes the distances of some tokens to every pair, tile by tile, from several threads.
protocol PairSink: Sendable {
  /// `tile` is pair-major: for each pair one number for every token of `places`.
  func store(_ tile: [Double], at places: Range<Int>) throws(TraceError)
}

/// Keeps distances in memory.
final class PairsInMemory: PairSink {
  private let kept: Mutex<[[Double]]>

  init(pairCount: Int, tokenCount: Int) {
    kept = Mutex(Array(repeating: [Double](repeating: 0, count: tokenCount), count: pairCount))
  }

  func store(_ tile: [Double], at places: Range<Int>) { keep(tile, at: places) }

  func keep(_ tile: [Double], at places: Range<Int>) {
    kept.withLock { rows in
      for pair in rows.indices {
        let part = tile[(pair * places.count)..<((pair + 1) * places.count)]
        rows[pair].replaceSubrange(places, with: part)
      }
    }
  }

  var rows: PairRows { .memory(kept.withLock { $0 }) }
}
