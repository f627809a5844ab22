/// What a setting does on every trace, over one part of its thresholds' space.
public struct Behaviour: Sendable {
  /// One interval for each open threshold.
  public let intervals: [ThresholdInterval]
  /// One replay for each trace.
  public let records: [TuningRecord]

  /// What searches of one space on several traces have in common.
  public static func common(_ traces: [TuningOutcome], in space: SearchSpace) -> [Behaviour] {
    common(traces.map(\.boxes), depth: space.keys.count)
  }

  /// What several traces' boxes have in common: where a threshold changes something on any trace, a new
  /// behaviour begins.
  static func common(_ traces: [[BehaviourSearch.Box]], depth: Int) -> [Behaviour] {
    common(traces, level: 0, depth: depth).map { Behaviour(intervals: $0, records: $1) }
  }

  private static func common(
    _ traces: [[BehaviourSearch.Box]], level: Int, depth: Int
  ) -> [([ThresholdInterval], [TuningRecord])] {
    guard level < depth else { return [([], traces.map { $0[0].record })] }
    let edges = Set(traces.joined().map { $0.intervals[level].lower }).sorted()
    return edges.indices.flatMap { place in
      let interval = ThresholdInterval(
        lower: edges[place], upper: place + 1 < edges.count ? edges[place + 1] : nil)
      let inner = traces.map { $0.filter { $0.intervals[level].contains(interval.lower) } }
      return common(inner, level: level + 1, depth: depth).map { ([interval] + $0, $1) }
    }
  }
}
