import Synchronization

/// Values that several tests need, made once; forgets all of them when there are too many.
///
/// May be used from several threads, which may then make a value twice.
final class Kept<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let known = Mutex([Key: Value]())
  private let limit: Int

  init(limit: Int = 512) { self.limit = limit }

  func value(_ key: Key, _ make: () throws -> Value) rethrows -> Value {
    if let value = known.withLock({ $0[key] }) { return value }
    let value = try make()
    known.withLock { known in
      if known.count >= limit { known = [:] }
      known[key] = value
    }
    return value
  }
}
