import ArgumentParser

/// `wctrace-bench`: how fast, beside what others use for the same work.
@main
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wctrace-bench",
    abstract: "Measure wctrace beside its peers, in one run.",
    subcommands: [
      StorageBenchmark.self, RecorderBenchmark.self, ReplayBenchmark.self, BigTraceBenchmark.self,
    ])
}
