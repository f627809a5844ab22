import Trace

/// Computes the calls of a fitted schedule and predicts the others with its weights.
struct FittedPolicy: Policy {
  static let entry = PolicyEntry(
    name: "fitted",
    summary: "A schedule with the weights of every prediction, fitted to recorded traces.",
    source:
      "wctrace schedule --fit (docs/schedules.md). Weights hold for the model, the noise levels and the "
      + "solver that they were fitted for; other noise levels and numbers of calls are refused.",
    parameters: parameters
  ) { spec in
    let path = try ParameterValues.text("file", in: spec, among: parameters)
    let schedules = try FittedFile.read(path)
    return PolicyEntry.Loaded(parameters: parameters) { values in
      FittedPolicy(spec: values.spec, schedules: schedules, source: path)
    }
  }

  private static let parameters = [
    Parameter("file", .text("the name of a .json file"), default: nil, "schedule and weights")
  ]

  let spec: PolicySpec
  /// Of one site; the one that fits is used.
  private let schedules: [FittedSchedule]
  private let source: String
  private var computed: Set<Int> = []
  private var combinations: [Int: Combination] = [:]

  private init(spec: PolicySpec, schedules: [FittedSchedule], source: String) {
    self.spec = spec
    self.schedules = schedules
    self.source = source
  }

  var site: Site? { schedules[0].site }
  var predictor: (any Predictor)? { nil }
  var cachedTensorCount: Int { schedules.map(\.cachedTensorCount).max()! }

  /// What it computes whatever it runs on; nil where its schedules differ.
  func timetable(callCount: Int?) -> Timetable? {
    let masks = Set(
      schedules.filter { callCount == nil || $0.sigmas.count == callCount }.map { schedule in
        schedule.sigmas.indices.map(Set(schedule.computed).contains)
      })
    return masks.count == 1 ? Timetable([[masks.first!]]) : nil
  }

  func check(_ geometry: Geometry) throws {
    guard geometry.segments.count == 1 else {
      throw PolicyError("\(source) is fitted for models with one expert")
    }
    let sigmas = geometry.calls[0].map(\.sigma)
    let misfits = schedules.map { $0.misfit(sigmas, branchCount: geometry.branchCount) }
    if let misfit = misfits[0], !misfits.contains(nil) {
      throw PolicyError(
        "\(source) \(misfit)"
          + (misfits.count > 1 ? " (nor do its \(misfits.count - 1) other schedules fit)" : ""))
    }
  }

  mutating func begin(_ stream: CallStream) {
    // `check` has found one.
    let schedule = schedules.first { $0.misfit(stream.sigmas, branchCount: stream.branchCount) == nil }
    computed = Set(schedule?.computed ?? Array(stream.positions))
    combinations = schedule?.combinations ?? [:]
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    Decision(computed.contains(position) ? .compute : .predict, .schedule)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    Prediction(combinations[position]!)
  }

  mutating func computed(at position: Int, signals: some Signals) {}
}
