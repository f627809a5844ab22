/// Where a threshold goes from one behaviour to the next.
public struct TuningEdge: Sendable {
  public let setting: Int
  /// The two behaviours, below and above.
  public let below: TuningCandidate
  public let above: TuningCandidate
  /// Where the innermost threshold changes from one to the other.
  public let value: Double
  /// Error above over error below; nil when there is none below.
  public let jump: Double?

  /// The edges of the innermost threshold of some settings, each setting's ascending.
  public static func all(_ front: TuningFront, settings: Set<Int>) -> [TuningEdge] {
    zip(front.candidates, front.candidates.dropFirst()).compactMap { below, above in
      guard below.setting == above.setting, settings.contains(below.setting), above.place == below.place + 1,
        let value = above.behaviour.intervals.last?.lower,
        below.behaviour.intervals.dropLast() == above.behaviour.intervals.dropLast()
      else { return nil }
      let errors = [below, above].map { $0.summary.error![front.goal.statistic] }
      return TuningEdge(
        setting: below.setting, below: below, above: above, value: value,
        jump: errors[0] > 0 ? errors[1] / errors[0] : nil)
    }
  }

  /// Edges at which the error grows or falls by at least `factor`, the largest jumps first.
  public static func cliffs(_ front: TuningFront, settings: Set<Int>, factor: Double) -> [TuningEdge] {
    let edges = all(front, settings: settings).filter { edge in
      edge.jump.map { $0 >= factor || $0 <= 1 / factor } ?? false
    }
    func size(_ edge: TuningEdge) -> Double { max(edge.jump!, 1 / edge.jump!) }
    return edges.enumerated().sorted {
      size($0.element) != size($1.element)
        ? size($0.element) > size($1.element) : $0.offset < $1.offset
    }.map(\.element)
  }

  /// Behaviours that hold over the widest stretch of the innermost threshold, by upper over lower end, the
  /// widest first; those without both ends, or that begin at 0, are left out.
  public static func plateaus(_ front: TuningFront, settings: Set<Int>, factor: Double) -> [TuningCandidate] {
    func width(_ candidate: TuningCandidate) -> Double? {
      guard settings.contains(candidate.setting), let interval = candidate.behaviour.intervals.last,
        let upper = interval.upper, interval.lower > .leastNormalMagnitude
      else { return nil }
      return upper / interval.lower
    }
    let wide = front.candidates.filter { width($0).map { $0 >= factor } ?? false }
    return wide.enumerated().sorted {
      let (a, b) = (width($0.element)!, width($1.element)!)
      return a != b ? a > b : $0.offset < $1.offset
    }.map(\.element)
  }
}
