import Foundation
import Testing

/// Several policies, settings and traces in one command.
@Suite struct SweepTests {
  private static let sweep = [
    "--policy", "worldcache:eta=0.2|0.4,n-max=3,warmup=4", "--policy", "interval:every=2..4",
  ]

  @Test("one row per trace and policy in the order asked for, whatever the number of cores")
  func rows() throws {
    let arguments =
      [
        "replay", "traces/room-20.h5", "traces/guided-8.h5", "--no-bounds", "--format", "csv", "--policy",
        "taylor",
      ]
      + ["--policy", "interval:every=2..4"]
    let run = try Tool(arguments + ["--jobs", "1"])
    #expect(run.status == 0, "\(run.errors)")
    let rows = run.output.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }
    #expect(rows.count == 8)
    #expect(rows.prefix(4).allSatisfy { $0[0] == "traces/room-20.h5" })
    #expect(rows.suffix(4).allSatisfy { $0[0] == "traces/guided-8.h5" })
    #expect(try Tool(arguments).output == run.output)
    #expect(try Tool(arguments + ["--jobs", "5"]).output == run.output)
    #expect(run.errors.contains(" replays/s, "))
  }

  @Test("a folder stands for its traces by name")
  func folder() throws {
    let columns = ["--no-bounds", "--columns", "policy", "--format", "csv", "--policy", "interval"]
    let folder = try Tool(["replay", "traces"] + columns)
    #expect(folder.status == 0, "\(folder.errors)")
    #expect(
      try Tool(["replay", "traces/guided-8.h5", "traces/room-20.h5"] + columns).output == folder.output)
    let empty = try Tool("replay", "docs")
    #expect(empty.status == 1)
    #expect(empty.errors.contains("the folder holds no trace (*.h5) and no geometry (*.geometry)"))
  }

  @Test("beyond forty rows there are ideals only when asked for, and the tool says so")
  func bounds() throws {
    let arguments = [
      "replay", "traces/guided-8.h5", "--policy", "interval:every=1..12,phase=down|up,site=output|guided",
      "--columns", "policy", "--format", "csv",
    ]
    let plain = try Tool(arguments)
    #expect(plain.errors.contains("48 replays: no 'ideal' rows beyond 40 unless asked for with --bounds"))
    #expect(!plain.output.contains("ideal:"))
    #expect(plain.output.hasPrefix("policy\nalways\n"))
    #expect(try Tool(arguments + ["--bounds"]).output.contains("ideal:"))
  }

  @Test(
    "bad sweeps and columns are refused before a trace is opened",
    arguments: [
      (["--policy", "interval:every=6..2"], "the range '6..2' of every is empty: 6 is above 2"),
      (["--policy", "interval:every=2|x"], "every=x of policy 'interval' is not allowed"),
      (["--policy", "interval:every=1..20000"], "makes 20000 settings; at most 10000 are replayed at once"),
      (["--columns", "cosin"], "there is no column 'cosin' (did you mean 'cosine'?)"),
    ])
  func refused(arguments: [String], message: String) throws {
    let run = try Tool(["replay", "no-such-trace.h5"] + arguments)
    #expect(run.status == 1)
    #expect(run.errors.contains(message), "\(run.errors)")
  }

  @Test("every column of a summary and of the tables by set is defined in docs/metrics.md")
  func documented() throws {
    let metrics = try FenceTests.read("docs/metrics.md")
    let run = try Tool(["replay", "traces/room-20.h5", "--summary", "--format", "csv"] + Self.sweep)
    #expect(run.status == 0, "\(run.errors)")
    let keys = run.output.split(separator: "\n")[0].split(separator: ",").map(String.init)
    #expect(keys.count == 13)
    for key in keys where key != "policy" { #expect(metrics.contains("`\(key)`"), "\(key)") }
  }
}
