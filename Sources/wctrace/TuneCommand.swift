public import ArgumentParser
import Foundation
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

  @Option(parsing: .unconditional, help: "Searches made at a time; all cores when left out.")
  var jobs: Int?

  @Option(parsing: .unconditional, help: "The most settings in one command.")
  var limit = 10_000

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    try view.validate(output.format)
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); it must be at least 1") }
    if limit < 1 { throw ValidationError("--limit is \(limit); it must be at least 1") }
  }

  mutating func run() throws {
    let paths = try input.paths()
    let confirming = try confirm.isEmpty ? [] : TracesInput.paths(confirm)
    let settings = try TuningSetting.settings(policy, limit: limit)
    let workers = jobs ?? ProcessInfo.processInfo.activeProcessorCount
    let search = TuningSearch(
      settings: settings, traces: paths.map { chunks.source($0) }, slicing: goal.byModality,
      workerCount: workers)
    let all = TuningSearch.Job.all(traceCount: paths.count, settingCount: settings.count)
    let bar = Progress(total: all.count, unit: "searches")
    let start = ContinuousClock.now
    let outcomes = try search.run(all, progress: { bar.update($0) })
    let replays = outcomes.reduce(0) { $0 + $1.replayCount }
    let seconds = start.duration(to: .now) / .seconds(1)
    Terminal.remark(
      "\(settings.count) settings on \(paths.count) traces: \(replays) replays in \(Table.decimal(seconds, 2)) s")
    for name in Set(settings.map(\.entry.name)).sorted() {
      if let reason = settings.first(where: { $0.entry.name == name })!.entry.standIn {
        Terminal.remark("\(name) is a stand-in: \(reason)")
      }
    }
    let report = TuningReport(
      spaces: settings.map(\.space), outcomes: TuningReport.bySetting(outcomes, all, settings.count),
      goal: goal.goal())
    let confirmation = try confirming.isEmpty ? nil : report.confirm(on: confirming, chunks, workers: workers)
    try report.show(view, output.format, confirmation)
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

extension TuningMetric: ExpressibleByArgument {}
extension TuningStatistic: ExpressibleByArgument {}
extension TuningCost: ExpressibleByArgument {}

/// Which tables are printed.
struct TuningViewOptions: ParsableArguments {
  enum Part: String, CaseIterable, ExpressibleByArgument { case settings, front, choice, cliffs, plateaus, behaviours }

  @Option(
    parsing: .singleValue,
    help: """
      A table to print: \(Part.allCases.map(\.rawValue).joined(separator: ", ")); repeat for several. Left out: all but \
      behaviours; csv prints one, the front unless told otherwise.
      """)
  var show: [Part] = []

  @Option(parsing: .unconditional, help: "The most rows of cliffs and plateaus.")
  var rows = 10

  @Option(parsing: .unconditional, help: "The factor from which on a jump is a cliff and a stretch a plateau.")
  var factor = 1.5

  func validate(_ format: TableFormat) throws {
    guard factor > 1, factor.isFinite else {
      throw ValidationError("--factor is \(factor); it must be above 1")
    }
    guard rows >= 0 else { throw ValidationError("--rows is \(rows); it must not be negative") }
    if format == .csv, show.count > 1 { throw ValidationError("--format csv prints one table; give --show once") }
  }

  func parts(_ format: TableFormat) -> [Part] {
    guard show.isEmpty else { return Part.allCases.filter(show.contains) }
    return format == .csv ? [.front] : Part.allCases.filter { $0 != .behaviours }
  }
}
