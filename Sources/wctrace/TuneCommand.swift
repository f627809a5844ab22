public import ArgumentParser
import Foundation
public import Studies
import Trace
public import WorldCache

/// `wctrace tune`: what a policy can do over all values of its thresholds, and which value to write down.
struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Find every behaviour of policies over their thresholds, and the best one for a goal.",
    discussion: """
      A threshold that is only compared with has finitely many behaviours over its whole range, and all of them are \
      found, without a grid. Each policy's first threshold is open unless it is given a value; '*' opens others \
      (sencache:main=*,start=*), alternatives and ranges go through other settings (taylor:interval=2..8,order=0|1|2). \
      The front holds what nothing beats in both cost and error over the traces; --speedup and --max-error choose from \
      it, --confirm says what the choice comes to on traces that it was not chosen on. 'ideal' and other oracles are \
      bounds with a front of their own. All errors are open loop; docs/tuning.md leads through it.

      A setting that cannot run on one of the traces is left out and named on standard error with the reason. Exit \
      codes: 0 done, 3 done but settings are left out, nothing keeps to the goal, or the held-out traces miss it; 1 \
      failed, as when no setting can run.
      """)

  @OptionGroup var input: TracesInput
  @OptionGroup var chunks: ChunksOption
  @OptionGroup var goal: GoalOptions

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help: "A policy, such as worldcache or taylor:interval=2..8,order=0|1|2; repeat for several.")
  var policy: [String] = ["worldcache"]

  @Option(parsing: .upToNextOption, help: "Held-out traces, or folders of them, to confirm on.")
  var confirm: [String] = []

  @OptionGroup var view: TuningViewOptions

  @Option(
    help: "Keep every replay in this study, and take those that it holds; a stopped one goes on where it was."
  )
  var study: String?

  @Option(help: "Do only this part of the study, such as 2/7 for the second of seven machines.")
  var shard: StudyShard?

  @Option(parsing: .unconditional, help: "Searches made at a time; all cores when left out.")
  var jobs: Int?

  @Option(parsing: .unconditional, help: "The most settings in one command.")
  var limit = 10_000

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    try view.validate(output.format, goal)
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); it must be at least 1") }
    if limit < 1 { throw ValidationError("--limit is \(limit); it must be at least 1") }
    if shard != nil, study == nil {
      throw ValidationError("--shard needs --study, the file that holds this machine's part")
    }
  }

  mutating func run() throws {
    let paths = try input.paths()
    let confirming = try confirm.isEmpty ? [] : TracesInput.paths(confirm)
    let settings = try TuningSetting.settings(policy, limit: limit)
    let workers = jobs ?? Cores.count
    let search = TuningSearch(
      settings: settings, traces: paths.map { chunks.source($0) }, slicing: goal.byModality,
      cost: goal.cost, workerCount: workers)
    let kept = try study.map {
      try Study($0, of: definition(settings, paths))
    }
    let all = TuningSearch.Job.all(traceCount: paths.count, settingCount: settings.count)
    let part = shard.map { $0.jobs(of: all) } ?? all
    let bar = Progress(total: part.count, unit: "searches")
    let start = ContinuousClock.now
    let found = try search.run(part, store: kept?.store ?? .none, progress: { bar.update($0) })
    try kept?.flush()
    try Misfit.check(found.misfits, of: part.count, traceCount: paths.count)
    let replays = found.outcomes.reduce(0) { $0 + ($1?.replayCount ?? 0) }
    let seconds = start.duration(to: .now) / .seconds(1)
    Terminal.remark(
      "\(settings.count) settings on \(paths.count) traces: \(replays) replays in \(Table.decimal(seconds, 2)) s"
    )
    Terminal.tell(found.elsewhere)
    if let shard, let kept {
      Terminal.remark(
        "part \(shard): \(part.count) searches in \(kept.path), \(kept.finished.count) of \(all.count) done; put "
          + "parts together with 'wctrace study merge'")
      Misfit.sentences(found.misfits).forEach(Terminal.remark)
      if !found.misfits.isEmpty { throw ExitCode(3) }
      return
    }
    for name in Set(settings.map(\.entry.name)).sorted() {
      if let reason = settings.first(where: { $0.entry.name == name })!.entry.standIn {
        Terminal.remark("\(name) is a stand-in: \(reason)")
      }
    }
    let running = found.running(part, settingCount: settings.count)
    // Each setting fails on another trace.
    if let first = found.misfits.first, running.isEmpty { throw first.error }
    let report = TuningReport(
      spaces: running.map { settings[$0.setting].space }, outcomes: running.map(\.outcomes),
      goal: goal.goal())
    let confirmation = try confirming.isEmpty ? nil : report.confirm(on: confirming, chunks, workers: workers)
    if let confirmation { Terminal.tell(confirmation.elsewhere) }
    Misfit.sentences(found.misfits + (confirmation?.misfits ?? [])).forEach(Terminal.remark)
    try report.show(view, output.format, confirmation)
    if !found.misfits.isEmpty { throw ExitCode(3) }
  }

  private func definition(_ settings: [TuningSetting], _ paths: [String]) throws -> StudyDefinition {
    StudyDefinition(
      tool: Wctrace.version, chunk: chunks.chunk, byModality: goal.byModality,
      traces: try paths.map { path in
        guard let digest = try GeometryCatalog.opening(path).digest else {
          throw TraceError(
            .lacking, path: path, "the trace has no digest to tell it by, so no study can be of it")
        }
        return StudyDefinition.Trace(name: path, digest: digest)
      }, settings: settings.map { StudyDefinition.Setting($0) })
  }
}

