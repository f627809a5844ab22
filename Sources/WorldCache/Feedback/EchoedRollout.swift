import Synchronization
public import Trace

/// A recorded rollout run again under a policy without its model: where the network would be called, it answers as
/// recorded, plus what ``Feedback`` makes of the changed latent.
///
/// The policy runs in a ``LiveCache``, as it does on a model, so its signals and the values it predicts from are
/// changed too. At the taps before the output the recorded tensors are shown, moved by what the latent's change since
/// the last computed call adds at the network's entry: how the blocks answer is not known. Where a policy predicts
/// inside the network, `ends` take its prediction to the output; a skipped call then sees the changed latent at both
/// ends, and in between what the last computed call made of it, δx − σ δv there. Every chunk starts from the recorded
/// latent.
///
/// Without feedback the final latent is off by Σ w_s e_s, the *direct* error (docs/metrics.md), at any site.
public final class EchoedRollout: Sendable {
  /// Both ends of a network: what is needed to follow predictions inside it.
  public struct Ends: Sendable {
    /// What a change of the latent, rows of the `output` layout, adds to the stream before the first block.
    public var entry: @Sendable (_ change: Tensor) -> Tensor
    /// What the network makes of the stream after its last block at some calls of one step and of changes of their
    /// latents, up to terms that depend on neither: differences of its answers are differences of outputs.
    public var output: @Sendable (_ streams: [Tensor], _ changes: [Tensor], _ group: [Call]) -> [Tensor]

    public init(
      entry: @escaping @Sendable (_ change: Tensor) -> Tensor,
      output: @escaping @Sendable (_ streams: [Tensor], _ changes: [Tensor], _ group: [Call]) -> [Tensor]
    ) {
      (self.entry, self.output) = (entry, output)
    }
  }

  private let source: any FeatureSource
  private let feedback: Feedback?
  private let ends: Ends?
  private let chunks: [RecordedChunk]
  private let classes: [[Int]]
  /// The largest unrest of the recording's chunks (``TokenUnrest/whole(_:final:_:)``).
  public let unrest: Double
  // `[call]` of taps that policies asked for.
  private let features = Mutex([Tap: [Tensor]]())

  /// Reads the latents and outputs of a recording; other taps when a policy asks for them.
  ///
  /// Throws a ``TraceError`` for recordings without them or of cached rollouts, and a ``PolicyError`` when the
  /// feedback is of something else.
  public init(_ source: any FeatureSource, feedback: Feedback?, ends: Ends? = nil) throws {
    self.source = source
    self.feedback = feedback
    self.ends = ends
    try feedback?.check(source)
    chunks = try Set(source.calls.map(\.chunk)).sorted().map { try RecordedChunk(source, chunk: $0) }
    let unrests = chunks.map(\.unrest)
    let wholes = zip(chunks, unrests).map { $0.wholeUnrest($1) }
    unrest = wholes.first { !$0.isFinite } ?? wholes.max() ?? 0
    classes = zip(chunks, unrests).map { chunk, unrest in
      feedback?.unrestClasses(of: unrest, chunk.layout) ?? []
    }
  }

  /// Whether the recording moves more on its way than any that the feedback was fitted on, so that estimates with
  /// feedback are not to be relied on; nil without feedback.
  public var isBeyondFit: Bool? { feedback.map { $0.isBeyondFit(unrest) } }

  /// What a policy does and how far it ends from the recorded final latents.
  public struct Result: Sendable {
    public var streams: [LiveStream]
    /// ‖x − x*‖² and ‖x*‖² of every chunk, x* the recorded final latent, over valid channels.
    public var squares: [(error: Double, final: Double)]
    /// As ``LiveCache/remarks``.
    public var remarks: [String]

    /// ‖x − x*‖ / ‖x*‖ over all chunks.
    public var relativeError: Double {
      let sums = squares.reduce((0.0, 0.0)) { ($0.0 + $1.error, $0.1 + $1.final) }
      return sums.0 == 0 ? 0 : (sums.0 / sums.1).squareRoot()
    }
  }

