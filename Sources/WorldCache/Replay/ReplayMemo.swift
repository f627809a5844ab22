import Synchronization

/// What replays over one geometry have found that does not depend on all of their settings.
///
/// May be used from several threads. When it holds more than its limit it forgets everything and starts
/// anew, so that its memory is bounded and results never depend on what it remembers.
public final class ReplayMemo: Sendable {
  /// Values of one type by keys of one type: keys of different types are never compared.
  private final class Kind<Key: Hashable, Value> {
    var values: [Key: Value] = [:]
  }

  private struct State {
    /// The ``Kind`` of each pair of types.
    var kinds: [ObjectIdentifier: AnyObject] = [:]
    var byteCount = 0
  }

  private let state = Mutex(State())
  private let byteLimit: Int

  public init(byteLimit: Int = 1 << 28) { self.byteLimit = byteLimit }

  /// The value of a key, made unless it is remembered; `byteCount` is about what a new one takes.
  func value<Key: Hashable & Sendable, Value: Sendable>(
    _ key: Key, byteCount: Int, _ make: () -> Value
  ) -> Value {
    let name = ObjectIdentifier(Kind<Key, Value>.self)
    let known = state.withLock { ($0.kinds[name] as? Kind<Key, Value>)?.values[key] }
    if let known { return known }
    let value = make()
    state.withLock { state in
      if state.byteCount + byteCount > byteLimit { state = State() }
      state.byteCount += byteCount
      if let kind = state.kinds[name] as? Kind<Key, Value> {
        kind.values[key] = value
      } else {
        let kind = Kind<Key, Value>()
        kind.values[key] = value
        state.kinds[name] = kind
      }
    }
    return value
  }
}
