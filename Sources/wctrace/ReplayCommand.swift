import ArgumentParser
import Trace
import WorldCache

/// `wctrace replay`: caching policies against a trace, without the model.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Replay caching policies against a trace, without rerunning the model.",
    discussion: """
      Beside each policy stand its bounds: 'always' computes every call, and 'ideal' is the exact best schedule of \
      the same predictor at the same number of computed calls, under the error in the column streak. All errors are open loop and relative to the root \
      mean square of the recorded tensor at that call; 'direct' is the error of the final latent if later calls did \
      not react. Metrics are defined in docs/metrics.md, policies by 'wctrace policies'.
      """)

  @OptionGroup var input: TraceInput
  @OptionGroup var chunks: ChunksOption

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help: "A policy, such as worldcache or taylor:interval=4,order=1; repeat for several.")
  var policy: [String] = ["worldcache"]

  @Flag(inversion: .prefixedNo, help: "Add the rows 'always' and 'ideal'.")
  var bounds = true

  @Flag(help: "Also draw how the first policy's error grows after a computed call, and over the calls.")
  var growth = false

  @Option(parsing: .unconditional, help: "Also list this many bottleneck tokens of the first policy.")
  var tokens = 0

  @Flag(help: "Also list every decision of the first policy.")
  var decisions = false

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    guard tokens >= 0 else { throw ValidationError("--tokens is \(tokens); it must not be negative") }
    if growth || tokens > 0 || decisions, output.format == .csv || output.format == .json {
      throw ValidationError(
        "--growth, --tokens and --decisions need --format table or markdown; json always holds their numbers")
    }
  }

  mutating func run() throws {
    let plans = try policy.map { try PolicyRegistry.plan($0) }
    let trace = try input.catalog()
    let geometries = { [chunks] (plan: PolicyPlan) in try chunks.pick(from: trace.geometries(for: plan)) }
    let replays = try Replay.table(
      of: plans, over: geometries, withBounds: bounds,
      progress: Progress(total: plans.count, unit: "policies").update)
    for plan in plans {
      if let reason = plan.entry.standIn { Terminal.remark("\(plan.entry.name) is a stand-in: \(reason)") }
    }
    for plan in plans where bounds {
      if let refusal = try Replay.missingIdeal(of: plan, over: geometries(plan)) {
        Terminal.remark("no ideal row: \(refusal)")
      }
    }
    let first = replays.first { $0.spec == plans[0].spec } ?? replays[0]
    switch output.format {
    case .json: try Terminal.show(ReplayTable.json(replays).text)
    case .csv: try Terminal.show(ReplayTable.table(replays).formatted(.csv))
    case .table, .markdown:
      try Terminal.show(ReplayTable.table(replays).formatted(output.format))
      if growth {
        let stream = first.streams[0]
        let values = first.errorGrowth
        try showDrawing(
          "Error by calls since the last computed one, \(first.spec):",
          Drawing.columns(values, labels: values.indices.map { "\($0 + 1)" }))
        try showDrawing(
          "Error of each call of chunk \(stream.chunk), C computed, p predicted:",
          Drawing.columns(
            stream.worstTokenErrors.indices.map { call in stream.callErrors.map { $0[call] }.max()! },
            labels: stream.picture(lane: 0).map(String.init)))
      }
      if tokens > 0 {
        try Terminal.show("\nBottleneck tokens, \(first.spec):")
        try Terminal.show(
          ReplayTable.bottlenecks(first, limit: tokens).formatted(output.format))
      }
      if decisions {
        try Terminal.show("\nDecisions, \(first.spec):")
        try Terminal.show(ReplayTable.decisions(first).formatted(output.format))
      }
    }
  }

  // Markdown would otherwise set a drawing as running text.
  private func showDrawing(_ title: String, _ drawing: String) throws {
    let fenced = output.format == .markdown ? "\n```\n\(drawing)\n```" : drawing
    try Terminal.show("\n\(title)\n\(fenced)")
  }
}
