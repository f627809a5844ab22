import ArgumentParser
import Foundation
import Trace
import WorldCache

/// `wctrace convert`: policies as the files that runtimes read, and back.
struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a policy as the file that a runtime reads, or read one back.",
    discussion: """
      Without --to the policy that a file describes is printed. What a target has no word for is refused, so that \
      reading the file back gives the same decisions. Of a calibrated policy (teacache:calibration=FILE) the numbers \
      themselves are written, for the calibration's number of calls. Targets:

      \(Runtime.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      docs/runtimes.md shows how each file is loaded.
      """)

  @Argument(help: "A policy such as dbcache:fn=1, or a runtime's file.")
  var source: String

  @Option(help: "The target: \(Runtime.all.map(\.name).joined(separator: ", ")).")
  var to: String?

  @Option(help: "Calls of a rollout, for files that hold their number.")
  var calls: Int?

  @Option(help: "A trace: its number of calls, and the decisions of policies that look at features.")
  var trace: String?

  @Option(
    help: "What SmoothCache calls the modules that share the schedule, joined by commas; attn1 when left out."
  )
  var components: String?

  @Option(name: .shortAndLong, help: "The file to write; standard output when left out.")
  var output: String?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  mutating func validate() throws {
    if calls != nil && trace != nil {
      throw ValidationError("--trace tells the number of calls; leave --calls out")
    }
    if let calls, !(1...100_000).contains(calls) {
      throw ValidationError("--calls is \(calls); it must be from 1 to 100000")
    }
    if to == nil && (output != nil || trace != nil || calls != nil) {
      throw ValidationError("--to is missing: the target that the file is written for")
    }
    if components != nil, to != "smoothcache" {
      throw ValidationError("--components is for --to smoothcache")
    }
    if force, output == nil { throw ValidationError("--force is for --output") }
  }

  mutating func run() throws {
    // Before anything is measured.
    if let output { try Terminal.checkTarget(output, force: force) }
    let plan = try policy()
    guard let to else { return try Terminal.show(plan.spec.description) }
    let runtime = try Runtime.named(to)
    let recorded = try trace.map { trace in
      try RuntimeRecording(plan, over: GeometryCatalog.opening(trace).geometries(for: plan))
    }
    let names = (components ?? "attn1").split(separator: ",", omittingEmptySubsequences: false).map(
      String.init)
    let request = try RuntimeRequest(plan, callCount: calls, recorded: recorded, components: names)
    let file = try runtime.file(for: request)
    for remark in request.remarks + file.remarks { Terminal.remark(remark) }
    guard let output else { return try Terminal.show(String(file.text.dropLast())) }
    try Terminal.writing(output) {
      try file.text.write(toFile: output, atomically: true, encoding: .utf8)
    }
    try Terminal.show("\(output): \(plan.spec) for \(runtime.name)")
  }

  private func policy() throws -> PolicyPlan {
    let isFile = FileManager.default.fileExists(atPath: source)
    let ending = URL(filePath: source).pathExtension.lowercased()
    guard isFile || !source.contains(":") && Runtime.all.contains(where: { $0.endings.contains(ending) })
    else {
      return try PolicyRegistry.plan(source)
    }
    let (runtime, spec) = try Runtime.policy(in: source)
    Terminal.remark("\(source): read as a file of \(runtime.name)")
    return try PolicyRegistry.plan(spec)
  }
}
