public import ArgumentParser
import Foundation
import Trace
public import WorldCache

extension TransferFact: ExpressibleByArgument {}

/// `wctrace transfer`: how what was chosen on one set of traces fares on others.
struct TransferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer",
    abstract: "Choose settings on one set of traces and see how they fare on others.",
    discussion: """
      On the traces of --from the best setting of each --policy is chosen for a goal, as 'wctrace tune' does it; 'ideal' \
      stands for the timetables that are ideal for all traces of the set together. Then the choice is replayed on every \
      --to, and on --from itself, beside what the same search chooses there: 'regret' is how many times its error (with \
      --max-error alone its cost) the carried setting has. --group-by divides the targets by a fact of their headers; \
      without --to it divides the traces of --from, and each group takes its turn as the source.

      A timetable is carried to chunks of another length by relative position (docs/transfer.md); thresholds and other \
      settings are taken as they are. Exit codes: 0 the goal is kept everywhere, 3 it is missed or nothing keeps to it, \
      1 failed.
      """)

  @Option(parsing: .upToNextOption, help: "Traces, or folders of them, to choose on.")
  var from: [String]

  @Option(parsing: .singleValue, help: "A trace or a folder to try the choice on; repeat for several.")
  var to: [String] = []

  @Option(
    help: "Tell traces apart by \(TransferFact.allCases.map(\.rawValue).joined(separator: ", ")).")
  var groupBy: TransferFact?

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help: "A policy, such as worldcache, taylor:interval=2..8 or ideal:predictor=taylor; repeat for several.")
  var policy: [String] = ["worldcache"]

  @OptionGroup var goal: GoalOptions

  @Option(parsing: .unconditional, help: "Searches made at a time; all cores when left out.")
  var jobs: Int?

  @Option(parsing: .unconditional, help: "The most settings of one policy.")
  var limit = 10_000

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    guard !to.isEmpty || groupBy != nil else {
      throw ValidationError("name a set to try the choice on with --to, or divide --from with --group-by")
    }
    guard goal.goal().isSet else {
      throw ValidationError("say what is asked for: --speedup 2, or --max-error 0.05, or both")
    }
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); it must be at least 1") }
    if limit < 1 { throw ValidationError("--limit is \(limit); it must be at least 1") }
  }

  mutating func run() throws {
    let families = try policy.map { try TransferFamily($0, limit: limit) }
    let sets = try TransferSets(from: from, to: to, by: groupBy)
    let transfer = Transfer(
      families: families, goal: goal.goal(), workerCount: jobs ?? Cores.count
    )
    var bar: wctrace.Progress?
    let result = try transfer.rows(sets.all, from: sets.sources, to: sets.targets) { done, total in
      bar = bar ?? wctrace.Progress(total: total, unit: "searches and trials")
      bar?.update(done)
    }
    let table = TransferTable(transfer, sets.all)
    try Terminal.show(table.table(result.rows).formatted(output.format))
    Terminal.tell(result.elsewhere)
    let remarks = table.remarks(result)
    for remark in remarks { Terminal.remark(remark) }
    if !remarks.isEmpty { throw ExitCode(3) }
  }
}

/// Which traces are chosen on and tried on.
private struct TransferSets {
  var all: [TransferSet] = []
  var sources: [Int] = []
  var targets: [Int] = []

  init(from: [String], to: [String], by fact: TransferFact?) throws {
    if to.isEmpty, let fact {
      all = try Self.groups(of: from, by: fact, prefix: "")
      guard all.count > 1 else {
        throw Terminal.usage(
          "all traces of --from have the same \(fact.rawValue); there is nothing to carry a choice to")
      }
      sources = Array(all.indices)
      targets = sources
      return
    }
    all = [try Self.set(from, name: from.map(Self.short).joined(separator: " "))]
    for path in to {
      guard let fact else {
        all.append(try Self.set([path], name: Self.short(path)))
        continue
      }
      all += try Self.groups(of: [path], by: fact, prefix: to.count > 1 ? Self.short(path) + " " : "")
    }
    sources = [0]
    targets = Array(all.indices)
  }

  private static func short(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  private static func set(_ paths: [String], name: String) throws -> TransferSet {
    let chunks = try ChunksOption.parse([])
    return TransferSet(name: name, traces: try TracesInput.paths(paths).map { chunks.source($0) })
  }

  private static func groups(of paths: [String], by fact: TransferFact, prefix: String) throws
    -> [TransferSet]
  {
    var groups: [TransferFact.Value: [(name: String, open: ReplayBatch.Source)]] = [:]
    for path in try TracesInput.paths(paths) {
      let trace = try TraceReader(path: path)
      for value in fact.values(of: trace.header, trace.calls) {
        let chunks = try ChunksOption.parse(fact == .chunk ? ["--chunk", "\(value)"] : [])
        groups[value, default: []].append(chunks.source(path))
      }
    }
    return groups.sorted { $0.key < $1.key }.map { value, traces in
      TransferSet(name: "\(prefix)\(fact.rawValue)=\(value)", traces: traces)
    }
  }
}
