import ArgumentParser
import Trace
import WorldCache

/// `wctrace lint`: settings that do nothing, do everything, or rest on numbers made for something else.
struct LintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint",
    abstract:
      "Find policy settings that silently do nothing, do everything, or use numbers made for something else.",
    discussion: """
      Rules: never-fires, always-fires, cap-decides, zero-signal, static-stream, quantised-signal, out-of-range, \
      negative-window, wrong-step-count, calibrated-elsewhere, borrowed-numbers, does-not-run, duplicated-trace and \
      duplicated-scene; docs/lint.md says what each means. Exit codes: 0 nothing found, 3 findings.
      """)

  @OptionGroup var input: TracesInput

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help:
      "A policy, such as teacache:calibration=model.json or magcache:threshold=0.06|0.12; repeat for several."
  )
  var policy: [String] = ["worldcache"]

  @Flag(
    help: "Tell every finding of every trace; left out, the same rule and policy over several traces once.")
  var each = false

  @OptionGroup var output: FormatOption

  mutating func run() throws {
    let paths = try input.paths()
    let plans = try PolicySweep.plans(policy, limit: 1000)
    var found: [Finding] = []
    var traces: [(path: String, digest: String?, header: TraceHeader?)] = []
    let bar = Progress(total: paths.count * plans.count, unit: "replays")
    for path in paths {
      let (catalog, trace) = try GeometryCatalog.openingTrace(path)
      let precision = try trace.map { try StoredPrecision($0) }
      for (place, plan) in plans.enumerated() {
        found += try Linter.findings(plan, in: catalog, precision: precision)
        bar.update(traces.count * plans.count + place + 1)
      }
      traces.append((path, catalog.digest, catalog.header))
    }
    found = Linter.duplicates(traces) + found
    switch output.format {
    case .table: try Terminal.show(text(found))
    case .json, .csv, .markdown: try Terminal.show(Finding.table(found).formatted(output.format))
    }
    Terminal.remark("\(found.count) findings in \(plans.count) policies over \(paths.count) traces")
    if !found.isEmpty { throw ExitCode(3) }
  }

  // The same rule and policy over many traces is one thing to a person.
  private func text(_ found: [Finding]) -> String {
    guard !found.isEmpty else { return "nothing found" }
    guard !each else { return found.map(\.paragraph).joined(separator: "\n") }
    var shown: [(first: Finding, count: Int)] = []
    for finding in found {
      if let place = shown.firstIndex(where: {
        $0.first.rule == finding.rule && $0.first.policy == finding.policy && !finding.policy.isEmpty
          && $0.first.trace != finding.trace
      }) {
        shown[place].count += 1
      } else {
        shown.append((finding, 0))
      }
    }
    return shown.map {
      $0.first.paragraph + ($0.count > 0 ? "\n  and \($0.count) more like it in other traces (--each)" : "")
    }
    .joined(separator: "\n")
  }
}
