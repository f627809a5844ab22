/// What policies say of their numbers on recordings that these were not made for, gathered so that each is told once.
public struct ElsewhereRemarks: Sendable {
  private struct Saying: Hashable {
    /// The policy's name without its settings: a sentence names the file that the numbers are from.
    var policy: String
    var text: String
  }

  private var traces: [Saying: Set<String>] = [:]

  /// What parts have gathered, none unless given.
  public init(_ parts: [ElsewhereRemarks] = []) { parts.forEach { add($0) } }

  /// Takes in what a replay over a trace says.
  public mutating func add(_ replay: Replay, trace: String) {
    add(replay.remarks, replay.spec, trace: trace)
  }

  /// Takes in what a policy says on a trace, or in a live run, which has no name.
  public mutating func add(_ texts: [String], _ policy: PolicySpec, trace: String? = nil) {
    for text in texts {
      traces[Saying(policy: policy.name, text: text), default: []].formUnion([trace].compactMap { $0 })
    }
  }

  /// Takes in what others have gathered.
  public mutating func add(_ other: ElsewhereRemarks) { traces.merge(other.traces) { $0.union($1) } }

  /// One for each policy and difference, with the first of the traces that it holds for, in the order of their names.
  public var sentences: [String] {
    traces.map { saying, traces in
      (traces.isEmpty ? "" : Misfit.list(traces.sorted()) + ", ") + "\(saying.policy): \(saying.text)"
    }
    .sorted()
  }
}
