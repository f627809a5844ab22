import ArgumentParser
import Foundation
import Synchronization
import Trace
import WorldCache
import WorldModel

/// `wctrace validate`: whether replay predicts what really happens.
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Compare what replay says with live runs of the same policies.",
    discussion: """
      Every policy is replayed on every trace, an uncached recording of the bundled model, and run live from the same \
      scene and noise; every chunk of a live run begins where the uncached one did. The first table says how well each \
      estimate of the final error orders and meets the live errors, the second how often decisions agree, --partings \
      where and why they part first.

      With --feedback, a file of 'wctrace feedback' made from other scenes, the estimate with the model's answer to the \
      changed latent stands beside the others, and again for rollouts within and beyond what it was fitted on, where some are beyond; with another file the live runs of --results are kept. For policies that predict inside the network 'direct' takes their \
      predictions through the last layer, as 'wctrace estimate' does.

      With --results every comparison is appended to a file of JSON lines as soon as it is there; the same command goes \
      on after an interruption. It reports the results of the traces that are named; without traces, all that the file holds.

      For models elsewhere, --uncached and --cached compare an uncached trace with one recorded from a cached run of the \
      same calls: the decisions, how far latent and output had drifted at each call, and the final error beside its \
      estimates by replay. The policy is the one that the cached trace names, or --policy.
      """)

  @Argument(help: "Uncached traces of the bundled model (.h5), or folders of them.")
  var traces: [String] = []

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help: "A policy, such as worldcache or taylor:interval=2..8,order=1|2; repeat for several.")
  var policy: [String] = []

  @Option(help: "A feedback file that 'wctrace feedback' made for this model.")
  var feedback: String?

  @Option(help: "The file of JSON lines to go on with and append to.")
  var results: String?

  @Option(help: "An uncached trace of any model, to compare with --cached.")
  var uncached: String?

  @Option(help: "A trace recorded from a cached run of the same calls.")
  var cached: String?

  @Option(parsing: .unconditional, help: "Also list so many runs in which decisions part, and where.")
  var partings = 0

  @Option(help: "Other weights of the same shape (.safetensors).")
  var weights: String?

  @Option(help: "Threads of the matrix library in each rollout.")
  var threads = 1

  @Option(
    parsing: .unconditional, help: "Rollouts that run at a time; as many as there are cores when left out.")
  var jobs: Int?

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    guard (uncached == nil) == (cached == nil) else {
      throw ValidationError("--uncached and --cached belong together")
    }
    if uncached != nil, !traces.isEmpty || results != nil {
      throw ValidationError("--uncached and --cached compare two traces; leave out others and --results")
    }
    guard uncached != nil || results != nil || !traces.isEmpty else {
      throw ValidationError("name uncached traces, a file of --results, or --uncached and --cached")
    }
    if feedback != nil, traces.isEmpty {
      throw ValidationError("--feedback needs uncached traces to estimate on")
    }
    guard traces.isEmpty == policy.isEmpty || uncached != nil else {
      throw ValidationError("traces and --policy belong together")
    }
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads is \(threads); it must be from 1 to 1024")
    }
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); it must be at least 1") }
    if partings < 0 { throw ValidationError("--partings is \(partings); it must not be negative") }
    if partings > 0, output.format == .csv {
      throw ValidationError("--partings needs --format table, markdown or json")
    }
  }

  mutating func run() throws {
    if let uncached, let cached {
      return try TracePairReport(TracePair(uncached: uncached, cached: cached), policy: policy).show(
        output.format)
    }
    if let results, traces.isEmpty { return try show(ResultsFile.latest(ResultsFile.read(results).records)) }
    let file = try results.map { try ResultsFile($0) }
    let earlier = ResultsFile.latest(file?.records ?? [])
    let (added, rollouts, hash) = try validateTraces(file, earlier)
    // Of what the file holds, what was asked for.
    let records = earlier.filter { rollouts.contains($0.rollout) } + added
    try show(ResultsFile.latest(records), feedback: hash)
  }

  // What is not among the earlier ones, or there with another feedback than the one that is asked for.
  private func validateTraces(
    _ file: ResultsFile?, _ earlier: [ValidationRecord]
  ) throws -> (records: [ValidationRecord], rollouts: Set<String>, feedback: String?) {
    let plans = try PolicySweep.plans(policy, limit: LiveOptions.limit)
    var input = TracesInput()
    input.traces = traces
    BLAS.threadCount = threads
    Terminal.remarkOnKernel()
    let feedback = try self.feedback.map { try Safetensors(path: $0) }
      .map { (values: try Feedback($0), hash: $0.digest) }
    let run = ValidationRun(
      weights: try weights.map { try Weights(path: $0) } ?? Weights.bundled(), plans: plans,
      feedback: feedback, workerCount: jobs ?? Cores.count)
    let recorded = try input.paths().map { try run.open($0) }
    var elsewhere = ElsewhereRemarks()
    for trace in recorded { elsewhere.add(try run.check(trace)) }
    Terminal.tell(elsewhere)
    let done = Set(
      earlier.filter { feedback == nil || $0.feedback == feedback?.hash }.map { [$0.rollout, $0.policy] })
    let total = recorded.reduce(0) { sum, trace in
      sum + plans.count { !done.contains([trace.key, $0.spec.description]) }
    }
    let known = Dictionary(earlier.map { ([$0.rollout, $0.policy], $0) }) { $1 }
    if !earlier.isEmpty { Terminal.remark("\(earlier.count) results are there; \(total) are to be made") }
    let bar = Progress(total: total, unit: "runs")
    let collected = Collected()
    for trace in recorded {
      try run.run(
        trace, isDone: { done.contains([trace.key, $0.spec.description]) },
        earlier: { [key = trace.key] in known[[key, $0.spec.description]] }
      ) { record in
        try file?.append(record)
        bar.update(collected.add(record))
      }
    }
    return (collected.records, Set(recorded.map(\.key)), feedback?.hash)
  }

  private final class Collected: Sendable {
    private let kept = Mutex([ValidationRecord]())
    var records: [ValidationRecord] { kept.withLock { $0 } }

    func add(_ record: ValidationRecord) -> Int {
      kept.withLock {
        $0.append(record)
        return $0.count
      }
    }
  }

  // Estimates with another feedback than this, or than the last result's, are left out.
  private func records(_ records: [ValidationRecord], feedback: String?) -> [ValidationRecord] {
    let feedback = feedback ?? records.last { $0.feedback != nil }?.feedback
    let others = records.count { $0.feedback != nil && $0.feedback != feedback }
    guard others > 0 else { return records }
    Terminal.remark(
      "\(others) results have an estimate with feedback of another file than \(self.feedback ?? "that of the last result"), "
        + "which is left out; name their policies with --feedback to make it anew")
    return records.map { record in
      guard record.feedback != feedback else { return record }
      var record = record
      record.setFeedback(nil, hash: nil, nil)
      return record
    }
  }

  private func show(_ records: [ValidationRecord], feedback: String? = nil) throws {
    guard !records.isEmpty else { return Terminal.remark("there are no results yet") }
    // Whatever the order in which rollouts ended.
    let records = self.records(records, feedback: feedback).sorted {
      ($0.policy, $0.rollout) < ($1.policy, $1.rollout)
    }
    let beyond = Set(records.filter { $0.fitRange == .beyond }.map(\.rollout)).count
    if beyond > 0 {
      Terminal.remark(
        "\(beyond) of \(Set(records.map(\.rollout)).count) rollouts lie beyond the fit of the feedback (docs/metrics.md); do not rely "
          + "on 'with_feedback' there")
    }
    let (errors, decisions) = (ValidationTable.errors(records), ValidationTable.decisions(records))
    let parted = partings > 0 ? ValidationTable.partings(records, limit: partings) : nil
    switch output.format {
    case .csv: try Terminal.show(errors.formatted(.csv))
    case .json:
      var members = [("errors", errors.json), ("decisions", decisions.json)]
      if let parted { members.append(("partings", parted.json)) }
      try Terminal.show(JSONValue.object(members).text)
    case .table, .markdown:
      try Terminal.show(errors.formatted(output.format))
      try Terminal.show("\n" + decisions.formatted(output.format))
      if let parted { try Terminal.show("\n" + parted.formatted(output.format)) }
    }
  }
}
