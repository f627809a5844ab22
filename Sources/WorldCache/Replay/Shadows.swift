import Trace

/// The policy of a replay at work once more for every way in which its signals can lie off within their error
/// bounds (``Deviation``).
///
/// A decision is a near tie when one of them would take it otherwise. They follow what the replay does; one that
/// disagrees goes on from the replay's own state.
struct Shadows {
  /// `[deviation][lane]`.
  private var lanes: [[Lane<GeometrySignals>]]

  /// Nil for policies that a copy of cannot be asked (``Policy/isSelfContained``).
  init?(of policy: any Policy, over geometry: Geometry, memo: ReplayMemo) {
    guard policy.isSelfContained else { return nil }
    lanes = Deviation.all.map { Lane.lanes(of: policy, over: geometry, memo: memo, deviation: $0) }
  }

  mutating func begin(_ segment: Range<Int>) {
    forEach { $1.begin(segment) }
  }

  /// Whether each lane's decision is a near tie; `decided` are the replay's lanes after they decided `step`.
  mutating func areNearTies(_ step: [Decision], at position: Int, _ decided: [Lane<GeometrySignals>]) -> [Bool] {
    var ties = step.map { _ in false }
    forEach { lane, shadow in
      guard shadow.decide(at: position).action != step[lane].action else { return }
      ties[lane] = true
      shadow.policy = decided[lane].policy
    }
    return ties
  }

  mutating func know(_ branch: Int, isComputedAt position: Int) {
    forEach { $1.signals.isComputed[branch][position] = true }
  }

  /// Does what the replay does.
  mutating func follow(_ action: Decision.Action, at position: Int, lane: Int) {
    for place in lanes.indices {
      switch action {
      case .compute: lanes[place][lane].computed(at: position)
      case .predict: _ = lanes[place][lane].prediction(at: position)
      }
    }
  }

  private mutating func forEach(_ body: (_ lane: Int, inout Lane<GeometrySignals>) -> Void) {
    for place in lanes.indices {
      for lane in lanes[place].indices { body(lane, &lanes[place][lane]) }
    }
  }
}
