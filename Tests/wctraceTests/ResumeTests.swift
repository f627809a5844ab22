import Foundation
import TestSupport
import Testing
import Trace

/// Many rollouts recorded by one command, interrupted and resumed.
@Suite(.serialized) struct ResumeTests {
  private static let names = [7, 8].flatMap { scene in [0, 1].map { "scene-\(scene)-noise-\($0).h5" } }

  private func arguments(_ folder: String) -> [String] {
    [
      "record", "-o", folder, "--scenes", "7..8", "--noise", "0,1", "--steps", "3", "--taps", "latent,output",
      "--threads", "1", "--format", "csv",
    ]
  }

  private func outcomes(_ run: Tool) -> [String] {
    run.output.split(separator: "\n").dropFirst().map { String($0.split(separator: ",").last ?? "") }
  }

  @Test("killed and resumed, the set is the one of an uninterrupted recording")
  func resumed() throws {
    try withTemporaryDirectory { directory in
      let whole = directory.path + "/whole"
      #expect(try Tool(arguments(whole)).status == 0)
      let folder = directory.path + "/killed"
      // Killed in the midst of the third rollout, after 7 of 12 calls.
      let process = try Tool.recording(arguments(folder), acknowledged: 7)
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      try Data().write(to: URL(filePath: "\(folder)/\(Self.names[2]).partial"))

      let refused = try Tool(arguments(folder))
      #expect(refused.status == 1)
      #expect(refused.errors.contains("pass --resume to keep it"), "\(refused.errors)")
      let other = try Tool(arguments(folder) + ["--resume", "--shift", "5"])
      #expect(other.status == 1)
      #expect(other.errors.contains("shift is 3.0 there and 5.0 here"), "\(other.errors)")
      let run = try Tool(arguments(folder) + ["--resume"])
      #expect(run.status == 0, "\(run.errors)")
      #expect(outcomes(run).prefix(2) == ["kept", "kept"])
      #expect(outcomes(run).last == "recorded")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == Self.names)
      for name in Self.names {
        let (got, expected) = (
          try TraceReader(path: "\(folder)/\(name)"), try TraceReader(path: "\(whole)/\(name)")
        )
        _ = try TraceVerification(of: got)
        for call in 0..<3 {
          for tap in expected.taps {
            #expect(try got.feature(tap, call: call) == expected.feature(tap, call: call))
          }
        }
        #expect(try got.final(chunk: 0) == expected.final(chunk: 0))
      }
      // A second time nothing is left to do.
      #expect(try outcomes(Tool(arguments(folder) + ["--resume"])) == ["kept", "kept", "kept", "kept"])
    }
  }

  @Test("info has one row per trace of a set, and the facts of one in front of its taps")
  func info() throws {
    let set = try Tool("info", "traces", "--format", "csv")
    #expect(set.status == 0, "\(set.errors)")
    let rows = set.output.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    #expect(rows.map { $0[0] } == ["trace", "traces/guided-8.h5", "traces/room-20.h5"])
    #expect(Set(rows.map(\.count)) == [20])
    // 20 calls at two taps, none left out; the digest is that of the golden file of `info`.
    #expect(Array(rows[2][4...5]) == ["20", "20"])
    #expect(Array(rows[2][11...14]) == ["40", "0", "0", "0"])
    #expect(rows[2].last == "21e16d1eae636337")
    let one = try Tool("info", "traces/room-20.h5", "--format", "csv")
    let lines = one.output.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
    #expect(Array(lines[0].prefix(3)) == ["model", "digest", "weights_digest"])
    #expect(Array(lines[0].suffix(2)) == ["stored_megabytes", "compression_ratio"])
    #expect(lines[1][1] == "21e16d1eae636337")
    #expect(lines.count == 3)
    try withTemporaryDirectory { folder in
      let empty = try Tool("info", folder.path)
      #expect(empty.status == 1)
      #expect(empty.errors == "Error: \(folder.path): the folder has no trace (.h5)\n")
      try Data().write(to: folder.appendingPathComponent("x.h5.wcj"))
      let journal = try Tool("info", folder.path, "traces/room-20.h5")
      #expect(journal.status == 0)
      #expect(
        journal.errors
          == "\(folder.path)/x.h5.wcj: left out, the recording is running or was interrupted\n")
    }
  }

  @Test("selected calls and tokens are recorded, and replay says what is missing")
  func selections() throws {
    try withTemporaryDirectory { directory in
      let path = directory.path + "/x.h5"
      let base = ["record", "-o", path, "--steps", "4", "--taps", "output", "--threads", "1", "--force"]
      #expect(try Tool(base + ["--tokens", "modality=rgb,frame=0,row=2..3"]).status == 0)
      #expect(try TraceReader(path: path).layout(of: .output).tokens.count == 24)
      #expect(try Tool("replay", path, "--policy", "interval").status == 0)
      #expect(try Tool(base + ["--calls", "0../2"]).status == 0)
      #expect(
        try TraceReader(path: path).states(of: .output) == [.fresh, .absent, .fresh, .absent])
      let run = try Tool("replay", path, "--policy", "interval")
      #expect(run.status == 1)
      #expect(
        run.errors.contains(
          "call 1: replay needs the tap output at every call, and it was not recorded at this one"),
        "\(run.errors)")
      for (option, words) in [
        ("modality=audio", "no token has the modality 'audio'"), ("frame=9", "has no token with frame=9"),
        ("rows=1", "and no 'rows'"),
      ] {
        let run = try Tool(base + ["--tokens", option])
        #expect(run.status == 64)
        #expect(run.errors.contains(words), "\(run.errors)")
      }
    }
  }

  @Test("a recording that cannot fit is refused before its first call")
  func space() throws {
    try withTemporaryDirectory { directory in
      let run = try Tool(
        "record", "-o", directory.path + "/set", "--scenes", "0..99999", "--steps", "1000", "--chunks", "64")
      #expect(run.status == 1)
      #expect(run.errors.contains(" MB are free; pass --no-space-check"), "\(run.errors)")
    }
  }
}