  /// Runs a policy over all chunks, with the feedback, if there is one, or without.
  ///
  /// Throws a ``PolicyError`` for policies that do not fit the rollout or know its future, and for those that predict
  /// inside the network when there are no ends; a ``TraceError`` where a tap was not recorded.
  public func run(_ plan: PolicyPlan, withFeedback: Bool = true) throws -> Result {
    let blockCount = source.header.blockCount
    let request = try plan.request(blockCount: blockCount)
    let stretch = (request?.site ?? .output).stretch(blockCount: blockCount)
    if let stretch, stretch.to < .output, ends == nil || stretch.to != .hidden(blockCount) {
      throw PolicyError(
        "\(plan.spec) predicts the stream at \(stretch.to.name), and nothing takes that to the output of "
          + source.path)
    }
    var needed = Set([stretch?.from, stretch?.to].compactMap { $0 })
    for change in request?.changes ?? [] {
      needed.formUnion([change.quantity.tap, change.quantity.minus].compactMap { $0 })
    }
    needed.subtract([.latent, .output, .guided])
    for tap in needed.sorted() { try load(tap) }
    let shown = features.withLock { $0.filter { needed.contains($0.key) } }
    var cache = try LiveCache(
      plan, calls: source.calls, blockCount: blockCount, header: source.header
    ) { [source] tap in
      try source.layout(of: tap == .guided ? .output : tap)
    }
    let squares = try chunks.indices.map {
      try run(chunks[$0], classes[$0], shown, withFeedback ? feedback : nil, &cache)
    }
    return Result(streams: cache.streams, squares: squares, remarks: cache.remarks)
  }

  private func load(_ tap: Tap) throws {
    guard features.withLock({ $0[tap] == nil }) else { return }
    let layout = try source.layout(of: tap)
    let rows = 0..<layout.tokens.count
    let tensors = try source.calls.map { call in
      Tensor(
        rows: rows.count, columns: layout.channelCount,
        values: try source.rows(rows, of: tap, call: call.ordinal))
    }
    features.withLock { $0[tap] = tensors }
  }

  private func run(
    _ chunk: RecordedChunk, _ classes: [Int], _ shown: [Tap: [Tensor]], _ feedback: Feedback?,
    _ cache: inout LiveCache
  ) throws -> (error: Double, final: Double) {
    // Of the latent, so far.
    var change = [Float](repeating: 0, count: chunk.final.count)
    var computed = chunk.groups[0].map { _ in Step.Computed(change: change, clean: change) }
    for position in chunk.groups.indices {
      var step = Step(
        rollout: self, feedback: feedback, chunk: chunk, classes: classes, position: position, change: change,
        computed: computed)
      let changes = try step.run(shown, &cache)
      computed = step.computed
      for (branch, call) in chunk.groups[position].enumerated() {
        let weight = Float(call.weight)
        for index in change.indices { change[index] += weight * changes[branch][index] }
      }
    }
    func square(_ values: [Float]) -> Double {
      var sum = 0.0
      for (row, token) in chunk.layout.tokens.enumerated() where token.isValid {
        for channel in 0..<token.validChannels {
          let value = Double(values[row * chunk.layout.channelCount + channel])
          sum += value * value
        }
      }
      return sum
    }
    return (square(change), square(chunk.final))
  }

  /// One step of one chunk.
  private struct Step {
    let rollout: EchoedRollout
    let feedback: Feedback?
    let chunk: RecordedChunk
    let classes: [Int]
    let position: Int
    /// The change of the latent.
    let change: [Float]
    /// Of every branch at its last computed call.
    var computed: [Computed]

    /// The change of the latent, and what the network made of it: the change of its estimate of the clean latent,
    /// δx − σ δv.
    struct Computed {
      var change: [Float]
      var clean: [Float]
    }

    var group: [Call] { chunk.groups[position] }

    func tensor(_ values: [Float]) -> Tensor {
      Tensor(rows: chunk.layout.tokens.count, columns: chunk.layout.channelCount, values: values)
    }

