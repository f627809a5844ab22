import ArgumentParser
import Foundation
import Trace
import WorldCache

/// A trace of more than 4 GB written, verified, read back, indexed and replayed, each in a process of its own.
struct BigTraceBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "big", abstract: "The memory that a 4 GB trace takes.")

  @Option(help: "Calls, each with 16.8 MB of float32, in four chunks.")
  var calls = 256

  @Option(help: "Where the files go; trace and distances take about 4 GB.")
  var folder = FileManager.default.temporaryDirectory.path

  @Option(help: "The tool that verifies, indexes and replays.")
  var tool = ".build/release/wctrace"

  @Option(help: ArgumentHelp("Run one part in this process.", visibility: .hidden))
  var part: String?

  private static let chunkCount = 4
  private static let policy = "worldcache"

  func run() throws {
    if let part { return try run(part, path: folder) }
    let folder = folder + "/wctrace-bench-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (path, geometry) = (folder + "/big.h5", folder + "/big.geometry")
    let own = "/proc/self/exe"
    try measure(
      "written", own, ["big", "--part", "write", "--folder", path, "--calls", "\(calls)"], limit: 256)
    let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    print(
      "          \(text(Double(calls * 4096 * 1024 * 4) / 1e9, 2)) GB of numbers, \(text(Double(size) / 1e9, 2)) GB stored"
    )
    try measure("verified", tool, ["verify", path], limit: 256)
    try measure("read", own, ["big", "--part", "read", "--folder", path, "--calls", "\(calls)"], limit: 256)
    try measure("indexed", tool, ["index", path, "--policy", Self.policy, "--output", geometry], limit: 512)
    try measureReplay(geometry)
  }

  private func measure(_ name: String, _ program: String, _ arguments: [String], limit: Double) throws {
    let child = try ChildUsage(running: program, arguments)
    guard child.status == 0 else { throw ExitCode.failure }
    print(
      "\(padded(name, 9)) \(text(child.seconds, 1)) s, at most \(text(child.megabytes, 0)) MB resident "
        + "(bar \(text(limit, 0)): \(child.megabytes < limit ? "met" : "missed"))")
  }

  // A replay reads the pairs of calls that it compares, and holds those.
  private func measureReplay(_ geometry: String) throws {
    let plan = try PolicyRegistry.plan(Self.policy)
    let geometries = try plan.geometries(in: GeometryCatalog(folder: geometry))
    _ = try Replay(plan, over: geometries)
    let touched = geometries.reduce(0) { $0 + $1.distances.heldByteCount }
    let all = geometries.reduce(0) { $0 + $1.distances.byteCount }
    let child = try ChildUsage(
      running: tool, ["replay", geometry, "--policy", Self.policy, "--no-bounds"])
    let idle = try ChildUsage(running: tool, ["policies"])
    guard child.status == 0, idle.status == 0 else { throw ExitCode.failure }
    print(
      "replayed  \(text(child.seconds, 2)) s, at most \(text(child.megabytes, 0)) MB resident; pairs touched "
        + "\(text(Double(touched) / 1e6, 0)) of \(text(Double(all) / 1e6, 0)) MB, the program alone "
        + "\(text(idle.megabytes, 0)) MB")
  }

  // The numbers change from call to call with little memory: one tensor, turned about.
  private func run(_ part: String, path: String) throws {
    if part == "write" {
      let features = SampleFeatures(rowCount: 4096, channelCount: 1024)
      let writer = try features.writer(
        path, callCount: calls, dtype: .float32, durability: .rollout, tap: .output,
        chunkCount: Self.chunkCount)
      for call in 0..<calls {
        try writer.append(
          SampleFeatures.call(call, stepCount: calls / Self.chunkCount),
          features: [.output: features.tensor(step: call)])
      }
      return try writer.finish()
    }
    let reader = try TraceReader(path: path)
    var sum: Float = 0
    for call in reader.calls.indices { sum += try reader.feature(.output, call: call).values[call] }
    guard reader.calls.count == calls, sum.isFinite else { throw ExitCode.failure }
  }
}
