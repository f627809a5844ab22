import ArgumentParser
import Trace

/// `wctrace recover`: a trace from the journal of an interrupted recording.
struct Recover: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a trace of the calls that an interrupted recording got to.",
    discussion: """
      A recording keeps its calls in a journal, OUTPUT.wcj, until it is finished. The trace holds every call that was \
      recorded completely, bit for bit. The journal is kept. Exit codes: 0 nothing is missing, 3 calls or final \
      latents are missing, 1 no trace could be made.
      """)

  @Argument(help: "The journal (.wcj).")
  var journal: String

  @Option(name: .shortAndLong, help: "The trace to write (default: the journal's name without .wcj).")
  var output: String?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  mutating func run() throws {
    guard let output = output ?? TraceRecovery.tracePath(of: journal) else {
      throw Terminal.usage("\(journal) does not end in .wcj; name the trace with --output")
    }
    let recovery = try TraceRecovery(of: journal, to: output, overwrite: force)
    try Terminal.show("\(output): \(recovery.callCount) of \(recovery.plannedCallCount) calls")
    if let remark = recovery.remark { Terminal.remark("\(journal): \(remark)") }
    guard recovery.isWhole else { throw ExitCode(3) }
  }
}
