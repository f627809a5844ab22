import Foundation
import TestSupport
import Testing

/// `wctrace calibrate` from recording to replay.
@Suite struct CalibrateTests {
  @Test("record, calibrate, replay with the file; elsewhere it is refused")
  func wholeWay() throws {
    try withTemporaryDirectory { folder in
      let traces = folder.appending(path: "traces").path
      let file = folder.appending(path: "model.json").path
      let recorded = try Tool(
        "record", "--output", traces, "--scenes", "7,8", "--steps", "7", "--taps",
        "hidden.0,modulated,hidden.6,output,guided")
      #expect(recorded.status == 0, "\(recorded.errors)")
      let run = try Tool("calibrate", traces, "--degree", "1", "--output", file)
      // Two scenes of seven calls: whatever is found, the numbers are there.
      #expect([0, 3].contains(run.status), "\(run.errors)")
      #expect(run.output.contains("wctrace-world-1, 7 calls of 1 branches, euler, shift 3.000; 2 recordings"))
      #expect((run.status == 3) == run.output.contains("\nFindings\n"))
      for policy in [
        "teacache:calibration=\(file)", "magcache:calibration=\(file)", "smoothcache:calibration=\(file)",
        "lemica:calibration=\(file),calls=3", "meancache:calibration=\(file),calls=4",
      ] {
        let replay = try Tool("replay", traces, "--policy", policy, "--format", "csv")
        #expect(replay.status == 0, "\(replay.errors)")
        #expect(replay.output.contains("calibration=\(file)"))
      }
      // As a runtime's file, which holds the numbers, and back.
      let cache = folder.appending(path: "cache.json").path
      let magcache = "magcache:calibration=\(file),threshold=0.3"
      let written = try Tool("convert", magcache, "--to", "diffusers", "--output", cache)
      #expect(written.status == 0, "\(written.errors)")
      #expect(
        written.errors.contains(
          "the numbers are those of \(file), valid for wctrace-world-1, 7 calls of 1 branches, solver euler, shift 3"
        ))
      let read = try Tool("convert", cache).output.trimmingCharacters(in: .newlines)
      #expect(read.hasPrefix("magcache:family=diffusers,table=custom,ratios=1+"))
      let errors = try [magcache, read].map { policy in
        try Tool(
          "replay", traces, "--policy", policy, "--no-bounds", "--columns", "computed_calls,mean_call_error",
          "--format", "csv"
        ).output
      }
      #expect(errors[0] == errors[1] && !errors[0].isEmpty)
      let longer = try Tool("convert", magcache, "--to", "diffusers", "--calls", "28")
      #expect(longer.status == 1 && longer.errors.contains("has numbers for 7 calls, and 28 are asked for"))
      let again = try Tool("calibrate", traces, "--degree", "1", "--output", file)
      #expect(again.status == 1 && again.errors.contains("the file exists; --force replaces it"))
      let before = try Data(contentsOf: URL(filePath: file))
      #expect(
        [0, 3].contains(try Tool("calibrate", traces, "--degree", "1", "--output", file, "--force").status))
      #expect(try Data(contentsOf: URL(filePath: file)) == before, "the same traces give the same file")

