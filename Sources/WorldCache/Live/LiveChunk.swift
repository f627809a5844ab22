import Trace

/// A live cache at work on one chunk.
struct LiveChunk {
  private(set) var stream: LiveStream
  private(set) var seconds = ControllerSeconds()
  private let geometry: Geometry
  private let store: TensorStore
  private var lanes: [Lane<TensorSignals>]
  /// What a reader of the results should know of how the policy was set up; empty for most.
  let remarks: [String]
  private let changes: [ChangeRequest]
  private let isCaching: Bool
  private let from: Tap?
  private let to: Tap
  private let station: Tap
  /// Where a predicted call leaves the line.
  private let exit: Tap
  // Taps whose tensors are needed later in the same call.
  private let needed: Set<Tap>

  // The group under way.
  private var position = -1
  private var group: [Call] = []
  private var current: [Tap: [Tensor]] = [:]
  private var step: [Decision]?
  private var predictions: [Prediction?] = []
  private var hasJumped = false

  init(
    _ plan: PolicyPlan, calls: [[Call]], chunk: Int, place: Int, blockCount: Int, layouts: [Tap: TokenTable],
    header: TraceHeader?
  ) throws {
    let request = try plan.request(blockCount: blockCount)
    let site = request?.site ?? .output
    (from, to) = site.stretch(blockCount: blockCount)!
    geometry = Geometry(
      outlineAt: site, split: request?.split, chunk: chunk, blockCount: blockCount, calls: calls,
      layout: layouts[to]!, header: header)
    let policy = try plan.policy(for: geometry, place: place)
    isCaching = policy.site != nil
    remarks = Finding.elsewhere(policy, geometry)
    station = policy.station
    exit = from.map { max($0, policy.station) } ?? policy.station
    changes = request.map { Array($0.changes) } ?? []
    let store = try TensorStore(
      geometry, layouts[to]!,
      quantities: Dictionary(uniqueKeysWithValues: changes.map { ($0, layouts[$0.quantity.tap]!) }))
    self.store = store
    lanes = Lane.lanes(of: policy, branchCount: geometry.branchCount) {
      TensorSignals(store: store, branches: $0)
    }
    needed = Set(
      [from].compactMap { $0 }
        + changes.flatMap { change in
          change.quantity.minus.map { [$0, change.quantity.tap] } ?? []
        })
    stream = LiveStream(
      chunk: chunk, steps: geometry.calls[0].map(\.step), sigmas: geometry.calls[0].map(\.sigma),
      lanes: lanes.map { _ in [] }, covered: lanes.map(\.covered),
      evaluationCounts: lanes.map { site == .guided ? calls.count : $0.covered.count })
  }

  /// The decisions with what the cache had to hold.
  var finishedStream: LiveStream {
    var stream = stream
    stream.peakByteCount = store.use.peakByteCount
    return stream
  }

  mutating func begin(_ group: [Call]) {
    self.group = group
    position += 1
    current = [:]
    step = nil
    predictions = []
    hasJumped = false
    guard let segment = geometry.segments.first(where: { $0.lowerBound == position }) else { return }
    clocked(\.deciding) { work in
      for lane in work.lanes.indices { work.lanes[lane].begin(segment) }
    }
  }

  mutating func reached(_ tap: Tap, _ tensors: [Tensor]) throws -> Passage {
    var passage = Passage.onward
    // A line without the station decides at the next tap.
    if tap > station, step == nil { clocked(\.deciding) { $0.decide() } }
    if isCaching, !hasJumped { clocked(\.keeping) { $0.keep(tap, tensors) } }
    if tap == station, step == nil { clocked(\.deciding) { $0.decide() } }
    if let step, isCaching, !hasJumped, step.contains(where: { $0.action == .predict }) {
      if tap >= exit, tap < to, step.allSatisfy({ $0.action == .predict }) {
        hasJumped = true
        passage = .jump(to: to, with: clocked(\.predicting) { $0.emissions() }.map { $0! })
      } else if tap == to {
        passage = .replace(with: clocked(\.predicting) { $0.emissions() })
      }
    }
    if tap == .guided {
      clocked(\.deciding) { $0.finish() }
      if let failure = lanes.lazy.compactMap(\.policy.failure).first { throw failure }
    }
    return passage
  }

  private mutating func clocked<Result>(
    _ part: WritableKeyPath<ControllerSeconds, Double>, _ body: (inout LiveChunk) -> Result
  ) -> Result {
    let start = ContinuousClock.now
    defer { seconds[keyPath: part] += start.duration(to: .now) / .seconds(1) }
    return body(&self)
  }

  /// Whether a branch of the site is computed; nil before that is decided.
  private func isComputed(_ branch: Int) -> Bool? {
    guard let step else { return nil }
    return zip(lanes, step).contains { $0.covered.contains(branch) && $1.action == .compute }
  }

  // Keeps what the network has made: quantities up to the station always, all else where it is computed.
  private mutating func keep(_ tap: Tap, _ tensors: [Tensor]) {
    if needed.contains(tap) { current[tap] = tensors }
    for change in changes where change.quantity.station == tap {
      let quantity = change.quantity
      for branch in 0..<min(geometry.branchCount, tensors.count)
      where tap <= station || isComputed(branch) == true {
        store.keep(
          change, quantity.tap == tap ? tensors[branch] : current[quantity.tap]![branch],
          minus: quantity.minus.map { $0 == tap ? tensors[branch] : current[$0]![branch] },
          at: group[branch], TensorStore.Point(branch: branch, position: position))
      }
    }
    guard tap == to else { return }
    for branch in 0..<geometry.branchCount where isComputed(branch) == true {
      store.keep(
        tensors[branch], minus: from.map { current[$0]![branch] }, branch: branch, position: position)
    }
  }

  private mutating func decide() {
    let step = Lane.coupled(Lane.decide(&lanes, at: position), lanes)
    for (lane, decision) in step.enumerated() { stream.lanes[lane].append(decision) }
    predictions = step.indices.map { lane in
      step[lane].action == .predict ? lanes[lane].prediction(at: position) : nil
    }
    self.step = step
  }

  // What the predicted branches emit; nil for those that are computed.
  private func emissions() -> [Tensor?] {
    (0..<geometry.branchCount).map { branch in
      for (lane, prediction) in zip(lanes, predictions) {
        guard let prediction, lane.covered.contains(branch) else { continue }
        // A lane that decides from the first branch alone predicts all branches alike.
        let place = lane.signals.branches.contains(branch) ? branch - lane.signals.branches.lowerBound : 0
        return store.emission(
          prediction, branch: branch, place: place, from: from.map { current[$0]![branch] })
      }
      return nil
    }
  }

  private mutating func finish() {
    for (lane, decision) in step!.enumerated() where decision.action == .compute {
      lanes[lane].computed(at: position)
    }
    store.finishCall()
  }
}
