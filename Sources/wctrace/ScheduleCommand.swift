public import ArgumentParser
import Foundation
import Synchronization
import Trace
import WorldCache

extension Objective: ExpressibleByArgument {}
extension Aim.Over: ExpressibleByArgument {}

/// `wctrace schedule`: which calls a policy computes, and which ones would have been best.
struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "Show a policy's schedule and the ideal one, or find the best schedule for several traces.",
    discussion: """
      Without --calls: for each trace the policy's own schedule, and the ideal of its predictor with as many computed \
      calls: the exact optimum over all schedules under the streak-coherent error, found on this very trace; a bound, \
      not a promise. C is a computed call, p a predicted one. A trace on which the policy cannot run is named on standard \
      error, with exit code 3.

      With --calls: the schedules that are best for all the traces together, one for each number of computed calls, \
      with the predictor and the site of the policy. 'error' is what was minimised, 'bound' what no schedule can be \
      below; they are equal where the search is exact (docs/schedules.md). --objective direct minimises the error of the \
      final latent itself, which is exact where the search comes to an end. --save writes one for schedule:file=…, \
      which replays and live runs take. Choose on some traces, confirm on others.

      With --calls and --per-token: every token has a schedule of its own, and --calls is how many are computed for each \
      on average: what token-wise caching could do at most with this predictor, trace by trace. Beside it stand the \
      errors where all tokens share one schedule and where each has its own with as many calls.

      With --calls and --fit: weights of every prediction, fitted so that the final latent has the smallest error; a \
      prediction also makes up for earlier ones as far as later computed calls tell of them. The schedule is found by \
      local search from the ideal one, without a bound; --save writes it for fitted:file=….
      """)

  @OptionGroup var input: TracesInput
  @OptionGroup var chunks: ChunksOption

  @Option(
    name: .shortAndLong,
    help: """
      The policy; with --calls only its predictor and its site count. worldcache unless given, taylor:order=1 with \
      --objective direct, and with --fit, where it is what the search begins with.
      """)
  var policy: String?

  @Option(help: "Find the best schedules with so many computed calls: a number, or a range such as 8..20.")
  var calls: String?

  @Option(
    help: """
      What is minimised: \(Objective.allCases.map(\.rawValue).joined(separator: ", ")); streak unless given.
      """)
  var objective: Objective?

  @Option(
    parsing: .unconditional,
    help:
      "The power, at most 32, to which errors are raised before they are added up (streak, additive); 2 unless given."
  )
  var power: Double?

  @Option(
    help: """
      solver: a call counts with what it does to the final latent; none: with its relative error. streak and direct are \
      always solver; the others are none unless given.
      """)
  var weights: CallWeights?

  @Option(
    help: """
      mean over the traces, unless given, or the max: with minimax and lexicographic the worst call of any trace, \
      exactly; with streak, additive and direct the worst trace, by search with a bound.
      """)
  var over: Aim.Over?

  @Option(parsing: .unconditional, help: "Calls computed at the start; 1 unless given.")
  var warmUp: Int?

  @Option(parsing: .unconditional, help: "Most predicted calls in a row.")
  var longestStreak: Int?

  @Flag(help: "Compute the last call.")
  var lastComputed = false

  @Flag(help: "Give every token a schedule of its own, and share the computed token-calls out over them.")
  var perToken = false

  @Flag(help: "Fit the weights of predictions to the traces, and the schedule to them.")
  var fit = false

  @Option(
    parsing: .unconditional,
    help: "Computed calls that a fitted prediction looks back on; all of them when left out.")
  var memory: Int?

  @Option(help: "Write the schedule to this file (.json); --calls must be one number.")
  var save: String?

  @Flag(help: "Replace the file of --save if it exists.")
  var force = false

  @OptionGroup var output: FormatOption

  enum CallWeights: String, CaseIterable, ExpressibleByArgument { case solver, none }

  mutating func validate() throws {
    if try counts() == nil, let option = searchOptions.first(where: \.isGiven)?.name {
      throw ValidationError("\(option) needs --calls: it says what to search for")
    }
    let objective = objective ?? .streak
    if let power, !(power > 0 && power <= 32) {
      throw ValidationError(
        "--power is \(power); it must be a number above 0 and at most 32, beyond which small errors vanish beside large ones: "
          + "take --objective lexicographic")
    }
    if power != nil, !objective.isSum {
      throw ValidationError("--power is for streak and additive, where errors add up, not for \(objective)")
    }
    if objective == .streak || objective == .direct, weights == CallWeights.none {
      throw ValidationError(
        "the objective \(objective) is made of the solver's weights; --weights none is for the others")
    }
    if let warmUp, warmUp < 1 { throw ValidationError("--warm-up is \(warmUp); it must be at least 1") }
    if let longestStreak, longestStreak < 0 {
      throw ValidationError("--longest-streak is \(longestStreak); it must not be negative")
    }
    if fit {
      guard calls != nil else { throw ValidationError("--fit needs --calls") }
      guard objective == .streak, power == nil, weights == nil else {
        throw ValidationError(
          "--fit minimises the final error; --objective, --power and --weights are not for it")
      }
    }
    if perToken {
      guard calls != nil else { throw ValidationError("--per-token needs --calls") }
      guard !fit, save == nil else {
        throw ValidationError(
          "--per-token finds a bound that no policy replays; --fit and --save are not for it")
      }
      guard over == nil else {
        throw ValidationError("--per-token takes every trace by itself; --over is not for it")
      }
    }
    if let memory {
      guard fit else { throw ValidationError("--memory is for --fit") }
      guard memory >= 1 else { throw ValidationError("--memory is \(memory); it must be at least 1") }
    }
    if let save {
      guard let range = try counts(), range.count == 1 else {
        throw ValidationError("--save needs --calls with one number")
      }
      guard save.hasSuffix(".json") else {
        throw ValidationError("--save is \(save); the file's name must end in .json")
      }
    }
  }

  // What only a search asks for; --fit, --memory and --save say themselves what they need.
  private var searchOptions: [(name: String, isGiven: Bool)] {
    [
      ("--objective", objective != nil), ("--power", power != nil), ("--weights", weights != nil),
      ("--over", over != nil), ("--warm-up", warmUp != nil), ("--longest-streak", longestStreak != nil),
      ("--last-computed", lastComputed),
    ]
  }

  private func counts() throws -> ClosedRange<Int>? {
    guard let calls else { return nil }
    let ends = calls.components(separatedBy: "..").map { Int($0) ?? 0 }
    guard (1...2).contains(ends.count), ends[0] >= 1, ends.last! >= ends[0] else {
      throw ValidationError(
        "--calls is '\(calls)'; it takes a whole number of at least 1, or a range such as 8..20")
    }
    return ends[0]...ends.last!
  }

  mutating func run() throws {
    let plan = try PolicyRegistry.plan(
      policy ?? (fit || objective == .direct ? "taylor:order=1" : perToken ? "interval" : "worldcache"))
    let traces = try input.paths()
    if let counts = try counts() { return try search(plan, traces, counts) }
    var refused: Set<String> = []
    var undefined = UndefinedErrors()
    var elsewhere = ElsewhereRemarks()
    var misfits: [Misfit] = []
    for (place, trace) in traces.enumerated() {
      let catalog = try GeometryCatalog.opening(trace)
      let replays: [Replay]
      do {
        let geometries = try chunks.pick(from: catalog.geometries(for: plan))
        let replay = try Replay(plan, over: geometries)
        replays = [replay] + (try Replay.ideal(of: plan, replay, over: geometries).map { [$0] } ?? [])
        if let refusal = try Replay.missingIdeal(of: plan, over: geometries),
          refused.insert(refusal.description).inserted
        {
          Terminal.remark("no ideal: \(refusal)")
        }
      } catch {
        guard let misfit = Misfit(error, plan.spec, on: trace) else { throw error }
        misfits.append(misfit)
        continue
      }
      undefined.add(replays[0], trace: trace)
      elsewhere.add(replays[0], trace: trace)
      let isFirst = place == misfits.count
      if traces.count > 1 { try Terminal.show((isFirst ? "" : "\n") + trace) }
      switch output.format {
      case .table: try Terminal.show(ScheduleTable.drawing(replays))
      case .json, .csv, .markdown: try Terminal.show(ScheduleTable.table(replays).formatted(output.format))
      }
    }
    try Misfit.check(misfits, of: traces.count, traceCount: traces.count)
    tell(undefined)
    Terminal.tell(elsewhere)
    Misfit.sentences(misfits).forEach(Terminal.remark)
    if !misfits.isEmpty { throw ExitCode(3) }
  }

  // Where an n/a is printed.
  private func tell(_ undefined: UndefinedErrors) {
    guard output.format == .table || output.format == .markdown else { return }
    if let sentence = undefined.sentence { Terminal.remark(sentence) }
  }

  private func search(_ plan: PolicyPlan, _ traces: [String], _ counts: ClosedRange<Int>) throws {
    if let save { try Terminal.checkTarget(save, force: force, remedy: "use --force to replace it") }
    let geometries = try traces.map {
      try chunks.pick(from: GeometryCatalog.opening($0).geometries(for: plan))
    }
    let constraints = ScheduleConstraints(
      warmUp: warmUp ?? 1, longestStreak: longestStreak, lastComputed: lastComputed)
    if perToken { return try showTokens(plan, traces, geometries, counts, constraints) }
    let command = "wctrace " + CommandLine.arguments.dropFirst().joined(separator: " ")
    let text: String?
    if fit {
      guard geometries.allSatisfy({ $0.count == 1 }) else {
        throw Terminal.usage("--fit takes traces of one chunk; choose one with --chunk")
      }
      let bar = Progress(total: counts.count, unit: "numbers of calls")
      let found = try FittedSchedules(
        startingFrom: plan, over: geometries.map { $0[0] }, memory: memory ?? Int.max, over: over ?? .mean,
        constraints,
        computing: counts
      ) { done, _ in bar.update(done) }
      try Terminal.show(found.table.formatted(output.format))
      text = found.file(computing: counts.lowerBound, names: traces, command: command)
    } else {
      let found = try ideals(plan, geometries, counts, constraints)
      try Terminal.show(found.table.formatted(output.format))
      var undefined = UndefinedErrors()
      for (trace, geometries) in zip(traces, geometries) { undefined.add(geometries, trace: trace) }
      tell(undefined)
      text = found.file(computing: counts.lowerBound, names: traces, command: command)
    }
    guard let save, let text else { return }
    try Terminal.writing(save) { try Data(text.utf8).write(to: URL(filePath: save), options: .atomic) }
    Terminal.remark(
      "wrote \(save): replay it with --policy \(fit ? "fitted" : "schedule"):file=\(save)")
  }

  private func showTokens(
    _ plan: PolicyPlan, _ traces: [String], _ geometries: [[Geometry]], _ counts: ClosedRange<Int>,
    _ constraints: ScheduleConstraints
  ) throws {
    let bar = Progress(
      total: geometries.joined().reduce(0) { $0 + $1.tokenCount }, unit: "tokens")
    var done = 0
    var found: [(trace: String, schedules: TokenSchedules)] = []
    for (trace, chunks) in zip(traces, geometries) {
      for geometry in chunks {
        let before = done
        let schedules = try TokenSchedules(
          of: plan, over: geometry, aim, constraints, computing: counts
        ) { tokens, _ in bar.update(before + tokens) }
        done += geometry.tokenCount
        found.append((trace, schedules))
      }
    }
    try Terminal.show(TokenScheduleTable.table(found).formatted(output.format))
  }

  private var aim: Aim {
    let objective = objective ?? .streak
    return Aim(
      objective, power: power ?? 2,
      isWeighted: objective != .streak && objective != .direct && weights == .solver,
      over: over ?? .mean)
  }

  private func ideals(
    _ plan: PolicyPlan, _ geometries: [[Geometry]], _ counts: ClosedRange<Int>,
    _ constraints: ScheduleConstraints
  ) throws -> IdealSchedules {
    let bar = Mutex(wctrace.Progress?.none)
    let unit = objective == .direct ? "steps" : "sets of anchors"
    return try IdealSchedules(of: plan, over: geometries, aim, constraints, computing: counts) {
      done, total in
      // Every chunk has a bar of its own, and one more for searches that follow.
      let shown = bar.withLock { bar in
        let shown = bar ?? wctrace.Progress(total: total, unit: unit)
        bar = done == total ? nil : shown
        return shown
      }
      shown.update(done)
    }
  }
}
