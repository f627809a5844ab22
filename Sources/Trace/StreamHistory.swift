/// What came before at a tap: the last fresh value of the same branch and expert in the same chunk.
///
/// A call of another chunk ends all streams, so that no more than one value for each branch, expert
/// and tap need be kept.
struct StreamHistory<Value: Sendable>: Sendable {
  private struct Stream: Hashable, Sendable {
    var branch: Int
    var expert: Int
  }

  private struct Last: Sendable {
    var value: Value
    /// Fresh values of the stream so far.
    var count: Int
  }

  private var chunk: Int?
  private var last: [Stream: Last] = [:]

  /// Starts anew when the call is of another chunk; the values that nobody needs any more.
  mutating func enter(_ call: Call) -> [Value] {
    guard call.chunk != chunk else { return [] }
    chunk = call.chunk
    defer { last = [:] }
    return last.values.map(\.value)
  }

  /// The last fresh value before a call, and how many there were.
  func before(_ call: Call) -> (value: Value, count: Int)? {
    last[Stream(branch: call.branch, expert: call.expert)].map { ($0.value, $0.count) }
  }

  /// Makes a fresh value the last one, and returns the one before.
  mutating func add(_ value: Value, at call: Call) -> Value? {
    let stream = Stream(branch: call.branch, expert: call.expert)
    defer { last[stream] = Last(value: value, count: (last[stream]?.count ?? 0) + 1) }
    return last[stream]?.value
  }
}

extension StreamHistory where Value == Int {
  /// For each call the last fresh one before it at a tap with these states, and how many there were.
  static func predecessors(_ calls: [Call], _ states: [TapState]) -> [(call: Int, count: Int)?] {
    var history = StreamHistory()
    return zip(calls, states).map { call, state in
      _ = history.enter(call)
      let before = history.before(call)
      if state == .fresh { _ = history.add(call.ordinal, at: call) }
      return before.map { ($0.value, $0.count) }
    }
  }
}
