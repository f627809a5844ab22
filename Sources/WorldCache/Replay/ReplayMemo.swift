import Synchronization

/// What replays over one geometry have found that does not depend on all of their settings.
///
/// May be used from several threads. When it holds more than its limit it forgets everything and starts
/// anew, so that its memory is bounded and results never depend on what it remembers.
public final class ReplayMemo: Sendable {
  private struct Key: Hashable, Sendable {
    let value: any Hashable & Sendable

    static func == (a: Key, b: Key) -> Bool { isEqual(a.value, b.value) }

    private static func isEqual<A: Hashable>(_ a: A, _ b: any Hashable) -> Bool { (b as? A) == a }

    func hash(into hasher: inout Hasher) { value.hash(into: &hasher) }
  }

  private struct State {
    var values: [Key: any Sendable] = [:]
    var byteCount = 0
  }

  private let state = Mutex(State())
  private let byteLimit: Int

  public init(byteLimit: Int = 1 << 28) { self.byteLimit = byteLimit }

  /// The value of a key, made unless it is remembered; `byteCount` is about what a new one takes.
  func value<Value: Sendable>(
    _ key: some Hashable & Sendable, byteCount: Int, _ make: () -> Value
  ) -> Value {
    let key = Key(value: key)
    if let known = state.withLock({ $0.values[key] }) as? Value { return known }
    let value = make()
    state.withLock { state in
      if state.byteCount + byteCount > byteLimit { state = State() }
      state.values[key] = value
      state.byteCount += byteCount
    }
    return value
  }
}
