import ArgumentParser
import Foundation
import Trace
import WorldCache
import WorldModel

/// `wctrace live`: caching policies in the bundled model, end to end.
struct LiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "live",
    abstract: "Run caching policies in the bundled world model and measure what they cost and keep.",
    discussion: """
      Every scene is rolled out uncached and then by each method from the same noise: by policies, the same values that \
      replay drives, and by controls that caching has to beat. Wall times are of whole rollouts, taking turns; with \
      --repeats their medians. Rollouts of several scenes run at the same time, each with --threads threads of the \
      matrix library, one unless told otherwise.

      'final' is the relative error of the final latent against the uncached rollout, PSNR and SSIM compare with its \
      frames; RGB, disparity and motion are errors against what the renderer says really happened, and 'err. ratio' divides \
      them by the uncached rollout's: 1 is as good as uncached, 1.1 an error 10 % larger, below 1 a smaller one \
      (docs/metrics.md).

      Controls: steps=13 (fewer uncached steps, same shift), steps=13,shift=1.5, calls=0+4+9 (the noise levels of \
      those calls), nodes=FILE (noise levels), each with solver=ab2 for the second-order multistep rule, and \
      guidance-until=20 (no unconditional branch after 20 steps).
      """)

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help: "A policy, such as worldcache or taylor:interval=4,order=1|2; repeat for several.")
  var policy: [String] = []

  @Option(parsing: .singleValue, help: "A control, such as steps=13,shift=1.5; repeat for several.")
  var control: [String] = []

  @OptionGroup var options: LiveOptions

  @Option(
    parsing: .unconditional, help: "How often each method is timed; medians are shown.")
  var repeats = 1

  @Option(help: "Also tell figures apart by chunk or frame.")
  var by: Part?

  @Flag(help: "Also list every decision of the first policy on the first scene.")
  var decisions = false

  @Flag(help: "Print only the summary over scenes.")
  var summary = false

  @Option(
    help: "Record the run of the first policy on every scene into this folder, with the taps of 'record'.")
  var record: String?

  @Flag(help: "Replace recordings that exist.")
  var force = false

  @OptionGroup var output: FormatOption

  enum Part: String, CaseIterable, ExpressibleByArgument { case chunk, frame }

  mutating func validate() throws {
    guard (1...1000).contains(repeats) else {
      throw ValidationError("--repeats is \(repeats); it must be from 1 to 1000")
    }
    if by != nil || decisions, output.format == .csv {
      throw ValidationError("--by and --decisions need --format table, markdown or json")
    }
    if record != nil, policy.isEmpty { throw ValidationError("--record needs a --policy to record") }
  }

  mutating func run() throws {
    let policies = policy.isEmpty && control.isEmpty ? ["worldcache"] : policy
    let batch = try options.batch(
      LiveOptions.methods(policies: policies, controls: control), repeats: repeats)
    Terminal.tell(try LiveMethod.check(batch.methods, batch.rollout(batch.members[0])))
    let recording = try record.map { try LiveRecording($0, batch, options.rollout, overwrite: force) }
    let start = ContinuousClock.now
    let bar = Progress(total: try batch.callCount(), unit: "calls")
    let results = try batch.run(recording: recording, progress: bar.update)
    let seconds = start.duration(to: .now) / .seconds(1)
    try show(results)
    Terminal.remark(
      "\(results.count) rollouts of \(options.which.chunks * options.rollout.steps) steps in \(Table.decimal(seconds, 1)) s, "
        + "\(batch.options.workerCount) at a time with \(BLAS.threadCount) thread(s) each (\(BLAS.core))")
  }

  private func show(_ results: [LiveResult]) throws {
    let summaryTable = LiveTable.summary(results)
    if summary { return try Terminal.show(summaryTable.formatted(output.format)) }
    let rollouts = LiveTable.rollouts(results)
    let parts = by.map { LiveTable.parts(results, byFrame: $0 == .frame) }
    let decided = decisions ? results.first { $0.kind == "policy" }.map { LiveTable.decisions($0) } : nil
    switch output.format {
    case .csv: try Terminal.show(rollouts.formatted(.csv))
    case .json:
      var members: [(String, JSONValue)] = [("rollouts", rollouts.json), ("summary", summaryTable.json)]
      if let by, let parts { members.append((by.rawValue + "s", parts.json)) }
      if let decided { members.append(("decisions", decided.json)) }
      try Terminal.show(JSONValue.object(members).text)
    case .table, .markdown:
      try Terminal.show(rollouts.formatted(output.format))
      if Set(results.map { [$0.scene, $0.noise] }).count > 1 {
        try Terminal.show("\n" + summaryTable.formatted(output.format))
      }
      if let parts { try Terminal.show("\n" + parts.formatted(output.format)) }
      if let decided { try Terminal.show("\n" + decided.formatted(output.format)) }
    }
  }
}

/// The options of commands that run methods in the model.
struct LiveOptions: ParsableArguments {
  @OptionGroup var which: SceneOptions

  @Flag(help: "Let every chunk begin where the uncached rollout's did, instead of where its own ended.")
  var fromEqualContext = false

  @Option(
    parsing: .unconditional, help: "Rollouts that run at a time; as many as there are cores when left out.")
  var jobs: Int?

  @OptionGroup var rollout: RolloutOptions

  static let limit = 10_000

  mutating func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); it must be at least 1") }
    try which.check(limit: LiveOptions.limit)
  }

  static func methods(policies: [String], controls: [String]) throws -> [LiveMethod] {
    let plans = policies.isEmpty ? [] : try PolicySweep.plans(policies, limit: limit)
    return plans.map { LiveMethod(kind: .policy($0)) }
      + (try controls.map { LiveMethod(kind: .control(try Control(parsing: $0))) })
  }

  /// Prepares the model, one thread of the matrix library for each rollout unless told otherwise.
  func batch(_ methods: [LiveMethod], repeats: Int) throws -> LiveBatch {
    var rollout = rollout
    rollout.threads = rollout.threads ?? 1
    return LiveBatch(
      weights: try rollout.prepareModel(),
      options: LiveBatch.Settings(
        stepCount: rollout.steps, shift: rollout.shift, guidance: rollout.guidance, chunkCount: which.chunks,
        hasEqualContext: fromEqualContext, repeatCount: repeats,
        workerCount: jobs ?? Cores.count),
      methods: methods,
      members: which.pairs.map { LiveBatch.Member(scene: $0.scene, noise: $0.noise) })
  }
}
