/// Writes down what passes the taps, around any other hook.
///
/// It records what is selected at the taps of its sink and never changes the run: the answers are those of `inner`.
/// When `inner` jumps, the taps in between are absent, the target is predicted and everything after
/// it derived; the model must show the target next, with the tensors of the jump. What `inner` replaces is
/// recorded as replaced, predicted, and what follows from it derived. A group ends at `guided`, and only then
/// are its calls handed to the sink, which records them while the model is at work on the next group; an error of the
/// sink is thrown at the end of that, or by the sink when it is finished.
///
/// Times are wall times between taps, without the time spent in the recorder and in `inner`. A group
/// runs in lockstep, so its time is shared equally between its calls.
public struct Recorder: CallHook {
  /// The hook that is asked what to do.
  public private(set) var inner: any CallHook
  private let sink: TraceWriter
  private let selection: Selection
  // The selected rows at taps of which not all are.
  private var rows: [Tap: [Int]] = [:]
  private var group: [Call] = []
  // Tensors and states by tap, then by place in the group.
  private var features: [Tap: [Tensor]] = [:]
  private var states: [Tap: [TapState]] = [:]
  private var stretches: [Tap: Duration] = [:]
  private var jumpTarget: Tap?
  // By place in the group, whether an earlier value was replaced.
  private var isReplaced: [Bool] = []
  private var mark = ContinuousClock.now

  /// `layouts` are the model's whole ones; a selection of tokens needs them, and the sink those that
  /// ``Selection/applied(to:)`` makes of them.
  public init(
    sink: TraceWriter, inner: any CallHook = Onward(), selection: Selection = Selection(),
    layouts: [TokenTable] = []
  ) {
    self.sink = sink
    self.inner = inner
    self.selection = selection
    for (tap, name) in sink.taps {
      rows[tap] = layouts.first { $0.name == name }.flatMap(selection.rows)
    }
  }

  public mutating func begin(_ group: [Call]) throws {
    precondition(self.group.isEmpty, "the group before must reach `guided` first")
    precondition(!group.isEmpty, "a group has at least one call")
    self.group = group
    jumpTarget = nil
    isReplaced = group.map { _ in false }
    try inner.begin(group)
    mark = .now
  }

  public mutating func reached(_ tap: Tap, _ tensors: [Tensor]) throws -> Passage {
    stretches[tap] = mark.duration(to: .now)
    precondition(
      tensors.count == (tap == .guided ? 1 : group.count), "one tensor per call, one in all at `guided`")
    let passage = try inner.reached(tap, tensors)
    var shown = tensors
    var states = tensors.indices.map { place in state(at: tap, place) }
    switch passage {
    case .onward: break
    case .jump(let target, _):
      precondition(target > tap, "a jump leads to a later tap")
      jumpTarget = target
    case .replace(let others):
      precondition(others.count == tensors.count, "one tensor, or none, per tensor that was shown")
      for (place, other) in others.enumerated() where other != nil {
        shown[place] = other!
        states[place] = .predicted
        if tap != .guided { isReplaced[place] = true }
      }
    }
    if sink.taps[tap] != nil, group.contains(where: selection.includes) {
      features[tap] = rows[tap].map { rows in shown.map { $0.selecting(rows: rows) } } ?? shown
      self.states[tap] = states
    }
    if tap == .guided { try finishGroup() }
    mark = .now
    return passage
  }

  // How a value came about that the model has just shown; at `guided` all branches meet.
  private func state(at tap: Tap, _ place: Int) -> TapState {
    if jumpTarget == tap { return .predicted }
    let isDerived = tap == .guided ? isReplaced.contains(true) : isReplaced[place]
    return jumpTarget != nil || isDerived ? .derived : .fresh
  }

  private mutating func finishGroup() throws(TraceError) {
    let seconds = stretches.mapValues { $0 / .seconds(1) / Double(group.count) }
    let places = group.indices.sorted { group[$0].ordinal < group[$1].ordinal }
    let entries = places.map { place in
      var call = group[place]
      call.seconds = seconds.keys.sorted().reduce(0) { $0 + (seconds[$1] ?? 0) }
      // `guided` has one tensor for all branches: it stays with the first call of the group.
      let own = selection.includes(call) ? features.filter { place < $0.value.count } : [:]
      return TraceWriter.Handover.Entry(
        call: call, states: states.filter { own[$0.key] != nil }.mapValues { $0[place] },
        stretchSeconds: seconds, features: own.mapValues { $0[place] })
    }
    try sink.enqueue(entries)
    group = []
    features = [:]
    states = [:]
    stretches = [:]
  }
}
