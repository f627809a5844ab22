public import Trace

/// The hook that skips: one policy driving a model, with tensors where replay has distances.
///
/// At the policy's station it decides; a call that is to be predicted jumps from there, or from the site's
/// beginning where that comes later, to the site's end with `fresh(beginning) + prediction`. Where branches decide
/// apart and disagree, all of them pass the network, since they advance in lockstep, and the predicted ones are
/// replaced at the site's end. Emissions are summed in double precision, the fresh value first, then the
/// terms by branch, band and call, and rounded once. Only values that the network computed are kept.
public struct LiveCache: CallHook {
  public let spec: PolicySpec
  private let plan: PolicyPlan
  private let blockCount: Int
  private let header: TraceHeader?
  private let layouts: [Tap: TokenTable]
  // `[branch][position]` of every chunk.
  private let calls: [Int: [[Call]]]
  // Chunks in their order.
  private let chunks: [Int]
  private var work: LiveChunk?
  private var finished: [LiveStream] = []
  private var seconds = ControllerSeconds()

  /// What a reader of the results should know of how the policy was set up, such as that its numbers were made
  /// elsewhere; empty for most.
  public private(set) var remarks: [String] = []

  /// `calls` are those of the whole rollout; `layout` says what the rows at a tap stand for, and `header` which model
  /// and solver it is of, where that is known.
  ///
  /// Throws a ``PolicyError`` when the policy does not fit the rollout, or needs to know its future.
  public init(
    _ plan: PolicyPlan, calls: [Call], blockCount: Int, header: TraceHeader? = nil,
    layout: (Tap) throws -> TokenTable
  ) throws {
    guard case .ordinary = plan.entry.kind else {
      throw PolicyError(
        "\(plan.spec) is made from a recorded rollout and cannot decide in one that is running; record one, and "
          + "run the calls that it finds with 'mask' or 'schedule'")
    }
    spec = plan.spec
    self.plan = plan
    self.blockCount = blockCount
    self.header = header
    self.calls = Dictionary(grouping: calls, by: \.chunk).mapValues { members in
      Set(members.map(\.branch)).sorted().map { branch in members.filter { $0.branch == branch } }
    }
    chunks = self.calls.keys.sorted()
    for branches in self.calls.values {
      let steps = branches.map { $0.map { [$0.expert, $0.step, $0.stage] } }
      guard steps.allSatisfy({ $0 == steps[0] }) else {
        throw PolicyError(
          "the guidance branches of chunk \(branches[0][0].chunk) differ in their steps; a cache needs all branches at "
            + "every step")
      }
    }
    let request = try plan.request(blockCount: blockCount)
    let site = request?.site ?? .output
    guard let (from, to) = site.stretch(blockCount: blockCount) else {
      throw PolicyError(
        "\(plan.spec) caches at \(site), which needs more than the model's \(blockCount) blocks")
    }
    let quantities = (request?.changes ?? []).flatMap { [$0.quantity.tap, $0.quantity.minus] }
    layouts = try Dictionary(
      uniqueKeysWithValues: Set([from, to].compactMap { $0 } + quantities.compactMap { $0 }).map {
        ($0, try layout($0))
      })
    try plan.checkChunkCount(chunks.count)
    // What does not fit shows before the first call.
    for place in chunks.indices {
      remarks += try chunk(at: place).remarks.filter { !remarks.contains($0) }
    }
  }

  private func chunk(at place: Int) throws -> LiveChunk {
    try LiveChunk(
      plan, calls: calls[chunks[place]]!, chunk: chunks[place], place: place, blockCount: blockCount,
      layouts: layouts, header: header)
  }

  /// What was decided so far, chunk by chunk.
  public var streams: [LiveStream] { finished + (work.map { [$0.finishedStream] } ?? []) }
  /// What the cache itself cost.
  public var controllerSeconds: ControllerSeconds { seconds + (work?.seconds ?? ControllerSeconds()) }

  public mutating func begin(_ group: [Call]) throws {
    if work?.stream.chunk != group[0].chunk {
      if let work {
        finished.append(work.finishedStream)
        seconds = seconds + work.seconds
      }
      guard let place = chunks.firstIndex(of: group[0].chunk) else {
        throw PolicyError("chunk \(group[0].chunk) was not announced to the cache")
      }
      work = try chunk(at: place)
    }
    let branchCount = calls[group[0].chunk]!.count
    guard group.count == branchCount else {
      throw PolicyError(
        "a step came with \(group.count) calls; the \(branchCount) guidance branches of a step must come together"
      )
    }
    work!.begin(group)
  }

  public mutating func reached(_ tap: Tap, _ tensors: [Tensor]) throws -> Passage {
    try work!.reached(tap, tensors)
  }
}

extension ControllerSeconds {
  static func + (a: ControllerSeconds, b: ControllerSeconds) -> ControllerSeconds {
    ControllerSeconds(
      keeping: a.keeping + b.keeping, deciding: a.deciding + b.deciding,
      predicting: a.predicting + b.predicting)
  }
}
