/// Finds every behaviour of a policy over the whole range of its open thresholds, without a grid.
///
/// A threshold that enters only through comparisons makes a policy piecewise constant. The search begins at
/// the bottom of the range, replays, and goes on where the first comparison would come out otherwise
/// (``Threshold``), until there is no such place. Several thresholds nest: the outer one's next place is the
/// nearest one over all inner replays.
struct BehaviourSearch {
  /// A part of the thresholds' space, one interval for each, with a replay in it.
  struct Box {
    var intervals: [ThresholdInterval]
    let record: TuningRecord
  }

  let ranges: [ClosedRange<Double>]
  /// The most replays.
  let limit: Int
  let replay: ([Double]) throws -> TuningRecord
  private(set) var replayCount = 0

  init(_ ranges: [ClosedRange<Double>], limit: Int, replay: @escaping ([Double]) throws -> TuningRecord) {
    self.ranges = ranges
    self.limit = limit
    self.replay = replay
  }

  /// All behaviours, ascending; neighbours with the same schedules are one.
  mutating func boxes() throws -> [Box] { try stretch([]).boxes }

  // What lies beyond fixed values of the outer thresholds, and where these would next change something.
  private mutating func stretch(_ values: [Double]) throws -> (boxes: [Box], next: [Double?]) {
    let level = values.count
    guard level < ranges.count else {
      guard replayCount < limit else {
        throw PolicyError(
          "the search has come to \(limit) replays and is not done; fix one of the thresholds")
      }
      replayCount += 1
      let record = try replay(values)
      return ([Box(intervals: [], record: record)], record.next)
    }
    var parts: [(interval: ThresholdInterval, inner: [Box])] = []
    var outer = [Double?](repeating: nil, count: level)
    var value = ranges[level].lowerBound
    while true {
      let (inner, next) = try stretch(values + [value])
      for place in outer.indices {
        outer[place] = [outer[place], next[place]].compactMap { $0 }.min()
      }
      let upper = next[level].flatMap { $0 <= ranges[level].upperBound ? $0 : nil }
      if let last = parts.last, BehaviourSearch.isSame(last.inner, inner) {
        parts[parts.count - 1].interval.upper = upper
      } else {
        parts.append((ThresholdInterval(lower: value, upper: upper), inner))
      }
      guard let upper else { break }
      guard upper > value else {
        throw PolicyError("a search goes up, and after \(value.shortest) a replay says \(upper.shortest)")
      }
      value = upper
    }
    return (
      parts.flatMap { part in
        part.inner.map { Box(intervals: [part.interval] + $0.intervals, record: $0.record) }
      }, outer
    )
  }

  private static func isSame(_ a: [Box], _ b: [Box]) -> Bool {
    a.count == b.count
      && zip(a, b).allSatisfy {
        $0.intervals == $1.intervals && $0.record.figures.schedule == $1.record.figures.schedule
      }
  }
}