      let other = folder.appending(path: "other.h5").path
      #expect(
        try Tool("record", "--output", other, "--scene", "7", "--steps", "5", "--taps", "hidden.0,hidden.6")
          .status == 0)
      let refused = try Tool("replay", other, "--policy", "magcache:calibration=\(file)")
      #expect(refused.status == 1)
      #expect(
        refused.errors.contains(
          "this recording has 5 calls instead of 7; calibrate anew, or set elsewhere=allow"))
      let allowed = try Tool("replay", other, "--policy", "magcache:calibration=\(file),elsewhere=allow")
      #expect(allowed.status == 0, "\(allowed.errors)")
      #expect(allowed.errors.contains("was made elsewhere: this recording has 5 calls instead of 7"))
    }
  }

  @Test("formats: json holds the whole calibration, csv one row for every number")
  func formats() throws {
    let arguments = ["calibrate", "traces/guided-8.h5", "--computed", "4"]
    let json = try Tool(arguments + ["--format", "json"])
    #expect(json.status == 0, "\(json.errors)")
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let calibration = try #require(document["calibration"] as? [String: Any])
    #expect((calibration["lemica"] as? [String: Any])?["form"] as? String == "open-loop")
    #expect((document["timetables"] as? [[String: Any]])?.count == 2)
    let csv = try Tool(arguments + ["--format", "csv"])
    // 8 calls: 28 edges over predicted calls up to the last call, for each of the two methods.
    #expect(csv.output.split(separator: "\n").count == 1 + 2 * 28)
    #expect(json.errors.contains("teacache is left out: this needs the tap modulated"))
    // A method that is named twice counts once.
    let edges = ["calibrate", "traces/guided-8.h5", "--format", "csv", "--method", "lemica"]
    let once = try Tool(edges)
    #expect(once.output.split(separator: "\n").count == 1 + 28)
    #expect(try Tool(edges + ["--method", "lemica"]).output == once.output)
    // 7 calls after the first: two edges over at most 2 predicted calls come to 6.
    let few = try Tool("calibrate", "traces/guided-8.h5", "--longest", "2", "--computed", "3,4")
    #expect(
      few.errors.contains(
        "lemica has no timetable of 3 computed calls of 8: the first and the last are computed, and at most 2 in a row "
          + "predicted, so that it takes 4 to 8"), "\(few.errors)")
    #expect(!few.errors.contains("of 4 computed calls"))
    // A third of 8 calls, 2, is too few for such edges; so is a half of them for edges over one.
    try withTemporaryDirectory { folder in
      for (longest, fewest) in [("2", 4), ("1", 5)] {
        let file = folder.path + "/\(longest).json"
        let run = try Tool("calibrate", "traces/guided-8.h5", "--longest", longest, "--output", file)
        #expect([0, 3].contains(run.status) && !run.errors.contains("has no timetable"), "\(run.errors)")
        for method in ["lemica", "meancache"] {
          let replay = try Tool(
            "replay", "traces/guided-8.h5", "--policy", "\(method):calibration=\(file)", "--no-bounds",
            "--columns",
            "computed_calls,policy", "--format", "csv")
          #expect(replay.status == 0 && replay.output.contains("calls=\(fewest)"), "\(replay.errors)")
        }
      }
    }
  }

  @Test("a trace with the taps of no method is refused")
  func nothing() throws {
    try withTemporaryDirectory { folder in
      let trace = folder.appending(path: "a.h5").path
      #expect(try Tool("record", "-o", trace, "--steps", "3", "--taps", "hidden.0").status == 0)
      let run = try Tool("calibrate", trace)
      #expect(run.status == 1)
      #expect(run.errors.contains("nothing can be calibrated: the taps of no method were recorded"))
    }
  }

  @Test(
    "wrong usage is told",
    arguments: [
      (["--degree", "0"], "--degree is 0; it must be from 1 to 10"),
      (["--alpha", "x"], "--alpha is x; it takes numbers of at least 0 joined by commas"),
      (["--computed", "3,,4"], "--computed is 3,,4; it takes whole numbers of at least 1 joined by commas"),
      (["--computed", "3,99"], "--computed is 99; the recordings have 8 calls"),
      (["--site", "nowhere"], "--site is nowhere; it takes output, gain"),
      (["--method", "tea"], "The value 'tea' is invalid"),
      (["--calls", "28", "--format", "json"], "--calls shows ratios in table and markdown"),
      (["--calls", "28", "--method", "lemica"], "--method leaves magcache out"),
    ])
  func usage(arguments: [String], message: String) throws {
    let run = try Tool(["calibrate", "traces/guided-8.h5"] + arguments)
    #expect(run.status == 64)
    #expect(run.output.isEmpty)
    #expect(run.errors.contains(message), "\(run.errors)")
  }
}
