import ArgumentParser
import Foundation
import Trace

/// A trace of more than 4 GB written, verified and read back, each in a process of its own.
struct BigTraceBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "big", abstract: "The memory that a 4 GB trace takes.")

  @Option(help: "Calls, each with 16.8 MB of float32.")
  var calls = 256

  @Option(help: "Where the files go; journal and trace take about 8 GB while finishing.")
  var folder = FileManager.default.temporaryDirectory.path

  @Option(help: "The tool that verifies.")
  var tool = ".build/release/wctrace"

  @Option(help: ArgumentHelp("Run one part in this process.", visibility: .hidden))
  var part: String?

  private static let limit = 256.0

  func run() throws {
    if let part { return try run(part, path: folder) }
    let folder = folder + "/wctrace-bench-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/big.h5"
    let own = "/proc/self/exe"
    var isMet = true
    for (name, program, arguments) in [
      ("written", own, ["big", "--part", "write", "--folder", path, "--calls", "\(calls)"]),
      ("verified", tool, ["verify", path]),
      ("read", own, ["big", "--part", "read", "--folder", path, "--calls", "\(calls)"]),
    ] {
      let child = try ChildUsage(running: program, arguments)
      guard child.status == 0 else { throw ExitCode.failure }
      isMet = isMet && child.megabytes < Self.limit
      print("\(padded(name, 9)) \(text(child.seconds, 1)) s, at most \(text(child.megabytes, 0)) MB resident")
      if name == "written" {
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        print(
          "          \(text(Double(calls * 4096 * 1024 * 4) / 1e9, 2)) GB of numbers, \(text(Double(size) / 1e9, 2)) GB stored"
        )
      }
    }
    print("bar \(text(Self.limit, 0)) MB: \(isMet ? "met" : "missed")")
  }

  // The numbers change from call to call with little memory: one tensor, turned about.
  private func run(_ part: String, path: String) throws {
    if part == "write" {
      let features = SampleFeatures(rowCount: 4096, channelCount: 1024)
      let writer = try features.writer(path, callCount: calls, dtype: .float32, durability: .rollout)
      for step in 0..<calls {
        try writer.append(
          SampleFeatures.call(step), features: [.hidden(0): features.tensor(step: step)])
      }
      return try writer.finish()
    }
    let reader = try TraceReader(path: path)
    var sum: Float = 0
    for call in reader.calls.indices { sum += try reader.feature(.hidden(0), call: call).values[call] }
    guard reader.calls.count == calls, sum.isFinite else { throw ExitCode.failure }
  }
}
