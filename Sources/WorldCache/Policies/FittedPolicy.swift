import Trace

/// Computes the calls of a fitted schedule and predicts the others with its weights.
struct FittedPolicy: Policy {
  static let entry = PolicyEntry(
    name: "fitted",
    summary: "A schedule with the weights of every prediction, fitted to recorded traces.",
    source:
      "wctrace schedule --fit (docs/schedules.md). Weights hold for the model, the noise levels and the "
      + "solver that they were fitted for; other noise levels, branches and numbers of calls are refused, another "
      + "model and solver are told.",
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

  /// What the schedule is valid for that takes calls like these; nil where none does.
  func domain(on recording: ValidityDomain) -> ValidityDomain? {
    schedules.map(\.domain).first { domain in
      !domain.differences(from: recording).contains { ValidityUse.otherCalls.contains($0.kind) }
    }
  }

  /// What the schedule of so many calls is valid for, of any number where it is not told; nil where there is none.
  ///
  /// Throws a ``PolicyError`` where several ways to sample have such a schedule.
  func domain(callCount: Int?) throws -> ValidityDomain? {
    let domains = Set(schedules.map(\.domain).filter { callCount == nil || $0.callCount == callCount })
    guard domains.count <= 1 else {
      throw PolicyError(
        "\(source) has schedules for \(domains.count) ways to sample; give --trace to say which is meant")
    }
    return domains.first
  }

  func check(_ geometry: Geometry) throws {
    guard geometry.segments.count == 1 else {
      throw PolicyError("\(source) is fitted for models with one expert")
    }
    guard !uses.contains(where: { $0.misfit(geometry) == nil }) else { return }
    let others = uses.count - 1
    do {
      try uses[0].check(geometry)
    } catch let error as PolicyError {
      throw PolicyError("\(error)" + (others > 0 ? " (nor do its \(others) other schedules fit)" : ""))
    }
  }

  func findings(on geometry: Geometry) -> [Finding] {
    uses.first { $0.misfit(geometry) == nil }?.findings(on: geometry, spec) ?? []
  }

  private var uses: [ValidityUse] {
    schedules.map {
      ValidityUse(
        subject: "the fitted schedule \(source)", domain: $0.domain, refused: ValidityUse.otherCalls,
        remedy: "fit anew", isAllowedElsewhere: nil)
    }
  }

  mutating func begin(_ stream: CallStream) {
    // `check` has found one; files of version 1 may not say for how many branches.
    let schedule = schedules.first { schedule in
      schedule.domain.hasLevels(stream.sigmas)
        && [0, stream.recordedBranchCount].contains(schedule.domain.branchCount)
    }
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
