import Trace
import WorldCache

/// What is shown of an uncached and a cached trace of the same calls.
struct TracePairReport {
  private let pair: TracePair
  private let replay: Replay?
  private let again: (streams: [LiveStream], parting: Int?)?
  private var undefined = UndefinedErrors()

  /// `policy` names the policy, at most one; left out, the cached trace does.
  init(_ pair: TracePair, policy: [String]) throws {
    self.pair = pair
    guard policy.count <= 1 else {
      throw Terminal.usage("--policy names one policy with --uncached and --cached")
    }
    guard let text = policy.first ?? pair.policy else {
      Terminal.remark("the cached trace names no policy, and there is no --policy: what replay says is n/a")
      (replay, again) = (nil, nil)
      return
    }
    let plan = try PolicyRegistry.plan(text)
    let replay = try Replay(plan, over: plan.geometries(in: GeometryCatalog.opening(pair.uncached.path)))
    self.replay = replay
    undefined.add(replay, trace: pair.uncached.path)
    var elsewhere = ElsewhereRemarks()
    elsewhere.add(replay, trace: pair.uncached.path)
    Terminal.tell(elsewhere)
    do {
      again = try pair.decidedAgain(plan)
    } catch {
      Terminal.remark("the policy cannot decide again over the cached trace: \(error)")
      again = nil
    }
  }

  func show(_ format: TableFormat) throws {
    switch format {
    case .csv: try Terminal.show(calls.formatted(.csv))
    case .json: try Terminal.show(JSONValue.object([("summary", summary.json), ("calls", calls.json)]).text)
    case .table, .markdown:
      try Terminal.show(summary.formatted(format))
      try Terminal.show("\n" + calls.formatted(format))
      if let sentence = undefined.sentence { Terminal.remark(sentence) }
    }
  }

  /// The final error beside its estimates, and how many decisions agree.
  private var summary: Table {
    var table = Table(columns: [
      .init("computed", key: "computed_calls"), .init("of", key: "calls"), .init("final", key: "final_error"),
      .init("direct", key: "direct_error"), .init("ratio", key: "ratio"),
      .init("streak", key: "streak_error"),
      .init("replay agrees", key: "replay_agreement"), .init("again agrees", key: "again_agreement"),
      .init("parts at", key: "again_parting"), .init("policy", key: "policy"),
    ])
    func part(_ decisions: [Bool?]) -> Table.Cell {
      let known = zip(decisions, pair.steps).compactMap { own, step in own.map { $0 == step.isComputed } }
      return known.isEmpty
        ? .none : .number(Double(known.count { $0 }) / Double(known.count), decimals: 4)
    }
    let ratio = replay?.directError.flatMap { direct in pair.finalError.map { direct / $0 } }
    table.append([
      .integer(pair.steps.count { $0.isComputed }), .integer(pair.steps.count),
      ValidationTable.number(pair.finalError, 4), ValidationTable.number(replay?.directError, 4),
      ValidationTable.number(ratio.flatMap { $0.isFinite ? $0 : nil }, 3),
      ValidationTable.number(replay?.streakError, 4), part(replayed), part(decidedAgain),
      again?.parting.map { .integer($0) } ?? .none, replay.map { .text($0.spec.description) } ?? .none,
    ])
    return table
  }

  private var calls: Table {
    var table = Table(columns: [
      .init("chunk", key: "chunk"), .init("call", key: "position"), .init("sigma", key: "sigma"),
      .init("cached run", key: "decision"), .init("replay", key: "replay_decision"),
      .init("again", key: "again_decision"), .init("latent drift", key: "latent_drift"),
      .init("output drift", key: "output_drift"),
    ])
    func word(_ isComputed: Bool?) -> Table.Cell {
      isComputed.map { .text(($0 ? Decision.Action.compute : .predict).rawValue) } ?? .none
    }
    for (index, step) in pair.steps.enumerated() {
      table.append([
        .integer(step.chunk), .integer(step.position), .number(step.sigma, decimals: 4),
        word(step.isComputed), word(replayed[index]), word(decidedAgain[index]),
        ValidationTable.number(step.latentDrift, 4), ValidationTable.number(step.outputDrift, 4),
      ])
    }
    return table
  }

  /// Whether replay computes all branches of each step.
  private var replayed: [Bool?] {
    decisions(replay?.streams.map { (chunk: $0.chunk, lanes: $0.lanes) } ?? [])
  }

  private var decidedAgain: [Bool?] {
    decisions(again?.streams.map { (chunk: $0.chunk, lanes: $0.lanes) } ?? [])
  }

  private func decisions(_ streams: [(chunk: Int, lanes: [[Decision]])]) -> [Bool?] {
    pair.steps.map { step in
      guard let lanes = streams.first(where: { $0.chunk == step.chunk })?.lanes,
        lanes.allSatisfy({ step.position < $0.count })
      else { return nil }
      return lanes.allSatisfy { $0[step.position].action == .compute }
    }
  }
}
