import Foundation
import TestSupport
import Testing
import Trace

/// The tool killed while it records.
///
/// WCTRACE_KILLS sets how many times (default 2), WCTRACE_TOOL another build of the tool, and
/// WCTRACE_KILL_SEED the random moments.
@Suite(.serialized) struct KillTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let tool = environment["WCTRACE_TOOL"].map { URL(filePath: $0) } ?? Tool.executable

  // The suite's own run is short; asked for more, it records more under load.
  private static let kills = environment["WCTRACE_KILLS"].flatMap(Int.init) ?? 2
  private static let stepCount = kills <= 2 ? 2 : 8
  private static let taps = kills <= 2 ? "latent,output" : "latent,hidden.0,modulated,block.1,hidden.6,output"
  private static let arguments = [
    "--steps", "\(stepCount)", "--threads", "1", "--guidance", "2", "--taps", taps,
  ]
  private static let callCount = 2 * stepCount

  /// Records in a process of its own and kills it some time after the given number of calls was
  /// acknowledged; returns how many were acknowledged in the end.
  private func recordAndKill(_ path: String, after count: Int, delay: Duration, _ durability: String) throws
    -> Int
  {
    var recorder = try RecorderProcess(
      ["record", "-o", path, "--durability", durability] + Self.arguments, Self.tool)
    recorder.wait(acknowledging: count)
    let start = ContinuousClock.now
    while start.duration(to: .now) < delay {}
    kill(recorder.process.processIdentifier, SIGKILL)
    try recorder.waitUntilExit()
    return recorder.acknowledgedCount
  }

  // Every call of `path` is, bit for bit, that of the reference; times differ from run to run.
  private func expectPrefix(_ path: String, of reference: TraceReader, _ comment: Comment) throws -> Int {
    let reader = try TraceReader(path: path)
    for (call, expected) in zip(reader.calls, reference.calls) {
      var call = call
      call.seconds = expected.seconds
      #expect(call == expected, comment)
      for tap in reference.taps {
        #expect(
          try reader.feature(tap, call: call.ordinal) == reference.feature(tap, call: call.ordinal), comment)
      }
    }
    return reader.calls.count
  }

  @Test("killed at any moment, every acknowledged call is recovered and right")
  func killed() throws {
    let seed = Self.environment["WCTRACE_KILL_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0...999_999)
    // One generator for all kills, whose seed is in every message.
    var dice = Dice(seed: seed)
    var (lost, interrupted) = (0, 0)
    try withTemporaryDirectory { folder in
      let whole = folder.path + "/whole.h5"
      let start = ContinuousClock.now
      #expect(try Tool(["record", "-o", whole] + Self.arguments, Self.tool).status == 0)
      let step = start.duration(to: .now) / (Self.callCount / 2)
      let reference = try TraceReader(path: whole)
      #expect(reference.calls.count == Self.callCount)
      for trial in 0..<Self.kills {
        let path = folder.path + "/\(trial).h5"
        // After the last call come the final latents, the making of the trace and the renaming.
        let count = Int.random(in: 0...Self.callCount, using: &dice)
        let longest = count == Self.callCount ? .milliseconds(100) : step
        let delay = longest * Double.random(in: 0..<1, using: &dice)
        let durability = ["none", "rollout", "call"][trial % 3]
        let acknowledged = try recordAndKill(path, after: count, delay: delay, durability)
        let comment = Comment(rawValue: "seed \(seed), kill \(trial), \(acknowledged) calls acknowledged")
        if FileManager.default.fileExists(atPath: path) {
          #expect(try expectPrefix(path, of: reference, comment) == Self.callCount, comment)
          #expect(try TraceReader(path: path).final(chunk: 0) == reference.final(chunk: 0), comment)
          continue
        }
        interrupted += 1
        let run = try Tool(["recover", path + ".wcj"], Self.tool)
        if run.status == 1, acknowledged == 0 { continue }
        #expect(run.status == 0 || run.status == 3, "\(comment): \(run.errors)")
        let recovered = try expectPrefix(path, of: reference, comment)
        lost += max(0, acknowledged - recovered)
        #expect(recovered >= acknowledged, comment)
        #expect((run.status == 3) || recovered == Self.callCount, comment)
      }
    }
    print(
      "\(Self.kills) kills, \(interrupted) of them before the trace had its name, seed \(seed): \(lost) calls lost"
    )
  }

  @Test("a full disk is an error that says how to recover, and earlier calls are safe")
  func fullDisk() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      // No file may grow over 600 blocks of 512 bytes: the start and one or two calls.
      let command = """
        trap '' XFSZ; ulimit -f 600; exec "$0" "$@"
        """
      let run = try Tool(
        [
          "-c", command, Self.tool.path, "record", "-o", path, "--dtype", "float16", "--steps", "2",
          "--threads", "1", "--guidance", "2", "--taps", "latent,output",
        ], URL(filePath: "/bin/sh"))
      #expect(run.status == 1)
      #expect(run.errors.contains("the system refused to write"), "\(run.errors)")
      #expect(run.errors.contains("wctrace recover \(path).wcj"), "\(run.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.h5.wcj"])
      let recovered = try Tool("recover", path + ".wcj")
      #expect(recovered.status == 3)
      #expect((1..<4).contains(try TraceReader(path: path).calls.count))
    }
  }
}
