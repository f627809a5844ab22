import Trace

/// Runs the first Fn and the last Bn blocks always, and the middle only when the residual of the first has
/// changed since the last computed call (DBCache).
///
/// The tests in their order (vipshop/cache-dit, `can_cache`): a warm-up step computes (steps 0, w, 2w, …
/// below `warmup`); the mask computes, or, when static, predicts; as many predicted steps as
/// `max-cached`; as many in a row as `max-continuous`; the sum of all differences so far at `budget`, for
/// good; threshold 0; then `D = mean |Q_a − Q_s| / mean |Q_a| < threshold`, where Q is the residual
/// of the first Fn blocks and a the last computed call. Differences count towards the budget whenever they
/// are measured, at computed steps too; a threshold of 1 or more predicts without measuring.
///
/// Differs: the important-token condition (its relative changes are per token) and channel sub-sampling are
/// not offered. With Bn > 0 the error is that of the value from which the last blocks run, not theirs.
struct DBCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "dbcache",
    summary: "Computes the middle blocks when the first blocks' residual has changed (DBCache).",
    source: "vipshop/cache-dit f86744a and release 1.5.3; the latter counts predicted steps in a row "
      + "(counter=streak) and the former's count survives computed steps (counter=sticky).",
    parameters: [
      Parameter("fn", .integer(1...1_000_000), default: "8", "first blocks, which are always computed"),
      Parameter("bn", .integer(0...1_000_000), default: "0", "last blocks, which are always computed"),
      Parameter(
        "threshold", .real(0...Double.greatestFiniteMagnitude), default: "0.08",
        "relative change at which a step is computed"),
      Parameter(
        "warmup", .integer(0...1_000_000), default: "8", "steps at the start of which some are computed"),
      Parameter(
        "warmup-interval", .integer(1...1_000_000), default: "1",
        "steps from one computed warm-up step to the next"),
      Parameter(
        "max-cached", .integer(-1...Int.max), default: "-1", "predicted steps at most; -1 for any number"),
      Parameter(
        "max-continuous", .integer(-1...Int.max), default: "-1",
        "predicted steps in a row at most; -1 for any number"),
      Parameter(
        "counter", .choice(["streak", "sticky"]), default: "streak",
        "how steps in a row are counted, as release 1.5.3 or as f86744a"),
      Parameter(
        "budget", .real(0...Double.greatestFiniteMagnitude), default: "0",
        "sum of measured differences from which on all is computed; 0 for none"),
      Parameter(
        "mask", .choice(["none"] + StepMask.allCases.map(\.rawValue)), default: "none",
        "steps that are computed anyway (SCM)"),
      Parameter(
        "mask-policy", .choice(["dynamic", "static"]), default: "dynamic",
        "whether the other steps are decided by the rules or all predicted",
        when: .init(key: "mask", choices: StepMask.allCases.map(\.rawValue))),
      Parameter(
        "branches", .choice(["pooled", "separate", "lead"]), default: "pooled",
        "one decision for all guidance branches, one for each, or that of the first for all"),
      Parameter("predictor", .choice(["hold", "taylor"]), default: "hold", "how the middle is predicted"),
      Parameter(
        "order", .integer(1...4), default: "1", "highest order of the differences",
        when: .init(key: "predictor", choices: ["taylor"])),
      Parameter(
        "lag", .integer(0...1), default: "0",
        "steps by which the calibrator's clock runs behind (f86744a: 1); its differences begin after step 1 + lag",
        when: .init(key: "predictor", choices: ["taylor"])),
    ],
    thresholds: [
      // 0 computes and 1 predicts without measuring; a budget of 0 is none.
      Threshold("threshold", breaks: [.leastNonzeroMagnitude, 1], .predictBelow),
      Threshold("budget", breaks: [.leastNonzeroMagnitude], .predictBelow),
    ],
    kind: .ordinary { DBCachePolicy($0) })

  let spec: PolicySpec
  let coupling: Coupling
  private let firstBlocks: Int
  private let lastBlocks: Int
  private let threshold: Double
  private let warmUp: Int
  private let warmUpInterval: Int
  private let maxCached: Int
  private let maxContinuous: Int
  private let isSticky: Bool
  private let budget: Double
  private let preset: StepMask?
  private let isStatic: Bool

  private var forecaster: Forecaster
  private var mask: [Bool]?
  private var stream: CallStream?
  private var cachedCount = 0
  private var newestCached: Int?
  private var continuous = 0
  private var spent = 0.0

  init(_ values: ParameterValues) {
    spec = values.spec
    coupling = Coupling(rawValue: values.choice("branches"))!
    firstBlocks = values.integer("fn")
    lastBlocks = values.integer("bn")
    threshold = values.real("threshold")
    warmUp = values.integer("warmup")
    warmUpInterval = values.integer("warmup-interval")
    maxCached = values.integer("max-cached")
    maxContinuous = values.integer("max-continuous")
    isSticky = values.choice("counter") == "sticky"
    budget = values.real("budget")
    preset = StepMask(rawValue: values.choice("mask"))
    isStatic = preset != nil && values.choice("mask-policy") == "static"
    forecaster = Forecaster(
      values.choice("predictor") == "hold"
        ? HoldPredictor()
        : TaylorPredictor(order: values.integer("order"), firstEnhance: 3 + values.integer("lag")))
  }

  var site: Site? { .rest(after: firstBlocks, tail: lastBlocks) }
  var station: Tap { .block(firstBlocks) }
  var predictor: (any Predictor)? { forecaster.predictor }
  var cachedTensorCount: Int { forecaster.predictor.anchorCount + 1 }
  func changes(blockCount: Int) -> [ChangeRequest] { [residual] }

  private var residual: ChangeRequest {
    ChangeRequest(Quantity(.block(firstBlocks), minus: .hidden(0)), .all)
  }

  func check(_ geometry: Geometry) throws {
    guard let preset, preset.mask(callCount: geometry.callCount) == nil else { return }
    throw PolicyError(
      "\(spec) has no mask for \(geometry.callCount) calls in a chunk; there are masks for "
        + "\(StepMask.allowedCallCounts) calls")
  }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    mask = preset.flatMap { $0.mask(callCount: stream.steps.count) }
    (cachedCount, newestCached, continuous, spent) = (0, nil, 0, 0)
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let index = stream!.index(of: position)
    if !isSticky, newestCached != position - 1 { continuous = 0 }
    let warmUpCount = min(warmUp, mask?.prefix { $0 }.count ?? warmUp)
    if index < warmUpCount, index % warmUpInterval == 0 { return Decision(.compute, .warmUp) }
    guard let anchor = forecaster.anchors.first else { return Decision(.compute, .warmUp) }
    if let mask {
      if mask[position] { return Decision(.compute, .schedule) }
      if isStatic { return Decision(.predict, .schedule) }
    }
    if maxCached >= 0, cachedCount >= maxCached { return Decision(.compute, .budget) }
    if maxContinuous >= 0, continuous >= maxContinuous {
      continuous = 0
      return Decision(.compute, .cap)
    }
    if budget > 0, spent >= budget {
      return Decision(.compute, .budget, signal: spent, threshold: budget)
    }
    guard threshold > 0 else { return Decision(.compute, .threshold, threshold: threshold) }
    guard threshold < 1 else { return Decision(.predict, .threshold, threshold: threshold) }
    let change = signals.relativeChange(residual, at: position, from: anchor)
    if change > 0 { spent += change }
    return Decision(
      change < threshold ? .predict : .compute, .threshold, signal: change, threshold: threshold)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    if isSticky {
      // The first predicted step counts; later ones only where they continue a streak.
      if newestCached == nil {
        continuous += 1
      } else if newestCached == position - 1 {
        continuous = continuous == 0 ? 2 : continuous + 1
      }
    } else {
      continuous += 1
    }
    cachedCount += 1
    newestCached = position
    return forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