/// What is asked of a setting.
struct GoalOptions: ParsableArguments {
  @Option(help: "The error: \(TuningMetric.allCases.map(\.rawValue).joined(separator: ", ")).")
  var metric = TuningMetric.direct

  @Option(help: "Which of the traces' errors counts: worst, p95 or mean.")
  var at = TuningStatistic.worst

  @Option(help: "What speed-ups are counted in: computed calls or predicted seconds.")
  var cost = TuningCost.seconds

  @Option(parsing: .unconditional, help: "Choose the least error at this speed-up, such as 2.")
  var speedup: Double?

  @Option(parsing: .unconditional, help: "Choose the fastest with at most this error, such as 0.05.")
  var maxError: Double?

  @Flag(help: "Hold the error of every modality to the goal, not that of all tokens together.")
  var byModality = false

  mutating func validate() throws {
    if let speedup, !(speedup >= 1 && speedup.isFinite) {
      throw ValidationError("--speedup is \(speedup); it must be a number of at least 1")
    }
    if let maxError, !(maxError >= 0 && maxError.isFinite) {
      throw ValidationError("--max-error is \(maxError); it must be a number of at least 0")
    }
  }

  func goal() -> TuningGoal {
    TuningGoal(
      metric: metric, statistic: at, cost: cost, speedup: speedup, largestError: maxError,
      byModality: byModality)
  }
}

extension StudyShard: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
extension TuningMetric: ExpressibleByArgument {}
extension TuningStatistic: ExpressibleByArgument {}
extension TuningCost: ExpressibleByArgument {}

/// Which tables are printed.
struct TuningViewOptions: ParsableArguments {
  enum Part: String, CaseIterable, ExpressibleByArgument {
    case settings, front, choice, cliffs, plateaus, behaviours
  }

  @Option(
    parsing: .singleValue,
    help: """
      A table to print: \(Part.allCases.map(\.rawValue).joined(separator: ", ")); repeat for several. Left out: all but \
      behaviours; csv prints one, the front unless told otherwise.
      """)
  var show: [Part] = []

  @Option(parsing: .unconditional, help: "The most rows of cliffs and plateaus.")
  var rows = 10

  @Option(
    parsing: .unconditional, help: "The factor from which on a jump is a cliff and a stretch a plateau.")
  var factor = 1.5

  func validate(_ format: TableFormat, _ goal: GoalOptions) throws {
    guard factor > 1, factor.isFinite else {
      throw ValidationError("--factor is \(factor); it must be above 1")
    }
    guard rows >= 0 else { throw ValidationError("--rows is \(rows); it must not be negative") }
    if format == .csv, show.count > 1 {
      throw ValidationError("--format csv prints one table; give --show once")
    }
    if show.contains(.choice), !goal.goal().isSet {
      throw ValidationError("--show choice needs --speedup or --max-error, by which to choose")
    }
  }

  func parts(_ format: TableFormat) -> [Part] {
    guard show.isEmpty else { return Part.allCases.filter(show.contains) }
    return format == .csv ? [.front] : Part.allCases.filter { $0 != .behaviours }
  }
}
