public import Trace

/// A schedule with the weights of every prediction, fitted to recorded traces (`fitted:file=…`).
public struct FittedSchedule: Sendable {
  public let site: Site
  /// What it was fitted to; weights hold for the noise levels of every call.
  public let domain: ValidityDomain
  /// Computed calls, ascending from 0.
  public let computed: [Int]
  /// What is emitted at the other calls, by position; of each branch's own values.
  public let combinations: [Int: Combination]

  public var sigmas: [Double] { domain.sigmas }

  /// Computed values that are kept at most at a time.
  var cachedTensorCount: Int {
    var lastUse: [Int: Int] = [:]
    for (position, combination) in combinations {
      for term in combination.terms { lastUse[term.position] = max(lastUse[term.position] ?? 0, position) }
    }
    return sigmas.indices.map { position in lastUse.count { $0.key <= position && $0.value >= position } }
      .max() ?? 0
  }
}

/// Fitted schedules of one or several numbers of computed calls, with their errors on the traces.
public struct FittedSchedules: Sendable {
  public struct Entry: Sendable {
    public let schedule: FittedSchedule
    /// Direct errors of the final latent, trace by trace: fitted on the exact ideal schedule that the search
    /// began with, and on the one that it ended with.
    public let startErrors: [Double]
    public let directErrors: [Double]
    /// Errors of the latent at the computed calls, squared, added up and rooted.
    public let arrivalErrors: [Double]
  }

  public let entries: [Entry]
  public let memory: Int
  public let over: Aim.Over

  /// How much the squared errors of the latent at the computed calls count beside that of the final one.
  ///
  /// The direct error is open loop: it leaves out how a call answers to a latent that has gone astray. In live
  /// runs schedules that were chosen without this failed on single scenes (docs/schedules.md).
  static let arrivalShare = 0.3

  /// Begins with the ideal schedule of the policy's predictor under the streak-coherent error, and moves
  /// computed calls as long as the errors of the fitted predictions fall.
  ///
  /// `traces` are one chunk of each. `memory` is how many computed calls a prediction looks back on.
  public init(
    startingFrom plan: PolicyPlan, over traces: [Geometry], memory: Int, over: Aim.Over = .mean,
    _ constraints: ScheduleConstraints, computing counts: ClosedRange<Int>,
    progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    let ideals = try IdealSchedules(
      of: plan, over: traces.map { [$0] }, Aim(), constraints, computing: counts)
    let first = traces[0]
    guard let domain = ValidityDomain.common(to: traces) else {
      let differences = traces.dropFirst().flatMap { ValidityDomain(of: first).differences(from: $0) }
      let text = differences.first { !$0.isOfModelState }?.text ?? "another model or solver"
      throw PolicyError("weights are fitted to traces that agree; one of these has \(text)")
    }
    let weights = try FittedWeights(traces, memory: memory, isCorrecting: true)
    func cost(_ fit: FittedWeights.Fit) -> Double {
      let costs = zip(fit.directErrors, fit.arrivalErrors).map { direct, arrival in
        direct * direct + FittedSchedules.arrivalShare * arrival * arrival
      }
      return over == .max ? costs.max()! : costs.reduce(0, +) / Double(costs.count)
    }
    var entries: [Entry] = []
    for (place, entry) in ideals.entries.enumerated() {
      let start = entry.chunks[0].computed
      let found = ScheduleMoves.improve(start, callCount: first.callCount, constraints) {
        cost(weights.fit($0))
      }
      let schedule = found?.schedule ?? start
      let fit = weights.fit(schedule)
      entries.append(
        Entry(
          schedule: FittedSchedule(
            site: first.site, domain: domain, computed: schedule, combinations: fit.combinations),
          startErrors: weights.fit(start).directErrors, directErrors: fit.directErrors,
          arrivalErrors: fit.arrivalErrors))
      progress(place + 1, ideals.entries.count)
    }
    self.entries = entries
    self.memory = min(memory, first.callCount)
    self.over = over
  }
}
