import Foundation
import TestSupport
import Testing

/// `wctrace tune --study` and `wctrace study` on the bundled traces.
@Suite struct StudyToolTests {
  private static let search = [
    "tune", "traces", "--policy", "worldcache:warmup=3|4,n-max=2..5", "--policy", "interval:every=2..4",
  ]

  private func export(_ path: String) throws -> String {
    let run = try Tool("study", "export", path, "--format", "csv")
    #expect(run.status == 0, "\(run.errors)")
    return run.output
  }

  @Test("killed at random moments and gone on with, a study equals the one that was not")
  func kills() throws {
    try withTemporaryDirectory { folder in
      let whole = folder.appending(path: "whole.study").path
      let start = ContinuousClock.now
      let plain = try Tool(Self.search + ["--study", whole])
      let length = start.duration(to: .now) / .milliseconds(1)
      #expect(plain.status == 0, "\(plain.errors)")
      let rows = try export(whole)
      #expect(rows.split(separator: "\n").count > 100)
      #expect(try Tool(Self.search).output == plain.output)

      let seed = UInt64(ProcessInfo.processInfo.environment["WCTRACE_KILL_SEED"] ?? "") ?? 20
      var generator = Dice(seed: seed)
      var kills = 0
      for round in 0..<5 {
        let killed = folder.appending(path: "killed-\(round).study").path
        for _ in 0..<4 {
          let process = Process()
          process.executableURL = Tool.executable
          process.arguments = Self.search + ["--study", killed]
          process.currentDirectoryURL = Tool.repository
          (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
          try process.run()
          Thread.sleep(forTimeInterval: Double.random(in: 0...(length / 2000), using: &generator))
          if process.isRunning { kill(process.processIdentifier, SIGKILL) }
          process.waitUntilExit()
          if process.terminationReason == .uncaughtSignal { kills += 1 }
        }
        let resumed = try Tool(Self.search + ["--study", killed])
        #expect(resumed.status == 0, "seed \(seed), round \(round): \(resumed.errors)")
        #expect(try export(killed) == rows, "seed \(seed), round \(round)")
        #expect(resumed.output == plain.output, "seed \(seed), round \(round)")
      }
      #expect(kills >= 10, "seed \(seed): \(kills) of 20 were still running")
    }
  }

  @Test("seven shards merged equal the whole, and are shown without the traces")
  func shards() throws {
    try withTemporaryDirectory { folder in
      let (whole, merged) = (folder.appending(path: "w.study").path, folder.appending(path: "m.study").path)
      let plain = try Tool(Self.search + ["--study", whole])
      let parts = try (1...7).map { place in
        let part = folder.appending(path: "\(place).study").path
        let run = try Tool(Self.search + ["--study", part, "--shard", "\(place)/7"])
        #expect(run.status == 0 && run.output.isEmpty, "\(run.errors)")
        return part
      }
      let some = try Tool(["study", "merge"] + parts.dropFirst() + ["-o", merged])
      #expect(some.status == 3, "\(some.errors)")
      let run = try Tool(["study", "merge"] + parts + ["-o", merged])
      #expect(run.status == 1 && run.errors.contains("the file exists; --force overwrites it"))
      let forced = try Tool(["study", "merge"] + parts + ["-o", merged, "--force"])
      #expect(forced.status == 0, "\(forced.errors)")
      #expect(try export(merged) == export(whole))
      #expect(try Tool("study", "show", merged).output == plain.output)
      #expect(try Tool("study", "show", parts[0]).status == 3)
    }
  }

  @Test("another study, a shard without one and a file that is none are refused")
  func refused() throws {
    try withTemporaryDirectory { folder in
      let path = folder.appending(path: "a.study").path
      let arguments = ["tune", "traces/room-20.h5", "--policy", "interval:every=2..4", "--study", path]
      #expect(try Tool(arguments).status == 0)
      let other = try Tool(arguments + ["--policy", "taylor"])
      #expect(other.status == 1)
      #expect(
        other.errors.contains("this is another study: it is of 3 settings, not of 4; name another file"))
      let shard = try Tool("tune", "traces/room-20.h5", "--shard", "1/2")
      #expect(shard.status == 64 && shard.errors.contains("--shard needs --study"))
      #expect(try Tool(arguments + ["--shard", "3/2"]).status == 64)
      let text = try Tool("study", "show", "README.md")
      #expect(text.status == 1 && text.errors.contains("README.md: this is no study"), "\(text.errors)")
      let choice = try Tool("study", "show", path, "--show", "choice", "--format", "csv")
      #expect(choice.status == 64 && choice.errors.contains("--show choice needs --speedup or --max-error"))
      let modality = try Tool("study", "show", path, "--by-modality")
      #expect(modality.status == 64 && modality.errors.contains("holds no errors by modality"))
    }
  }
}
