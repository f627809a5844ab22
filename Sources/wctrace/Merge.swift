import ArgumentParser
import Trace
import WorldCache

/// `wctrace merge`: one set of traces from several.
struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Put traces of several machines or processes together, one file for each rollout.",
    discussion: """
      Traces are of the same rollout when model, weights, solver, shift, numbers of steps, chunks, branches and blocks, \
      seeds and number type agree. A trace with all that is known of its rollout is copied byte for byte; parts of \
      one, such as branches, chunks, taps or calls recorded by different processes, are joined. What several traces \
      hold must be the same to the last bit. Every input is verified first, and nothing has the name --output until \
      all is written. Exit codes: 0 done, 3 done but rollouts lack calls, 1 failed.
      """)

  @Argument(help: "Traces (.h5) and folders of traces.")
  var traces: [String]

  @Option(name: .shortAndLong, help: "The folder to write; it must not exist.")
  var output: String

  @OptionGroup var results: FormatOption

  mutating func run() throws {
    let folder = output.hasSuffix("/") ? String(output.dropLast()) : output
    try Terminal.checkParent(of: folder)
    let merge = try TraceMerge(of: traces, to: folder)
    var table = Table(columns: [
      .init("trace", key: "trace"), .init("calls", key: "calls"), .init("planned", key: "planned_calls"),
      .init("from", key: "sources"), .init("repeats", key: "repeats"),
    ])
    for rollout in merge.rollouts {
      table.append([
        .text(rollout.path), .integer(rollout.callCount), .integer(rollout.plannedCallCount),
        .text(rollout.sources.joined(separator: " ")), .integer(rollout.repeats.count),
      ])
      for path in rollout.repeats {
        Terminal.remark("\(path): the same rollout as \(rollout.sources[0]), kept once")
      }
    }
    try Terminal.show(table.formatted(results.format))
    guard merge.rollouts.allSatisfy({ $0.callCount == $0.plannedCallCount }) else { throw ExitCode(3) }
  }
}
