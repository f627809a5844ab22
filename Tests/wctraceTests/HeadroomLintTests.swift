import Foundation
import TestSupport
import Testing

/// `wctrace headroom` and `wctrace lint` from the command line.
@Suite struct HeadroomLintTests {
  @Test("headroom of a bundled trace: a row for each way, and a verdict")
  func headroom() throws {
    let run = try Tool("headroom", "traces/room-20.h5")
    #expect(run.status == 0, "\(run.errors)")
    for way in ["ideal schedule, hold", "ideal schedule, Taylor of order 2", "fewer steps, same schedule"] {
      #expect(run.output.contains(way))
    }
    let json = try Tool("headroom", "traces/room-20.h5", "--budgets", "0.02", "--format", "json")
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    #expect(["caching can pay", "take fewer steps"].contains(document["outcome"] as? String ?? ""))
    let ways = try #require(document["ways"] as? [[String: Any]])
    let counts = ways.compactMap { $0["computed_calls_mean_at_0.02"] as? Double }
    // Hold at its best, on a regular grid and on a shifted one: the first bounds the others.
    #expect(counts.count == 5 && counts[0] <= counts[3] && counts[0] <= counts[4])
    let sentence = try #require((document["verdict"] as? [String])?.first)
    #expect(try Tool("headroom", "traces/room-20.h5", "--budgets", "0.02").output.contains(sentence))
  }

  @Test("another recording of the rollout shows how far two runs differ")
  func repeated() throws {
    try withTemporaryDirectory { folder in
      let paths = ["a", "b", "c"].map { folder.appending(path: "\($0).h5").path }
      let arguments = ["--steps", "4", "--taps", "output"]
      #expect(try Tool(["record", "-o", paths[0], "--scene", "5"] + arguments).status == 0)
      #expect(
        try Tool(["record", "-o", paths[1], "--scene", "5", "--dtype", "float16"] + arguments).status == 0)
      #expect(try Tool(["record", "-o", paths[2], "--scene", "6"] + arguments).status == 0)
      let run = try Tool("headroom", paths[0], "--repeat", paths[1])
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output.contains("two uncached runs, a call"))
      let same = try Tool("headroom", paths[0], "--repeat", paths[0])
      #expect(same.status == 1)
      #expect(same.errors.contains("this is the same recording as \(paths[0]); --repeat wants"))
      let foreign = try Tool("headroom", paths[0], "--repeat", paths[2])
      #expect(foreign.status == 1)
      #expect(foreign.errors.contains("this is a recording of no rollout that is looked at"))
    }
  }

  @Test("lint: exit code 3 and the finding where there is one, 0 where there is none")
  func lint() throws {
    let clean = try Tool("lint", "traces/room-20.h5", "--policy", "interval:every=3")
    #expect(clean.status == 0, "\(clean.errors)")
    #expect(clean.output == "nothing found\n")
    let found = try Tool("lint", "traces/room-20.h5", "--policy", "easycache:threshold=1000,warmup=2")
    #expect(found.status == 3)
    #expect(found.output.contains("always-fires: easycache:"))
    #expect(found.output.contains("\n  -> lower the threshold"))
    let lacking = try Tool(
      "lint", "traces/guided-8.h5", "--policy", "teacache", "--policy", "ideal:calls=3+4+5")
    #expect(lacking.status == 3, "\(lacking.errors)")
    #expect(lacking.output.contains("does-not-run: teacache:") && lacking.output.contains("modulated"))
    #expect(lacking.output.contains("has numbers for 3 chunks; the trace has 2"))
    let csv = try Tool(
      "lint", "traces/room-20.h5", "--policy", "easycache:threshold=1000|2000,warmup=2", "--format", "csv")
    #expect(csv.status == 3)
    #expect(csv.output.hasPrefix("rule,policy,trace,place,meaning,remedy\n"))
    #expect(csv.output.split(separator: "\n").count { $0.hasPrefix("always-fires,") } == 2)
  }

  @Test(
    "wrong usage is told",
    arguments: [
      (
        ["headroom", "traces/room-20.h5", "--budgets", "0"], "--budgets is 0; it takes 1 to 9 numbers above 0"
      ),
      (
        ["headroom", "traces/room-20.h5", "--budgets", "1,2,3,4,5,6,7,8,9,10"],
        "--budgets has 10 numbers; it takes 1 to 9 numbers above 0 joined by commas"
      ),
      (["headroom", "traces/room-20.h5", "--site", "stack"], "--site is stack; it takes output or guided"),
      (["lint"], "Missing expected argument"),
    ])
  func usage(arguments: [String], message: String) throws {
    let run = try Tool(arguments)
    #expect(run.status == 64)
    #expect(run.output.isEmpty && run.errors.contains(message), "\(run.errors)")
  }
}
