import Foundation
import Testing

/// `wctrace tune` on the bundled traces.
@Suite struct TuneTests {
  private static let policies = [
    "--policy", "worldcache:warmup=4,n-max=3", "--policy", "taylor:interval=2..5,order=0|1,first-enhance=2",
  ]

  private static func rows(_ text: String) -> [[String: String]] {
    let lines = text.split(separator: "\n").map { line -> [String] in
      // A policy's commas stand in quotes.
      var (cells, isQuoted) = ([""], false)
      for character in line {
        switch character {
        case "\"": isQuoted.toggle()
        case "," where !isQuoted: cells.append("")
        default: cells[cells.count - 1].append(character)
        }
      }
      return cells
    }
    return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(lines[0], $0)) }
  }

  @Test("the front ascends in cost and falls in error, and each of its policies replays to what it says")
  func front() throws {
    let run = try Tool(["tune", "traces/room-20.h5", "--format", "csv"] + Self.policies)
    #expect(run.status == 0, "\(run.errors)")
    let rows = Self.rows(run.output)
    #expect(rows.count >= 4)
    let errors = rows.map { Double($0["direct_error_worst"]!)! }
    #expect(errors == errors.sorted(by: >))
    let replays = try Tool(
      ["replay", "traces/room-20.h5", "--no-bounds", "--format", "csv"]
        + rows.flatMap { ["--policy", $0["policy"]!] })
    #expect(replays.status == 0, "\(replays.errors)")
    for (row, replay) in zip(rows, Self.rows(replays.output)) {
      #expect(row["policy"] == replay["policy"])
      // Replays that work out fewer figures add the same numbers up in another order.
      let (found, told) = (Double(row["direct_error_worst"]!)!, Double(replay["direct_error"]!)!)
      #expect(abs(found - told) <= 1e-9 * told)
      #expect(Double(row["computed_calls_mean"]!) == Double(replay["computed_calls"]!))
    }
  }

  @Test(
    "a choice keeps to its goal; one that nothing keeps to, or that the held-out trace misses, is a finding")
  func goal() throws {
    let arguments = ["tune", "traces/room-20.h5", "--show", "choice", "--format", "csv"] + Self.policies
    let twice = try Tool(arguments + ["--speedup", "2", "--cost", "calls"])
    #expect(twice.status == 0, "\(twice.errors)")
    #expect(Double(Self.rows(twice.output)[0]["calls_speedup"]!)! >= 2)
    let near = try Tool(arguments + ["--max-error", "0.01", "--metric", "streak", "--at", "mean"])
    #expect(Double(Self.rows(near.output)[0]["streak_error_mean"]!)! <= 0.01)
    let never = try Tool(arguments + ["--speedup", "15"])
    #expect(never.status == 3)
    #expect(never.errors.contains("nothing that was searched keeps to the goal"))
    // The other trace has guidance: the same interval does not give the same error there.
    let missed = try Tool(
      ["tune", "traces/room-20.h5", "--policy", "interval:every=2|3", "--max-error", "0.08", "--confirm"]
        + ["traces/guided-8.h5", "--show", "choice", "--format", "csv"])
    #expect(missed.status == 3, "\(missed.output)")
    #expect(Self.rows(missed.output)[0]["confirm_goal"] == "missed")
    #expect(
      missed.errors.contains(
        "on the held-out traces interval:every=3,phase=down,site=output misses at most 0.08 direct error"))
  }

  @Test("a confirmation speaks of every goal by itself, and of the error where none was given")
  func goals() throws {
    let arguments = [
      "tune", "traces/room-20.h5", "--policy", "interval:every=2..4", "--cost", "calls", "--show", "choice",
      "--format", "csv", "--confirm", "traces/guided-8.h5",
    ]
    // Three calls held: 2x kept with 8 of 16 calls, and an error of 0.105.
    let both = try Tool(arguments + ["--speedup", "2", "--max-error", "0.05", "--at", "p95"])
    #expect(both.status == 3)
    let row = Self.rows(both.output)[0]
    #expect(row["confirm_speedup_goal"] == "kept" && row["confirm_error_goal"] == "missed")
    #expect(row["confirm_goal"] == "missed")
    #expect(
      both.errors.contains(
        "keeps 2.0x in calls (2.00) and misses at most 0.05 direct error, p95 of the traces (0.1054)"),
      "\(both.errors)")
    let fast = try Tool(arguments + ["--speedup", "2"])
    #expect(fast.status == 0)
    #expect(Self.rows(fast.output)[0]["confirm_error_goal"] == nil)
    #expect(
      fast.errors.contains(
        "keeps 2.0x in calls (2.00); no error was asked for, and the direct error, worst of the traces is 0.1054"
      ),
      "\(fast.errors)")
  }

  @Test("the output does not depend on the number of searches at a time")
  func jobs() throws {
    let arguments = [
      "tune", "traces", "--format", "json", "--show", "behaviours", "--policy", "worldcache:warmup=3",
    ]
    let one = try Tool(arguments + ["--jobs", "1"])
    #expect(one.status == 0, "\(one.errors)")
    #expect(try Tool(arguments + ["--jobs", "4"]).output == one.output)
  }

  @Test(
    "bad input is refused in a sentence",
    arguments: [
      (["--policy", "taylor:order=*"], Int32(1), "order=* of policy 'taylor' cannot be searched"),
      (["--speedup", "0.5"], 64, "--speedup is 0.5; it must be a number of at least 1"),
      (["--max-error", "-1"], 64, "--max-error is -1.0; it must be a number of at least 0"),
      (["--factor", "1"], 64, "--factor is 1.0; it must be above 1"),
      (["--metric", "mean"], 64, "--metric"),
      (["--format", "csv", "--show", "front", "--show", "cliffs"], 64, "--format csv prints one table"),
      (["--format", "csv", "--show", "choice"], 64, "--show choice needs --speedup or --max-error"),
    ])
  func refused(arguments: [String], status: Int32, message: String) throws {
    let run = try Tool(["tune", "no-such-trace.h5"] + arguments)
    #expect(run.status == status)
    #expect(run.errors.contains(message), "\(run.errors)")
  }

  @Test("every column is explained in docs/tuning.md")
  func documented() throws {
    let text = try FenceTests.read("docs/tuning.md")
    for part in ["settings", "front", "cliffs", "plateaus"] {
      let run = try Tool(
        [
          "tune", "traces/room-20.h5", "--confirm", "traces/room-20.h5", "--speedup", "1.5", "--format",
          "csv",
        ]
          + ["--show", part, "--factor", "1.1"] + Self.policies)
      #expect(run.status == 0, "\(run.errors)")
      for key in run.output.split(separator: "\n")[0].split(separator: ",") {
        let plain = key.replacing("direct_error", with: "ERROR").replacing("confirm_", with: "")
          .replacing("seconds_speedup_least", with: "COST_speedup_least")
        #expect(text.contains("`\(plain)`"), "\(plain)")
      }
    }
  }
}
