import Synchronization

/// Pieces of work that several workers bring in any order and that are done one at a time in their own order.
///
/// Whoever brings the piece that is due does it, and those that waited for it; nobody waits for another.
final class OrderedLane<Piece: Sendable>: Sendable {
  private struct State {
    var waiting: [Int: Piece] = [:]
    var next = 0
    var isBusy = false

    mutating func take() -> Piece? {
      guard !isBusy, let piece = waiting.removeValue(forKey: next) else { return nil }
      next += 1
      isBusy = true
      return piece
    }
  }

  private let state = Mutex(State())

  /// Brings the piece at a place; each place, from 0 without gaps, once.
  ///
  /// When all have been brought, all are done, unless `body` threw: then nothing more is.
  func bring<Failure: Error>(
    _ piece: Piece, at place: Int, _ body: (Piece) throws(Failure) -> Void
  ) throws(Failure) {
    var due = state.withLock { state in
      state.waiting[place] = piece
      return state.take()
    }
    while let piece = due {
      try body(piece)
      due = state.withLock { state in
        state.isBusy = false
        return state.take()
      }
    }
  }
}
