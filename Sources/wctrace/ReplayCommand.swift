import ArgumentParser
import Foundation
import Synchronization
import Trace
import WorldCache

/// `wctrace replay`: caching policies against traces, without the model.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Replay caching policies against traces, without rerunning the model.",
    discussion: """
      Beside each policy stand its bounds: 'always' computes every call, and 'ideal' is the exact best schedule of \
      the same predictor at the same number of computed calls, under the error in the column streak. All errors are \
      open loop and relative to the root mean square of the recorded tensor at that call; 'direct' is the error of \
      the final latent if later calls did not react. Metrics are defined in docs/metrics.md, policies by \
      'wctrace policies'.

      Many settings at once: worldcache:eta=0.5|1|2,n-max=2|6 stands for six, interval:every=2..6 for five, \
      worldcache:eta=0.2..1..0.2 for five; the first setting varies slowest. Several traces, or folders of traces, \
      give one row for each trace and policy and a summary. All cores work; the output does not depend on how many.

      A policy that cannot run on a trace (it needs a tap that was not recorded, or other numbers of calls) is named on \
      standard error with the reason, and the others are printed. Exit codes: 0 done, 3 done but some cannot run, 1 \
      failed, as when none can.
      """)

  @OptionGroup var input: TracesInput
  @OptionGroup var chunks: ChunksOption

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help: "A policy, such as worldcache or taylor:interval=4,order=1|2; repeat for several.")
  var policy: [String] = ["worldcache"]

  @Flag(
    inversion: .prefixedNo,
    help: """
      Add the rows 'always' and 'ideal'; beyond \(ReplayCommand.idealLimit) rows, 'ideal' only when asked for.
      """)
  var bounds: Bool?

  @Flag(help: "Also draw how the first policy's error grows after a computed call, and over the calls.")
  var growth = false

  @Option(
    parsing: .unconditional,
    help: "Also list this many bottleneck tokens of the first policy, and its token groups.")
  var tokens = 0

  @Flag(help: "Also list every decision of the first policy.")
  var decisions = false

  @Option(
    help: "Also tell errors apart by \(ReplayRow.Slicing.allCases.map(\.rawValue).joined(separator: ", ")).")
  var by: ReplayRow.Slicing?

  @Option(
    help: """
      The columns to print, by their keys joined by commas, such as computed_calls,cosine,policy. Left out: a \
      selection in tables, all in csv and json.
      """)
  var columns: String?

  @Option(
    parsing: .unconditional,
    help:
      "The relative error up to which a prediction is safe, for false_safe_rate and missed_skip_rate; 0.05 unless given."
  )
  var tolerance: Double?

  @Option(help: "What caches hold: float32, bfloat16 or float16.")
  var cacheDtype = CacheType.bfloat16

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "For the column predictor_seconds: gigabytes that predicting moves in a second, or 'measured' for what this "
        + "machine does.", valueName: "rate"))
  var bandwidth: Bandwidth?

  @Flag(help: "Print only the summary over traces.")
  var summary = false

  @Option(parsing: .unconditional, help: "Replays made at a time; all cores when left out.")
  var jobs: Int?

  @Option(parsing: .unconditional, help: "The most replays in one command, bounds not counted.")
  var limit = 10_000

  @OptionGroup var output: FormatOption

  /// Policies times traces beyond which ideals are left out unless asked for.
  static let idealLimit = 40

  mutating func validate() throws {
    guard tokens >= 0 else { throw ValidationError("--tokens is \(tokens); it must not be negative") }
    if growth || tokens > 0 || decisions || by != nil, output.format == .csv || output.format == .json {
      throw ValidationError(
        "--growth, --tokens, --decisions and --by need --format table or markdown; json always holds their numbers"
      )
    }
    if let tolerance, !(tolerance >= 0 && tolerance.isFinite) {
      throw ValidationError("--tolerance is \(tolerance); it must be a number of at least 0")
    }
    if case .given(let gigabytes) = bandwidth, !(gigabytes > 0 && gigabytes.isFinite) {
      throw ValidationError("--bandwidth is \(gigabytes); it must be a number above 0, or 'measured'")
    }
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); it must be at least 1") }
    if limit < 1 { throw ValidationError("--limit is \(limit); it must be at least 1") }
  }

  mutating func run() throws {
    let traces = try input.paths()
    let plans = try PolicySweep.plans(policy, limit: max(1, limit / traces.count))
    let wantsIdeals = bounds ?? (plans.count * traces.count <= ReplayCommand.idealLimit)
    let request = try request(withGaps: wantsIdeals)
    let needsFirst = growth || tokens > 0 || decisions
    if bounds == nil, !wantsIdeals {
      Terminal.remark(
        "\(plans.count * traces.count) replays: no 'ideal' rows beyond \(ReplayCommand.idealLimit) unless asked for with --bounds"
      )
    }
    let batch = ReplayBatch(
      plans: plans,
      traces: traces.map { chunks.source($0) },
      bounds: bounds == false ? .none : wantsIdeals ? .ideals : .always,
      figures: request.needsDetails || tokens > 0 || decisions ? .details : .table,
      workerCount: jobs ?? Cores.count)
    let kept = Mutex(Kept())
    let bar = Progress(total: traces.count * (plans.count + (bounds == false ? 0 : 1)), unit: "replays")
    let start = ContinuousClock.now
    let result = try batch.run(progress: { done, _ in bar.update(done) }) { trace, role, replay in
      kept.withLock { kept in
        if needsFirst, trace == 0, role == .policy(0) { kept.first = replay }
        kept.undefined.add(replay, trace: traces[trace])
        if kept.sites[replay.site.name] == nil { kept.sites[replay.site.name] = ReplaySite(replay) }
        kept.elsewhere.add(replay, trace: traces[trace])
      }
      return ReplayRow(request, trace: trace, role, replay)
    }
    let seconds = start.duration(to: .now) / .seconds(1)
    try Misfit.check(result.misfits, of: plans.count * traces.count, traceCount: traces.count)
    tellRemarks(plans, result.refusals)
    Terminal.tell(kept.withLock { $0.elsewhere })
    tellNearTies(result.rows)
    try show(result, plans, traces, request, kept.withLock { $0 })
    if showsUndefined(request), let sentence = kept.withLock({ $0.undefined.sentence }) {
      Terminal.remark(sentence)
    }
    tellThroughput(result.rows, seconds)
    Misfit.sentences(result.misfits).forEach(Terminal.remark)
    if !result.misfits.isEmpty { throw ExitCode(3) }
  }

  private struct Kept: Sendable {
    var first: Replay?
    var sites: [String: ReplaySite] = [:]
    var elsewhere = ElsewhereRemarks()
    var undefined = UndefinedErrors()
  }

  // What to print of each replay.
  private func request(withGaps: Bool) throws -> ReplayRow.Request {
    var options = FigureOptions()
    options.tolerance = tolerance ?? options.tolerance
    options.bytesPerNumber = cacheDtype.byteCount
    options.bytesPerSecond = bandwidth.map { $0.bytesPerSecond }
    if bandwidth == .measured, let rate = options.bytesPerSecond {
      Terminal.remark("predicting moves \(Table.decimal(rate / 1e9, 1)) GB/s on this machine, measured now")
    }
    let isForPeople = output.format == .table || output.format == .markdown
    let chosen: [ReplayColumn]
    if let columns {
      chosen = try ReplayColumn.named(columns.split(separator: ",").map(String.init))
    } else if isForPeople {
      // What was given a value for is shown.
      var extra: Set<String> = withGaps ? ["gap"] : []
      if tolerance != nil { extra.formUnion(["false_safe_rate", "missed_skip_rate"]) }
      if bandwidth != nil { extra.insert("predictor_seconds") }
      chosen = ReplayColumn.all.filter { $0.isShown || extra.contains($0.key) }
    } else {
      chosen = ReplayColumn.all
    }
    return ReplayRow.Request(
      columns: chosen, options: options, slicing: by,
      json: output.format == .json && columns == nil && !summary)
  }

  // Whether an n/a in the columns of the final latent's error is printed where there is one.
  private func showsUndefined(_ request: ReplayRow.Request) -> Bool {
    (output.format == .table || output.format == .markdown)
      && (summary || request.columns.contains { ["direct_error", "streak_error"].contains($0.key) })
  }

  private func tellRemarks(_ plans: [PolicyPlan], _ refusals: [String]) {
    var told: Set<String> = []
    for plan in plans where told.insert(plan.entry.name).inserted {
      if let reason = plan.entry.standIn { Terminal.remark("\(plan.entry.name) is a stand-in: \(reason)") }
    }
    for refusal in refusals { Terminal.remark("no ideal row: \(refusal)") }
  }

  private func tellNearTies(_ rows: [ReplayRow]) {
    let ties = rows.compactMap(\.nearTieCount).filter { $0 > 0 }
    guard !ties.isEmpty else { return }
    Terminal.remark(
      "\(ties.reduce(0, +)) decisions of \(ties.count) replays are near ties: within the rounding of their signals "
        + "they could be others (column near_ties)")
  }

  private func tellThroughput(_ rows: [ReplayRow], _ seconds: Double) {
    let calls = Double(rows.reduce(0) { $0 + $1.tokenCallCount })
    Terminal.remark(
      "\(rows.count) replays in \(Table.decimal(seconds, 2)) s with opening and measuring: "
        + "\(Table.decimal(Double(rows.count) / seconds, 1)) replays/s, "
        + "\(Table.decimal(calls / seconds / 1e6, 2)) million token-calls/s")
  }

  private func show(
    _ result: ReplayBatch.Result<ReplayRow>, _ plans: [PolicyPlan], _ traces: [String],
    _ request: ReplayRow.Request, _ kept: Kept
  ) throws {
    let rows = result.rows
    let overTraces =
      traces.count > 1 || summary ? ReplaySummary.table(rows + result.repeats, plans: plans) : nil
    if summary, let overTraces {
      return try Terminal.show(overTraces.formatted(output.format))
    }
    let table = ReplayTable.table(rows, request.columns, traces: traces)
    switch output.format {
    case .json where request.json:
      try Terminal.show(
        ReplayTable.json(
          rows, traces: traces, sites: kept.sites, summary: overTraces, misfits: result.misfits
        ).text)
    case .json, .csv: try Terminal.show(table.formatted(output.format))
    case .table, .markdown:
      try Terminal.show(table.formatted(output.format))
      if let overTraces { try Terminal.show("\n" + overTraces.formatted(output.format)) }
      if let by {
        try Terminal.show("\n" + ReplayTable.slices(rows, by, traces: traces).formatted(output.format))
      }
      if let first = kept.first { try show(first) }
    }
  }

  // Drawings and lists of the first policy.
  private func show(_ first: Replay) throws {
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
    if tokens > 0, let bottlenecks = first.details?.bottlenecks {
      try Terminal.show("\nBottleneck tokens, \(first.spec):")
      try Terminal.show(ReplayTable.bottlenecks(first, limit: tokens).formatted(output.format))
      if let half = bottlenecks.fraction(carrying: 0.5), let most = bottlenecks.fraction(carrying: 0.9) {
        try Terminal.show(
          "\nHalf of the error lies in \(Table.decimal(half * 100, 1)) % of the tokens, 90 % of it in "
            + "\(Table.decimal(most * 100, 1)) %.")
      }
      if !bottlenecks.groups.isEmpty {
        try Terminal.show("\nGroups of predicted tokens; lift is of the tokens that hold half of the error:")
        try Terminal.show(ReplayTable.groups(first).formatted(output.format))
      }
    }
    if decisions {
      try Terminal.show("\nDecisions, \(first.spec):")
      try Terminal.show(ReplayTable.decisions(first).formatted(output.format))
    }
  }

  // Markdown would otherwise set a drawing as running text.
  private func showDrawing(_ title: String, _ drawing: String) throws {
    let fenced = output.format == .markdown ? "\n```\n\(drawing)\n```" : drawing
    try Terminal.show("\n\(title)\n\(fenced)")
  }
}

/// The numbers that a cache holds.
enum CacheType: String, CaseIterable, ExpressibleByArgument {
  case float32, bfloat16, float16

  var byteCount: Int { self == .float32 ? 4 : 2 }
}

/// The rate at which predicting moves numbers.
enum Bandwidth: Equatable, ExpressibleByArgument {
  case given(gigabytes: Double)
  case measured

  init?(argument: String) {
    if argument == "measured" {
      self = .measured
    } else if let gigabytes = Double(argument) {
      self = .given(gigabytes: gigabytes)
    } else {
      return nil
    }
  }

  var bytesPerSecond: Double {
    switch self {
    case .given(let gigabytes): gigabytes * 1e9
    case .measured: PredictionRate.measured()
    }
  }
}
