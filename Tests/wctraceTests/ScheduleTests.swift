import Foundation
import TestSupport
import Testing

/// `wctrace schedule` with searches: from traces to a file that replays.
@Suite struct ScheduleTests {
  private let trace = "traces/room-20.h5"

  @Test(
    "a schedule that is saved replays to what was told",
    arguments: [[], ["--fit"], ["--objective", "direct"]])
  func saved(options: [String]) throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "found.json").path
      let run = try Tool(
        ["schedule", trace, "--policy", "taylor:order=1", "--calls", "7", "--save", file, "--format", "csv"]
          + options)
      #expect(run.status == 0, "\(run.errors)")
      let (keys, values) = (cells(run.output, 0), cells(run.output, 1))
      let direct = try #require(keys.firstIndex(of: "direct_error_mean").flatMap { Double(values[$0]) })
      // Of one trace, what is minimised is what a replay tells.
      if options.contains("direct") {
        let error = try #require(keys.firstIndex(of: "error").flatMap { Double(values[$0]) })
        #expect(abs(error / direct - 1) < 1e-6)
        #expect(keys.firstIndex(of: "error_to_bound").flatMap { Double(values[$0]) } == 1)
      }
      let policy = (options == ["--fit"] ? "fitted" : "schedule") + ":file=" + file
      let replay = try Tool(
        "replay", trace, "--policy", policy, "--no-bounds", "--columns", "computed_calls,direct_error",
        "--format",
        "csv")
      #expect(replay.status == 0, "\(replay.errors)")
      let told = cells(replay.output, 1)
      #expect(told[0] == "7")
      // Sums of the same numbers in another order.
      #expect(abs(try #require(Double(told[1])) / direct - 1) < 1e-6)
      let again = try Tool("schedule", trace, "--calls", "7", "--save", file)
      #expect(again.status == 1 && again.errors.contains("the file exists; use --force to replace it"))
    }
  }

  private func cells(_ csv: String, _ line: Int) -> [String] {
    csv.split(separator: "\n")[line].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  @Test("several numbers of computed calls, each at most as bad as the one before")
  func range() throws {
    let run = try Tool(
      "schedule", trace, trace, "--policy", "interval", "--calls", "4..9", "--objective", "minimax", "--over",
      "max", "--format", "json")
    #expect(run.status == 0, "\(run.errors)")
    let rows = try #require(
      JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
    #expect(rows.compactMap { $0["computed_calls"] as? Int } == Array(4...9))
    let errors = rows.compactMap { $0["error"] as? Double }
    #expect(errors.count == 6 && errors == errors.sorted(by: >))
    #expect(rows.allSatisfy { $0["error_to_bound"] as? Double == 1 })
  }

  @Test("by token the budget is shared out: never worse than one schedule for all")
  func byToken() throws {
    let run = try Tool(
      "schedule", trace, "--policy", "interval", "--calls", "3..4", "--per-token", "--format", "json")
    #expect(run.status == 0, "\(run.errors)")
    let rows = try #require(
      JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
    #expect(rows.compactMap { $0["calls_per_token"] as? Int } == [3, 4])
    for row in rows {
      let errors = ["error", "even_error", "shared_schedule_error"].compactMap { row[$0] as? Double }
      #expect(errors.count == 3 && errors == errors.sorted() && errors[0] > 0)
      #expect(row["error_to_bound"] as? Double == 1 && row["error_bound"] as? Double == errors[0])
    }
    let cases: [([String], String)] = [
      (["--per-token"], "--per-token needs --calls"),
      (["--per-token", "--calls", "4", "--fit"], "--fit and --save are not for it"),
      (["--per-token", "--calls", "4", "--save", "x.json"], "--fit and --save are not for it"),
      (["--per-token", "--calls", "4", "--over", "max"], "--over is not for it"),
    ]
    for (arguments, message) in cases {
      let run = try Tool(["schedule", trace] + arguments)
      #expect(run.status == 64 && run.errors.contains(message), "\(arguments): \(run.errors)")
    }
    let grouped = try Tool("schedule", trace, "--policy", "worldcache", "--calls", "4", "--per-token")
    #expect(grouped.status == 1 && grouped.errors.contains("'worldcache' sorts each token by its rank"))
  }

  @Test("a schedule that is saved is refused at other noise levels, and allowed where that is asked for")
  func elsewhere() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "found.json").path
      let other = directory.appending(path: "other.h5").path
      #expect(
        try Tool("schedule", trace, "--policy", "interval", "--calls", "7", "--save", file).status == 0)
      #expect(
        try Tool(
          "record", "--output", other, "--scene", "7", "--steps", "20", "--shift", "5", "--taps", "output"
        ).status == 0)
      let home = try Tool("replay", trace, "--policy", "schedule:file=\(file)")
      #expect(home.status == 0 && !home.errors.contains("elsewhere"), "\(home.errors)")
      let refused = try Tool("replay", other, "--policy", "schedule:file=\(file)")
      #expect(refused.status == 1 && refused.errors.contains("this recording has other noise levels (call "))
      let allowed = try Tool("replay", other, "--policy", "schedule:file=\(file),elsewhere=allow")
      #expect(allowed.status == 0 && allowed.errors.contains("was made elsewhere"), "\(allowed.errors)")
      let live = try Tool(
        "live", "--steps", "20", "--shift", "5", "--scene", "7", "--policy", "schedule:file=\(file)")
      #expect(live.status == 1 && live.errors.contains("other noise levels"), "\(live.errors)")
    }
  }

  @Test("several traces without --calls are shown one after another")
  func several() throws {
    let run = try Tool("schedule", trace, "traces/guided-8.h5", "--policy", "interval:every=4")
    #expect(run.status == 0, "\(run.errors)")
    // One of the first trace, one for each chunk of the second.
    #expect(run.output.components(separatedBy: "ideal:predictor=hold").count == 1 + 3)
    #expect(run.output.contains("traces/guided-8.h5\n"))
  }

  @Test(
    "wrong usage is told",
    arguments: [
      (["--calls", "0"], "--calls is '0'; it takes a whole number of at least 1, or a range such as 8..20"),
      (["--calls", "9..8"], "--calls is '9..8'"), (["--calls", "a"], "--calls is 'a'"),
      (["--calls", "8", "--power", "0"], "--power is 0.0; it must be a number above 0 and at most 32"),
      (["--calls", "8", "--power", "33"], "--power is 33.0; it must be a number above 0 and at most 32"),
      (["--calls", "8", "--power", "1", "--objective", "minimax"], "--power is for streak and additive"),
      (["--calls", "8", "--weights", "none"], "the objective streak is made of the solver's weights"),
      (
        ["--calls", "8", "--objective", "direct", "--weights", "none"],
        "the objective direct is made of the solver's weights"
      ), (["--calls", "8", "--objective", "direct", "--power", "2"], "--power is for streak and additive"),
      (["--calls", "8", "--fit", "--objective", "direct"], "--fit minimises the final error"),
      (["--calls", "8", "--warm-up", "0"], "--warm-up is 0; it must be at least 1"),
      (["--calls", "8", "--longest-streak", "-1"], "--longest-streak is -1; it must not be negative"),
      (["--save", "/tmp/x.json"], "--save needs --calls with one number"),
      (["--calls", "8", "--save", "/tmp/x.txt"], "the file's name must end in .json"),
      (["--fit"], "--fit needs --calls"),
      (["--objective", "additive"], "--objective needs --calls: it says what to search for"),
      (["--over", "mean"], "--over needs --calls"), (["--weights", "solver"], "--weights needs --calls"),
      (["--warm-up", "1"], "--warm-up needs --calls"), (["--power", "2"], "--power needs --calls"),
      (["--longest-streak", "3"], "--longest-streak needs --calls"),
      (["--last-computed"], "--last-computed needs --calls"),
      (["--calls", "8", "--fit", "--objective", "additive"], "--fit minimises the final error"),
      (["--calls", "8", "--memory", "2"], "--memory is for --fit"),
      (["--calls", "8", "--fit", "--memory", "0"], "--memory is 0; it must be at least 1"),
    ])
  func usage(arguments: [String], message: String) throws {
    let run = try Tool(["schedule", trace, "--policy", "interval"] + arguments)
    #expect(run.status == 64 && run.errors.contains(message), "\(run.errors)")
  }
}
