import Foundation
import TestSupport
import Testing

/// One sentence that names the thing and what is allowed, exit code 1 (64 for usage), nothing left behind.
@Suite struct BadInputTests {
  static let trace = "traces/room-20.h5"

  @Test(
    "a bad policy is named with what is allowed",
    arguments: [
      ("worldcach", "there is no policy 'worldcach' (did you mean 'worldcache'?)"),
      ("taylor:intervall=3", "policy 'taylor' has no parameter 'intervall' (did you mean 'interval'?)"),
      (
        "worldcache:p-stable=2",
        "p-stable=2 of policy 'worldcache' is not allowed; it takes a number from 0 to 1"
      ),
      (
        "interval:every=0",
        "every=0 of policy 'interval' is not allowed; it takes a whole number of at least 1"
      ),
      ("worldcache:p-stable=0.7", "p-stable=0.7 of policy 'worldcache' is above p-chaotic=0.6"),
      ("worldcache:eta", "'eta' in 'worldcache:eta' is not key=value"),
      ("ideal", "policy 'ideal' needs calls: a whole number of at least 1"),
      ("ideal:calls=21", "asks for 21 computed calls; the chunk has 20"),
      ("worldcache:warmup=30", "needs at least 32 calls in a chunk; this one has 20"),
    ])
  func policy(spec: String, message: String) throws {
    let run = try Tool("replay", Self.trace, "--policy", spec)
    #expect(run.status == 1)
    #expect(run.errors.contains(message), "\(run.errors)")
    #expect(run.output.isEmpty)
  }

  @Test("a missing file, a directory, another file and a truncated trace are told apart")
  func files() throws {
    try withTemporaryDirectory { directory in
      let folder = directory.path
      let text = folder + "/notes.h5"
      try "not a trace".write(toFile: text, atomically: true, encoding: .utf8)
      let whole = try Data(contentsOf: Tool.repository.appending(path: Self.trace))
      let cut = folder + "/cut.h5"
      try whole.prefix(whole.count / 2).write(to: URL(filePath: cut))
      let partial = folder + "/room.h5.partial"
      try whole.write(to: URL(filePath: partial))
      for (path, words) in [
        (folder + "/missing.h5", "missing.h5"), (folder, folder), (text, "notes.h5"), (cut, "cut.h5"),
        (partial, "never finished"),
      ] {
        // Of a folder, verify and info look at every trace.
        for command in ["info", "verify", "replay", "inspect", "schedule"]
        where path != folder || !["verify", "info"].contains(command) {
          let run = try Tool(command, path)
          #expect(run.status == 1, "\(command) \(path)")
          #expect(run.errors.contains(words), "\(run.errors)")
          #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
          #expect(run.output.isEmpty)
        }
      }
    }
  }

  @Test("verify names the first bad place")
  func damage() throws {
    try withTemporaryDirectory { directory in
      var bytes = try Data(contentsOf: Tool.repository.appending(path: Self.trace))
      let path = directory.path + "/damaged.h5"
      // The middle of the file lies within a tensor; opening does not read it.
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: URL(filePath: path))
      #expect(try Tool("info", path).status == 0)
      let run = try Tool("verify", path)
      #expect(run.status == 1)
      #expect(run.output.isEmpty)
      #expect(run.errors.contains("\(path) at /taps/"), "\(run.errors)")
      #expect(run.errors.contains(": the block at ["), "\(run.errors)")
      #expect(run.errors.contains("fails its checksum"), "\(run.errors)")
    }
  }

  @Test("verify says of each trace of a folder whether it is sound")
  func set() throws {
    try withTemporaryDirectory { directory in
      var bytes = try Data(contentsOf: Tool.repository.appending(path: Self.trace))
      try bytes.write(to: directory.appendingPathComponent("a.h5"))
      let sound = try Tool("verify", directory.path, "--format", "csv")
      #expect(sound.status == 0, "\(sound.errors)")
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: directory.appendingPathComponent("b.h5"))
      try bytes.write(to: directory.appendingPathComponent("c.h5.wcj"))
      let run = try Tool("verify", directory.path, "--format", "csv")
      #expect(run.status == 1)
      let rows = run.output.split(separator: "\n").map(String.init)
      #expect(rows[0] == "trace,outcome,calls,planned_calls,taps,tensors,raw_megabytes,digest")
      #expect(rows[1].hasPrefix("\(directory.path)/a.h5,sound,20,20,2,41,"))
      #expect(rows[1].hasSuffix(",21e16d1eae636337"))
      #expect(rows[2] == "\(directory.path)/b.h5,damaged,,,,,,")
      #expect(rows.count == 3)
      #expect(run.errors.contains("b.h5 at /taps/"), "\(run.errors)")
      #expect(run.errors.contains("c.h5.wcj: left out"), "\(run.errors)")
    }
  }

  @Test("wrong usage exits with 64")
  func usage() throws {
    for arguments in [
      ["replay"], ["record"], ["nonsense"], ["replay", Self.trace, "--tokens", "-1"],
      ["info", Self.trace, "--format", "yaml"], ["inspect", Self.trace, "--call", "1"],
      ["inspect", Self.trace, "--modality", "audio"], ["inspect", Self.trace, "--map"],
      ["record", "-o", "/tmp/x.h5", "--taps", "latent,blok.1"],
      ["record", "-o", "/tmp/x.h5", "--steps", "0"],
    ] {
      let run = try Tool(arguments)
      #expect(run.status == 64, "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty)
    }
  }

  @Test("a finished recording is not overwritten unless forced, and a failed one leaves nothing")
  func overwriting() throws {
    try withTemporaryDirectory { directory in
      let folder = directory.path
      let path = folder + "/small.h5"
      let arguments = ["record", "--output", path, "--steps", "3", "--taps", "output"]
      #expect(try Tool(arguments).status == 0)
      let first = try Data(contentsOf: URL(filePath: path))
      let again = try Tool(arguments)
      #expect(again.status == 1)
      #expect(again.errors.contains("--force"), "\(again.errors)")
      #expect(try Data(contentsOf: URL(filePath: path)) == first)
      #expect(try Tool(arguments + ["--force"]).status == 0)
      let lost = try Tool(["record", "--output", folder + "/no/such/folder/x.h5", "--steps", "3"])
      #expect(lost.status == 1)
      #expect(
        try Tool(["record", "--output", folder + "/y.h5", "--weights", folder + "/none.safetensors"]).status
          == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["small.h5"])
    }
  }

  @Test("a trace without the output tap is refused by name")
  func lackingTap() throws {
    try withTemporaryDirectory { directory in
      let folder = directory.path
      let path = folder + "/latent.h5"
      #expect(try Tool("record", "--output", path, "--steps", "3", "--taps", "latent").status == 0)
      let run = try Tool("replay", path, "--policy", "interval")
      #expect(run.status == 1)
      #expect(run.errors.contains("output") && run.errors.contains("latent"), "\(run.errors)")
    }
  }
}
