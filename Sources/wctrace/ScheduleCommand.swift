import ArgumentParser
import Trace
import WorldCache

/// `wctrace schedule`: which calls a policy computes, and which ones would have been best.
struct ScheduleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "Show a policy's schedule and the ideal one of the same predictor.",
    discussion: """
      The ideal is the exact optimum over all schedules with as many computed calls, under the streak-coherent error \
      (docs/metrics.md), found on this very trace: a bound, not a promise. C is a computed call, p a predicted one.
      """)

  @OptionGroup var input: TraceInput
  @OptionGroup var chunks: ChunksOption

  @Option(name: .shortAndLong, help: "The policy; only the ideal is shown for 'ideal:...'.")
  var policy = "worldcache"

  @OptionGroup var output: FormatOption

  mutating func run() throws {
    let plan = try PolicyRegistry.plan(policy)
    let geometries = try chunks.pick(from: input.catalog().geometries(for: plan))
    let replay = try Replay(plan, over: geometries)
    let replays = [replay] + (try Replay.ideal(of: plan, replay, over: geometries).map { [$0] } ?? [])
    if let refusal = try Replay.missingIdeal(of: plan, over: geometries) {
      Terminal.remark("no ideal: \(refusal)")
    }
    switch output.format {
    case .table: try Terminal.show(ScheduleTable.drawing(replays))
    case .json, .csv, .markdown: try Terminal.show(ScheduleTable.table(replays).formatted(output.format))
    }
  }
}
