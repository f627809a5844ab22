import Foundation
import TestSupport
import Testing

/// Every command that runs policies says where their numbers were made for other recordings, and refuses where `replay`
/// does.
@Suite struct ElsewhereTests {
  private static let trace = "traces/room-20.h5"

  /// What a file of a schedule says it was found on.
  private enum Origin {
    case home
    /// A model of another name: told.
    case model
    /// As many calls of two branches: refused.
    case branches
  }

  private func withSchedule(
    _ origin: Origin, of trace: String = Self.trace, calls: Int = 7, _ body: (_ file: String) throws -> Void
  ) throws {
    try withTemporaryDirectory { folder in
      let file = folder.path + "/found.json"
      let search = ["schedule", trace, "--policy", "interval", "--calls", "\(calls)", "--save", file]
      let found = try Tool(search)
      #expect(found.status == 0, "\(found.errors)")
      let text = try String(contentsOfFile: file, encoding: .utf8)
      let other =
        switch origin {
        case .home: text
        case .model: text.replacing(/"model": "[^"]*"/, with: "\"model\": \"elsewhere\"")
        case .branches: text.replacing("\"branches\": 1", with: "\"branches\": 2")
        }
      #expect((other == text) == (origin == .home))
      try other.write(toFile: file, atomically: true, encoding: .utf8)
      try body(file)
    }
  }

  private func remark(_ file: String, _ trace: String = Self.trace) -> String {
    "\(trace), schedule: the schedule \(file) was made elsewhere: this recording has model wctrace-world-1 instead of "
      + "elsewhere\n"
  }

  private func count(_ remark: String, in text: String) -> Int {
    text.components(separatedBy: remark).count - 1
  }

  /// With the policy to be put after.
  private static let commands: [[String]] = [
    ["replay", trace, "--no-bounds"],
    ["schedule", trace],
    ["estimate", trace],
    ["tune", trace, "--cost", "calls"],
    ["transfer", "--from", trace, "--to", "./" + trace, "--speedup", "1", "--cost", "calls"],
  ]

  @Test("it is said once, and at home there is nothing to say", arguments: commands)
  func told(command: [String]) throws {
    for origin in [Origin.home, .model] {
      try withSchedule(origin) { file in
        let run = try Tool(command + ["--policy", "schedule:file=\(file)"])
        #expect(run.status == 0 && run.output.contains("schedule:file="), "\(run.errors)")
        #expect(count(remark(file), in: run.errors) == (origin == .model ? 1 : 0), "\(run.errors)")
        #expect(count("elsewhere", in: run.errors) == (origin == .model ? 2 : 0), "\(run.errors)")
      }
    }
  }

  @Test("what replay refuses is refused, and used where that is allowed", arguments: commands)
  func refused(command: [String]) throws {
    try withSchedule(.branches) { file in
      let sentence = "this recording has guidance branches 1 instead of 2"
      let run = try Tool(command + ["--policy", "schedule:file=\(file)"])
      #expect(run.status == 1 && run.output.isEmpty, "\(run.output)")
      #expect(run.errors.contains("the schedule \(file) is not valid here: \(sentence); search anew, or set"))
      let allowed = try Tool(command + ["--policy", "schedule:file=\(file),elsewhere=allow"])
      #expect(allowed.status == 0, "\(allowed.errors)")
      #expect(allowed.errors.contains("the schedule \(file) was made elsewhere: \(sentence)\n"))
    }
  }

  @Test("several traces stand in one sentence")
  func several() throws {
    try withSchedule(.model) { file in
      try withTemporaryDirectory { folder in
        let copies = try ["b", "a", "d", "c"].map { name in
          let copy = folder.path + "/\(name).h5"
          try FileManager.default.copyItem(
            at: Tool.repository.appending(path: Self.trace), to: URL(filePath: copy))
          return copy
        }
        for command in ["replay", "estimate"] {
          let two = try Tool([command] + copies.prefix(2) + ["--policy", "schedule:file=\(file)"])
          #expect(
            count(remark(file, "\(folder.path)/a.h5, \(folder.path)/b.h5"), in: two.errors) == 1,
            "\(two.errors)")
          let all = try Tool(command, folder.path, "--policy", "schedule:file=\(file)")
          #expect(
            count(remark(file, "\(folder.path)/a.h5, \(folder.path)/b.h5 and 2 more"), in: all.errors) == 1,
            "\(all.errors)")
        }
      }
    }
  }

  @Test("a search over a calibrated threshold says it once, and of held-out traces too")
  func search() throws {
    try withTemporaryDirectory { folder in
      let (file, trace) = (folder.path + "/model.json", folder.path + "/trace.h5")
      let recorded = try Tool(
        "record", "-o", trace, "--scene", "3", "--steps", "6", "--threads", "1", "--taps",
        "hidden.0,hidden.6,output")
      #expect(recorded.status == 0, "\(recorded.errors)")
      let made = try Tool("calibrate", trace, "--method", "magcache", "--output", file)
      #expect([0, 3].contains(made.status), "\(made.errors)")
      let text = try String(contentsOfFile: file, encoding: .utf8)
      try text.replacing(/"model": "[^"]*"/, with: "\"model\": \"elsewhere\"")
        .write(toFile: file, atomically: true, encoding: .utf8)
      let held = folder.path + "/held.h5"
      try FileManager.default.copyItem(at: URL(filePath: trace), to: URL(filePath: held))
      let run = try Tool(
        "tune", trace, "--policy", "magcache:calibration=\(file),elsewhere=allow", "--cost", "calls",
        "--metric", "worst_call", "--confirm", held)
      #expect(run.status == 0, "\(run.errors)")
      for path in [trace, held] {
        let sentence =
          "\(path), magcache: the calibration \(file) was made elsewhere: this recording has model wctrace-world-1"
        #expect(count(sentence, in: run.errors) == 1, "\(run.errors)")
      }
      let refused = try Tool("tune", trace, "--policy", "magcache:calibration=\(file)", "--cost", "calls")
      #expect(refused.status == 1 && refused.errors.contains("or set elsewhere=allow"), "\(refused.errors)")
    }
  }

  @Test("a published timetable that is stretched is told by all as by replay")
  func stretched() throws {
    let trace = "traces/guided-8.h5"
    let sentence = "\(trace), meancache: the timetable is for 50 calls and is stretched to 8\n"
    for command in [
      ["replay", trace, "--no-bounds"], ["schedule", trace], ["tune", trace, "--cost", "calls"],
    ] {
      let run = try Tool(command + ["--policy", "meancache"])
      #expect(run.status == 0 && count(sentence, in: run.errors) == 1, "\(run.errors)")
    }
  }

  @Test("a timetable that is carried to another number of calls says whose it is")
  func carried() throws {
    try withSchedule(.home) { file in
      let run = try Tool(
        "transfer", "--from", Self.trace, "--to", "traces/guided-8.h5", "--policy", "schedule:file=\(file)",
        "--speedup", "1", "--cost", "calls", "--format", "csv")
      // What the target would choose itself is refused there, which is a finding.
      #expect(run.status == 3 && run.output.contains("mask:calls=0"), "\(run.errors)")
      let sentence =
        "traces/guided-8.h5, schedule: the schedule \(file) was made elsewhere: this recording has guidance branches 2 "
        + "instead of 1, 8 calls instead of 20"
      #expect(count(sentence, in: run.errors) == 1, "\(run.errors)")
    }
  }

  @Test("lint lists it among its findings")
  func lint() throws {
    try withSchedule(.model) { file in
      let run = try Tool("lint", Self.trace, "--policy", "schedule:file=\(file)", "--format", "csv")
      #expect(run.status == 3 && run.output.contains("calibrated-elsewhere,"), "\(run.errors)")
      #expect(run.output.contains("this recording has model wctrace-world-1 instead of elsewhere"))
    }
  }

  @Test("validate and live say it before anything runs, and of two traces beside the table")
  func validate() throws {
    try withTemporaryDirectory { folder in
      let trace = folder.path + "/uncached.h5"
      let options = ["--scene", "3", "--steps", "5", "--threads", "1"]
      let recorded = try Tool(["record", "-o", trace, "--taps", "latent,output"] + options)
      #expect(recorded.status == 0, "\(recorded.errors)")
      try withSchedule(.model, of: trace, calls: 3) { file in
        let policy = "schedule:file=\(file)"
        let run = try Tool("validate", trace, "--policy", policy)
        #expect(run.status == 0 && count(remark(file, trace), in: run.errors) == 1, "\(run.errors)")
        let cached = folder.path + "/cached"
        let live = try Tool(["live", "--policy", policy, "--record", cached] + options)
        let unnamed = String(remark(file, "x").dropFirst("x, ".count))
        #expect(live.status == 0 && count(unnamed, in: live.errors) == 1, "\(live.errors)")
        let pair = try Tool(
          "validate", "--uncached", trace, "--cached", cached + "/scene-3-noise-0.h5", "--policy", policy)
        #expect(pair.status == 0 && count(remark(file, trace), in: pair.errors) == 1, "\(pair.errors)")
      }
      try withSchedule(.branches, of: trace, calls: 3) { file in
        let run = try Tool("validate", trace, "--policy", "schedule:file=\(file)")
        #expect(
          run.status == 1 && run.errors.contains("is not valid here: this recording has guidance branches 1"))
      }
    }
  }
}
