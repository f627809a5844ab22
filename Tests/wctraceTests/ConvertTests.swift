import Foundation
import TestSupport
import Testing

@Suite struct ConvertTests {
  @Test("a file is written, read back, and replayed by what is printed")
  func thereAndBack() throws {
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "cache.json").path
      let policy = "taylor:variant=diffusers,interval=4,site=output"
      let written = try Tool("convert", policy, "--to", "diffusers", "-o", file)
      #expect(written.status == 0, "\(written.errors)")
      #expect(written.errors.contains("pass taylor_factors_dtype=torch.float32"))
      let read = try Tool("convert", file)
      #expect(read.output == "taylor:variant=diffusers,interval=4,order=1,before=3,after=0,site=output\n")
      #expect(read.errors.contains("read as a file of diffusers"))
      // From one target to another: what diffusers computes, as a plain list of 8 calls, and how it predicts.
      let list = try Tool("convert", file, "--to", "json", "--calls", "8")
      #expect(
        list.output == """
          {
            "settings": {
              "predictor": "taylor",
              "order": 1,
              "first-enhance": 1,
              "site": "output"
            },
            "computed": [0, 1, 2, 4]
          }

          """)
      // Nothing is overwritten unasked.
      let again = try Tool("convert", policy, "--to", "diffusers", "-o", file)
      #expect(again.status == 1 && again.errors.contains("the file exists; pass --force to replace it"))
      #expect(try Tool("convert", policy, "--to", "diffusers", "-o", file, "--force").status == 0)
    }
  }

  @Test("decisions of a trace, and ideals, become schedules")
  func fromTrace() throws {
    let trace = "traces/room-20.h5"
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "best.csv").path
      let written = try Tool(
        "convert", "ideal:calls=7,predictor=hold", "--to", "csv", "--trace", trace, "-o", file)
      #expect(written.status == 0, "\(written.errors)")
      let rows = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
      #expect(rows.count == 21 && rows.count { $0.hasSuffix(",1") } == 7)
      let replays = try ["ideal:calls=7,predictor=hold", "schedule:file=\(file)"].map {
        try Tool("schedule", trace, "--policy", $0, "--format", "csv").output.split(separator: "\n")
      }
      #expect(replays[0].count > 1)
      let decisions = replays.map { rows in rows.filter { $0.contains("ideal") || $0.contains("schedule") } }
      #expect(!decisions[0].isEmpty && !decisions[1].isEmpty)
    }
  }

  @Test("a file that names every call itself needs neither a trace nor a number of calls")
  func ownCalls() throws {
    try withTemporaryDirectory { directory in
      let (fitted, plain) = (directory.path + "/fitted.json", directory.path + "/plain.json")
      let search = ["schedule", "traces/room-20.h5", "--calls", "7", "--save"]
      #expect(try Tool(search + [fitted, "--fit"]).status == 0)
      #expect(try Tool(search + [plain]).status == 0)
      for policy in ["fitted:file=\(fitted)", "schedule:file=\(plain)"] {
        let own = try Tool("convert", policy, "--to", "csv")
        #expect(own.status == 0, "\(own.errors)")
        // As decided on the trace that the file was made of.
        #expect(
          try Tool("convert", policy, "--to", "csv", "--trace", "traces/room-20.h5").output == own.output)
        #expect(own.output.split(separator: "\n").count { $0.hasSuffix(",1") } == 7)
        let other = try Tool("convert", policy, "--to", "csv", "--calls", "21")
        #expect(other.status == 1 && other.errors.contains("20 calls"), "\(other.errors)")
      }
    }
  }

  @Test("a schedule made elsewhere stays so when it is converted with a trace, and that is said")
  func elsewhere() throws {
    try withTemporaryDirectory { directory in
      for options in [[], ["--fit"]] {
        let file = directory.path + "/found\(options.count).json"
        let search = ["schedule", "traces/room-20.h5", "--calls", "7", "--save", file] + options
        #expect(try Tool(search).status == 0)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let other = text.replacing(/"model": "[^"]*"/, with: "\"model\": \"elsewhere\"")
        #expect(other != text)
        try other.write(toFile: file, atomically: true, encoding: .utf8)
        let policy = (options.isEmpty ? "schedule" : "fitted") + ":file=\(file)"
        for trace in [[], ["--trace", "traces/room-20.h5"]] {
          let run = try Tool(["convert", policy, "--to", "json"] + trace)
          #expect(run.status == 0 && run.output.contains("\"model\": \"elsewhere\""), "\(run.errors)")
          #expect(run.errors.contains("was made elsewhere: this recording has model") == !trace.isEmpty)
        }
      }
    }
  }

  @Test("wrong usage and what cannot be said are told in one sentence")
  func usage() throws {
    let cases: [([String], Int32, String)] = [
      (["worldcache", "-o", "x.env"], 64, "--to is missing"),
      (["worldcache", "--to", "diffuser"], 1, "there is no target 'diffuser' (did you mean 'diffusers'?)"),
      (["interval", "--to", "json", "--calls", "0"], 64, "--calls is 0; it must be from 1 to 100000"),
      (
        ["interval", "--to", "json", "--calls", "8", "--trace", "traces/room-20.h5"], 64,
        "--trace tells the number of calls; leave --calls out"
      ),
      (["interval", "--to", "json"], 1, "json wants to know the number of calls: give --calls or --trace"),
      (["worldcache", "--to", "json", "--calls", "9"], 1, "give --trace to take its decisions there"),
      (["worldcache:warmup=2", "--to", "worldcache"], 1, "no word for warmup=2 of worldcache"),
      (["nothing.yaml"], 1, "nothing.yaml: there is no such file"),
    ]
    for (arguments, status, message) in cases {
      let run = try Tool(["convert"] + arguments)
      #expect(
        run.status == status && run.errors.contains(message), "\(arguments): \(run.status) \(run.errors)")
      #expect(run.output.isEmpty)
    }
  }
}