    /// The changes of the output of every branch.
    mutating func run(_ shown: [Tap: [Tensor]], _ cache: inout LiveCache) throws -> [[Float]] {
      let blockCount = rollout.source.header.blockCount
      try cache.begin(group)
      var target: Tap?
      // The output of every branch, once it is known.
      var output: [Tensor]?
      var stream: [Tensor]?
      var isPredicted = group.map { _ in false }
      var guided: Tensor?
      // What the change of the latent since the last computed call adds to the stream.
      let moved: [Tensor?] = group.indices.map { branch in
        guard feedback != nil, !shown.isEmpty, let ends = rollout.ends else { return nil }
        return ends.entry(tensor(RecordedChunk.difference(change, computed[branch].change)))
      }
      for tap in Tap.line(blockCount: blockCount) {
        if let goal = target, tap < goal { continue }
        target = nil
        var tensors: [Tensor]
        switch tap {
        case .latent:
          let latent = tensor(RecordedChunk.sum(chunk.latent[position], change))
          tensors = group.map { _ in latent }
        case .output:
          output = output ?? answer(to: stream, isPredicted, recorded: shown[.hidden(blockCount)])
          tensors = output!
        case .guided: tensors = [guided ?? mean(of: output!)]
        default:
          if tap == .hidden(blockCount), let stream {
            tensors = stream
          } else if let recorded = shown[tap] {
            tensors = group.indices.map { branch in
              let known = recorded[group[branch].ordinal]
              guard tap.isStream, let moved = moved[branch], moved.values.count == known.values.count else {
                return known
              }
              return Tensor(
                rows: known.rows, columns: known.columns,
                values: RecordedChunk.sum(known.values, moved.values))
            }
          } else {
            continue
          }
        }
        switch try cache.reached(tap, tensors) {
        case .onward: break
        case .jump(let goal, let given):
          target = goal
          switch goal {
          case .output: output = given
          case .guided: guided = given[0]
          default:
            stream = given
            isPredicted = group.map { _ in true }
          }
        case .replace(let given):
          for (branch, tensor) in given.enumerated() {
            guard let tensor else { continue }
            tensors[branch] = tensor
            if tap == .hidden(blockCount) { isPredicted[branch] = true }
          }
          if tap == .output {
            output = tensors
          } else if tap == .guided {
            guided = tensors[0]
          } else {
            stream = tensors
          }
        }
      }
      if let guided {
        // Weights of the branches add up to that of the guided prediction.
        let recorded = mean(of: group.indices.map { tensor(chunk.output[$0][position]) })
        let change = RecordedChunk.difference(guided.values, recorded.values)
        return group.map { _ in change }
      }
      return group.indices.map {
        RecordedChunk.difference(output![$0].values, chunk.output[$0][position])
      }
    }

    // What the network answers: as recorded, plus the response to the changed latent; where the stream was
    // predicted, plus what that and the changed latent make of the output beside what is recorded.
    private mutating func answer(
      to stream: [Tensor]?, _ isPredicted: [Bool], recorded: [Tensor]?
    ) -> [Tensor] {
      var given: [Tensor]?
      var known: [Tensor] = []
      if let stream, let recorded, let ends = rollout.ends {
        let none = tensor([Float](repeating: 0, count: change.count))
        let seen = computed.map {
          feedback == nil ? none : tensor(RecordedChunk.difference(change, $0.clean))
        }
        given = ends.output(stream, seen, group)
        known = ends.output(group.map { recorded[$0.ordinal] }, group.map { _ in none }, group)
      }
      return group.indices.map { branch in
        let values = chunk.output[branch][position]
        if isPredicted[branch], let given {
          return tensor(
            RecordedChunk.sum(values, RecordedChunk.difference(given[branch].values, known[branch].values)))
        }
        guard let feedback else { return tensor(values) }
        let response = feedback.response(
          to: change, position: position, branch: branch, unrestClasses: classes, chunk.layout)
        let sigma = Float(group[branch].sigma)
        computed[branch] = Computed(change: change, clean: zip(change, response).map { $0 - sigma * $1 })
        return tensor(RecordedChunk.sum(values, response))
      }
    }

    private func mean(of outputs: [Tensor]) -> Tensor {
      let total = group.reduce(0) { $0 + $1.weight }
      var values = [Float](repeating: 0, count: outputs[0].values.count)
      for (branch, call) in group.enumerated() {
        // A step of no length has the shares of its guidance all the same.
        let share = branch == 0 ? call.guidance : 1 - call.guidance
        let weight = Float(total != 0 ? call.weight / total : group.count == 1 ? 1 : share)
        for index in values.indices { values[index] += weight * outputs[branch].values[index] }
      }
      return tensor(values)
    }
  }
}

extension Tap {
  /// Whether it is the residual stream, to which blocks add.
  fileprivate var isStream: Bool {
    switch self {
    case .hidden, .block: true
    default: false
    }
  }
}
