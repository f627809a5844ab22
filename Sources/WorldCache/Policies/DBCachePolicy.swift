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
/// The calibrators predict instead of holding: TaylorSeer, FoCa (``HeunForecaster``) and DMD (``ModeForecaster``).
/// Every pipeline call has a new context, whose calibrator comes into being at its first computed step and
/// therefore counts one step less than the host (`lag=1`).
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
        "mask", .choice(["none"] + StepMask.allCases.map(\.rawValue) + ["own"]), default: "none",
        "steps that are computed anyway (SCM)"),
      Parameter(
        "calls", .text(MaskPolicy.allowed), default: nil, "which steps are computed anyway",
        when: .init(key: "mask", choices: ["own"])),
      Parameter(
        "mask-policy", .choice(["dynamic", "static"]), default: "dynamic",
        "whether the other steps are decided by the rules or all predicted",
        when: .init(key: "mask", choices: StepMask.allCases.map(\.rawValue) + ["own"])),
      Parameter(
        "branches", .choice(["pooled", "separate", "lead"]), default: "pooled",
        "one decision for all guidance branches, one for each, or that of the first for all"),
      Parameter(
        "predictor", .choice(["hold", "taylor", "foca", "dmd"]), default: "hold",
        "how the middle is predicted (cache-dit's calibrators)"),
      Parameter(
        "order", .integer(1...4), default: "1", "highest order of the differences",
        when: .init(key: "predictor", choices: ["taylor"])),
      Parameter(
        "lag", .integer(0...1), default: "1",
        "steps by which the calibrator's clock runs behind; its differences begin after step 1 + lag",
        when: .init(key: "predictor", choices: ["taylor"])),
      Parameter(
        "history", .integer(4...16), default: "6", "computed values looked back on at most",
        when: .init(key: "predictor", choices: ["dmd"])),
    ],
    thresholds: [
      // 0 computes and 1 predicts without measuring; a budget of 0 is none.
      Threshold("threshold", breaks: [.leastNonzeroMagnitude, 1], .predictBelow),
      Threshold("budget", breaks: [.leastNonzeroMagnitude], .predictBelow),
    ],
    kind: .ordinary { try DBCachePolicy($0) })

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
  private let ownCalls: FixedSchedule.Calls?
  private let isStatic: Bool

  let predictor: (any Predictor)?
  let cachedTensorCount: Int
  private var forecaster: any Forecasting
  /// The newest computed call.
  private var anchor: Int?
  private var mask: [Bool]?
  private var stream: CallStream?
  private var cachedCount = 0
  private var newestCached: Int?
  private var continuous = 0
  private var spent = 0.0

  init(_ values: ParameterValues) throws {
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
    if values.choice("mask") == "own" {
      let text = values.text("calls")
      guard let calls = MaskPolicy.calls(text) else {
        throw PolicyError("calls=\(text) of policy 'dbcache' is not allowed; it takes \(MaskPolicy.allowed)")
      }
      ownCalls = calls
    } else {
      ownCalls = nil
    }
    isStatic = values.choice("mask") != "none" && values.choice("mask-policy") == "static"
    let kept: Int
    switch values.choice("predictor") {
    case "hold":
      (predictor, kept) = (HoldPredictor(), 1)
      forecaster = Forecaster(HoldPredictor())
    case "taylor":
      let taylor = TaylorPredictor(order: values.integer("order"), firstEnhance: 3 + values.integer("lag"))
      (predictor, kept) = (taylor, taylor.anchorCount)
      forecaster = Forecaster(taylor)
    case "foca":
      (predictor, kept) = (nil, 4)
      forecaster = HeunForecaster()
    case "dmd":
      (predictor, kept) = (nil, values.integer("history"))
      forecaster = ModeForecaster(history: values.integer("history"))
    default: preconditionFailure("a predictor is declared but not made")
    }
    cachedTensorCount = kept + 1
  }

  var site: Site? { .rest(after: firstBlocks, tail: lastBlocks) }
  var station: Tap { .block(firstBlocks) }
  func changes(blockCount: Int) -> [ChangeRequest] { [residual] }

  private var residual: ChangeRequest {
    ChangeRequest(Quantity(.block(firstBlocks), minus: .hidden(0)), .all)
  }

  func check(_ geometry: Geometry) throws {
    guard preset != nil || ownCalls != nil, mask(callCount: geometry.callCount) == nil else { return }
    throw PolicyError(
      "\(spec) has no mask for \(geometry.callCount) calls in a chunk"
        + (preset == nil ? "" : "; there are masks for \(StepMask.allowedCallCounts) calls"))
  }

  private func mask(callCount: Int) -> [Bool]? {
    preset?.mask(callCount: callCount) ?? ownCalls?.mask(callCount: callCount)
  }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    mask = mask(callCount: stream.steps.count)
    (cachedCount, newestCached, continuous, spent) = (0, nil, 0, 0)
    anchor = nil
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let index = stream!.index(of: position)
    if !isSticky, newestCached != position - 1 { continuous = 0 }
    let warmUpCount = min(warmUp, mask?.prefix { $0 }.count ?? warmUp)
    if index < warmUpCount, index % warmUpInterval == 0 { return Decision(.compute, .warmUp) }
    guard let anchor else { return Decision(.compute, .warmUp) }
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
    anchor = position
    forecaster.computed(at: position, signals: signals)
  }
}
