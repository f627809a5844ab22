import Trace

/// Decides by a rule that a file describes.
///
/// The decision order at a call of a stream: 1. one of the first or 2. of the last calls: compute; 3. too few
/// computed calls for the predictor or the signal: compute; 4. a noise level outside the range: compute;
/// 5. fewer calls since the last computed one than the gap: predict; 6. the comparison; 7. the longest streak;
/// 8. the budget. What adds up starts anew after every computed call.
struct RulePolicy: Policy {
  static let entry = PolicyEntry(
    name: "rule",
    summary: "Decides by a rule that a file describes: signal, accumulation, guards, predictor.",
    source:
      "Your file; its keys are in docs/adding-a-policy.md. What it declares under parameters can be set here.",
    parameters: [fileParameter]
  ) { spec in
    let file = try RuleFile(ParameterValues.text("file", in: spec, among: [fileParameter]))
    return PolicyEntry.Loaded(
      parameters: [fileParameter] + file.parameters, thresholds: file.threshold.map { [$0] } ?? []
    ) { values in
      let settings = file.parameters.map { ($0.key, values.text($0.key)) }
      return RulePolicy(
        spec: values.spec, name: values.text("file"),
        rule: try file.rule(settings: Dictionary(uniqueKeysWithValues: settings)))
    }
  }

  private static let fileParameter = Parameter(
    "file", .text("the name of a .yaml or .json file"), default: nil, "the rule")

  let spec: PolicySpec
  private let name: String
  private let rule: Rule
  private var forecaster: Forecaster
  private var stream: CallStream?
  /// Computed calls of the stream, newest first, as many as anything looks back on.
  private var computed: [Int] = []
  /// What has added up since the last computed call: the sum, and the product of the values.
  private var (sum, product) = (0.0, 1.0)
  /// The value of a call that is decided, to be added once it is predicted.
  private var pending: Double?
  private var predictedCount = 0

  init(spec: PolicySpec, name: String, rule: Rule) {
    self.spec = spec
    self.name = name
    self.rule = rule
    forecaster = Forecaster(rule.predictor)
  }

  var site: Site? { rule.site }
  var station: Tap { rule.station }
  var coupling: Coupling { rule.coupling }
  // The exact search knows predictors by name; groups of one's own have none.
  var predictor: (any Predictor)? { rule.predictor is QuantileGroupsPredictor ? nil : rule.predictor }
  var cachedTensorCount: Int { rule.predictor.anchorCount }

  func changes(blockCount: Int) -> [ChangeRequest] { rule.signal?.changes ?? [] }

  func check(_ geometry: Geometry) throws {
    try rule.signal?.check(geometry, name)
    try Rule.check(rule.station, rule.site, geometry, name)
  }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    forecaster.reset()
    computed = []
    predictedCount = 0
    startAnew()
  }

  private mutating func startAnew() {
    (sum, product) = (0, 1)
    pending = nil
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let index = stream!.index(of: position)
    if index < rule.guards.first { return Decision(.compute, .warmUp) }
    if index >= stream!.count - rule.guards.last { return Decision(.compute, .lastCall) }
    guard forecaster.isReady else { return Decision(.compute, .history) }
    guard rule.guards.sigmas.contains(stream!.sigmas[position]) else { return Decision(.compute, .forced) }

    var decision = Decision(.predict, .schedule)
    if let signal = rule.signal {
      let situation = RuleSignal.Situation(
        position: position, stream: stream!, computed: computed, predictor: rule.predictor)
      guard let value = signal.value(situation, signals) else { return Decision(.compute, .history) }
      decision = compare(rule.transforms.reduce(value) { $1($0) })
    }
    if position - computed[0] < rule.guards.minimumGap {
      decision.action = .predict
      decision.reason = .schedule
      return decision
    }
    guard decision.action == .predict else { return decision }
    if position - computed[0] > rule.guards.longestStreak {
      decision.action = .compute
      decision.reason = .cap
    } else if predictedCount >= rule.guards.budget {
      decision.action = .compute
      decision.reason = .budget
    }
    return decision
  }

  private mutating func compare(_ value: Double) -> Decision {
    var compared = value
    if rule.accumulation != .none {
      if rule.includesCurrent { add(value) } else { pending = value }
      compared = sum
    }
    let predicts = rule.comparison.predicts(compared, rule.threshold)
    return Decision(predicts ? .predict : .compute, .threshold, signal: compared, threshold: rule.threshold)
  }

  private mutating func add(_ value: Double) {
    switch rule.accumulation {
    case .none: break
    case .sum: sum += value
    case .product:
      product *= value
      sum += abs(1 - product)
    }
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    predictedCount += 1
    if let pending { add(pending) }
    pending = nil
    return forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
    computed = Array(([position] + computed).prefix(max(3, rule.predictor.anchorCount)))
    startAnew()
  }
}
