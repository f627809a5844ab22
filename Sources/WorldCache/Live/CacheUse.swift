import Trace

/// What a cache of one chunk has to hold at least: every tensor from the call that made it to its last use.
struct CacheUse {
  enum Item: Hashable {
    case value(TensorStore.Point)
    case quantity(Quantity, TensorStore.Point)
    case filtered(ChangeRequest, TensorStore.Point)
  }

  private struct Life {
    var byteCount: Int
    var first: Int
    var last: Int
  }

  private var lives: [Item: Life] = [:]
  // Calls so far.
  private var now = 0

  mutating func keep(_ item: Item, byteCount: Int) {
    lives[item] = Life(byteCount: byteCount, first: now, last: now)
  }

  mutating func used(_ item: Item) { lives[item]?.last = now }

  mutating func advance() { now += 1 }

  /// The most bytes that are held from one call to the next.
  var peakByteCount: Int {
    // What is kept at call a and last used at call b is held over the boundaries a … b − 1.
    var changes = [Int](repeating: 0, count: now + 1)
    for life in lives.values where life.last > life.first {
      changes[life.first] += life.byteCount
      changes[life.last] -= life.byteCount
    }
    var (held, most) = (0, 0)
    for change in changes {
      held += change
      most = max(most, held)
    }
    return most
  }
}
