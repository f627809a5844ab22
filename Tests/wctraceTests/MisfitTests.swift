import Foundation
import TestSupport
import Testing
import Trace

/// A policy that cannot run takes nothing of the others with it.
@Suite struct MisfitTests {
  private static let trace = "traces/room-20.h5"
  // Too long a warm-up for 20 calls, and a tap that the trace lacks.
  private static let misfits = ["--policy", "worldcache:warmup=30", "--policy", "teacache"]

  @Test("replay prints the others, names those that cannot run with the reason, and ends with 3")
  func replay() throws {
    let arguments = ["replay", Self.trace, "--no-bounds", "--columns", "policy", "--format", "csv"]
    // A misfit first, so that nothing leans on the first policy.
    let run = try Tool(arguments + Self.misfits + ["--policy", "interval:every=3"])
    #expect(run.status == 3, "\(run.errors)")
    #expect(run.output == "policy\n\"interval:every=3,phase=down,site=output\"\n")
    #expect(
      run.errors.contains(
        "warmup=30,normalisation=code cannot run on traces/room-20.h5: needs at least 32 calls in a chunk; this one "
          + "has 20\n"), "\(run.errors)")
    #expect(
      run.errors.contains(
        "absolute=no cannot run on traces/room-20.h5: this needs the tap hidden.6, which was not recorded"),
      "\(run.errors)")
    // 'always' is measured by what another policy needs.
    let bound = try Tool([
      "replay", Self.trace, "--policy", "teacache", "--policy", "interval", "--columns", "policy", "--format",
      "csv",
    ])
    #expect(bound.status == 3 && bound.output.hasPrefix("policy\nalways\n"), "\(bound.output)")
  }

  @Test("alone it is an error, on several traces it runs where it can")
  func alone() throws {
    for policies in [Self.misfits, Array(Self.misfits.prefix(2))] {
      let run = try Tool(["replay", Self.trace] + policies)
      #expect(run.status == 1 && run.output.isEmpty)
      #expect(
        run.errors.split(separator: "\n").last?.hasPrefix("Error: worldcache:") == true, "\(run.errors)")
    }
    // The guided trace has 16 calls of a branch.
    let run = try Tool([
      "replay", "traces", "--policy", "worldcache:warmup=15", "--policy", "interval", "--no-bounds",
      "--format",
      "json",
    ])
    #expect(run.status == 3, "\(run.errors)")
    struct Document: Decodable {
      struct Replay: Decodable {
        var trace: String
        var policy: String
      }
      struct Misfit: Decodable {
        var policy: String
        var trace: String
        var reason: String
      }
      struct Summary: Decodable {
        var policy: String
        var traces: Int
      }
      var replays: [Replay]
      var summary: [Summary]
      var cannotRun: [Misfit]
    }
    let found = try run.decoded(Document.self)
    #expect(found.replays.map(\.trace) == ["guided-8", "room-20", "room-20"].map { "traces/\($0).h5" })
    #expect(found.summary.map(\.traces) == [1, 2])
    #expect(found.cannotRun.map(\.trace) == ["traces/guided-8.h5"])
    #expect(found.cannotRun.first?.reason.hasPrefix("needs at least 17 calls in a chunk") == true)
  }

  @Test("schedule shows the traces on which the policy runs")
  func schedule() throws {
    let arguments = ["schedule", "traces", "--policy", "worldcache:warmup=15"]
    let run = try Tool(arguments)
    #expect(run.status == 3, "\(run.errors)")
    #expect(run.output.hasPrefix("traces/room-20.h5\nworldcache:"), "\(run.output)")
    #expect(
      run.errors.contains("cannot run on traces/guided-8.h5: needs at least 17 calls"), "\(run.errors)")
    let none = try Tool("schedule", "traces", "--policy", "worldcache:warmup=30")
    #expect(none.status == 1 && none.output.isEmpty)
    #expect(none.errors.contains("Error: traces/guided-8.h5: worldcache:"), "\(none.errors)")
  }

  @Test("a trace that is damaged is no policy's matter")
  func damaged() throws {
    try withTemporaryDirectory { folder in
      let whole = try Data(contentsOf: Tool.repository.appending(path: Self.trace))
      let cut = folder.path + "/cut.h5"
      try whole.prefix(whole.count / 2).write(to: URL(filePath: cut))
      let run = try Tool("replay", Self.trace, cut, "--policy", "interval", "--policy", "taylor")
      #expect(run.status == 1 && run.output.isEmpty)
      #expect(run.errors.contains("cut.h5: the file should have"), "\(run.errors)")
    }
  }

  @Test("tune leaves out the setting, and says so")
  func tune() throws {
    let arguments = ["tune", Self.trace, "--cost", "calls", "--format", "csv"]
    let run = try Tool(arguments + Self.misfits + ["--policy", "interval:every=2..4"])
    #expect(run.status == 3, "\(run.errors)")
    #expect(run.output.split(separator: "\n").dropFirst().allSatisfy { $0.contains("interval:every=") })
    #expect(
      run.errors.contains(
        "eta=*,warmup=30,normalisation=code cannot run on traces/room-20.h5: needs at least"),
      "\(run.errors)")
    let alone = try Tool(arguments + Self.misfits)
    #expect(alone.status == 1 && alone.output.isEmpty && alone.errors.contains("Error: worldcache:"))
    // On other traces: what was found is printed, and a choice of which nothing is known has not kept its goal.
    let held = try Tool([
      "tune", Self.trace, "--policy", "worldcache:warmup=15", "--cost", "calls", "--speedup", "1",
      "--confirm",
      "traces/guided-8.h5", "--show", "choice",
    ])
    #expect(held.status == 3, "\(held.errors)")
    #expect(held.output.contains("worldcache:"))
    #expect(
      held.errors.contains("cannot run on traces/guided-8.h5: needs at least 17 calls"), "\(held.errors)")
    #expect(held.errors.contains("does not run, so that nothing is known of the goal"), "\(held.errors)")
  }

  @Test("index measures what the others need, and names the missing tap beside those that were recorded")
  func index() throws {
    try withTemporaryDirectory { folder in
      let measured = folder.path + "/room.geometry"
      let run = try Tool(
        "index", Self.trace, "-o", measured, "--policy", "teacache", "--policy", "interval", "--policy",
        "worldcache",
        "--format", "csv")
      #expect(run.status == 3, "\(run.errors)")
      let rows = run.output.split(separator: "\n")
      #expect(rows.count == 2 && rows[1].hasPrefix("output,0,") && rows[1].hasSuffix(",interval worldcache"))
      #expect(
        run.errors.contains(
          "absolute=no cannot run on traces/room-20.h5: this needs the tap hidden.0, which was not recorded; the trace "
            + "has "), "\(run.errors)")
      #expect(try Tool("replay", measured, "--policy", "interval").status == 0)
      // Without names it is those whose taps were recorded that are asked for.
      let all = try Tool("index", Self.trace, "-o", measured)
      #expect(all.status == 0 && all.output.contains("interval"), "\(all.errors)")
      #expect(all.errors.contains("cannot run on traces/room-20.h5: this needs the tap"), "\(all.errors)")
      for arguments in [[], ["--estimate"]] {
        let none = try Tool(
          ["index", Self.trace, "-o", folder.path + "/none", "--policy", "teacache"] + arguments)
        #expect(none.status == 1 && none.output.isEmpty)
        #expect(none.errors.contains("this needs the tap hidden.0, which was not recorded; the trace has "))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/none"))
      }
    }
  }

  @Test("estimate prints the others")
  func estimate() throws {
    let arguments = ["estimate", Self.trace, "--format", "csv"]
    let run = try Tool(arguments + Self.misfits + ["--policy", "interval"])
    #expect(run.status == 3, "\(run.errors)")
    #expect(run.output.split(separator: "\n").count == 2)
    #expect(run.errors.contains("cannot run on traces/room-20.h5: needs at least 32 calls"), "\(run.errors)")
    let alone = try Tool(arguments + Self.misfits)
    #expect(alone.status == 1 && alone.output.isEmpty)
  }

  @Test("live and validate name every policy that cannot run before anything is computed")
  func live() throws {
    let policies = ["--policy", "interval", "--policy", "worldcache:warmup=30", "--policy", "ideal:calls=3"]
    // A rollout of so many steps would take hours.
    let start = ContinuousClock.now
    let run = try Tool(["live", "--steps", "31", "--chunks", "64"] + policies)
    #expect(start.duration(to: .now) < .seconds(60))
    #expect(run.status == 1 && run.output.isEmpty)
    #expect(
      run.errors.contains("Error: worldcache:") && run.errors.contains("Error: ideal:"), "\(run.errors)")
    try withTemporaryDirectory { folder in
      let trace = folder.path + "/x.h5"
      #expect(
        try Tool("record", "-o", trace, "--steps", "2", "--taps", "latent,output", "--threads", "1").status
          == 0)
      let results = folder.path + "/results.jsonl"
      let lacking = try Tool([
        "validate", trace, "--results", results, "--policy", "always", "--policy", "teacache",
      ])
      #expect(lacking.status == 1)
      #expect(lacking.errors.contains("needs the tap") && lacking.errors.contains("which was not recorded"))
      #expect(try Data(contentsOf: URL(filePath: results)).isEmpty)
    }
  }
}
