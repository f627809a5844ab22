import Foundation
import Testing

/// `wctrace live` on the bundled model; few steps, since each call takes its time.
@Suite struct LiveCommandTests {
  private static let short = ["live", "--scene", "1000000", "--steps", "6"]

  private struct Rollouts: Decodable {
    var rollouts: [Row]
    var summary: [Summary]
    var decisions: [Decided]?
    var chunks: [Part]?
  }
  private struct Row: Decodable {
    var scene: Int
    var computedCalls: Int
    var calls: Int
    var evaluations: Int
    var wallSeconds: Double
    var finalError: Double
    var psnrDb: Double?
    var ssim: Double
    var rgbErrorRatio: Double
    var peakCacheBytes: Int?
    var kind: String
    var method: String
  }
  private struct Summary: Decodable {
    var runs: Int
    var method: String
  }
  private struct Decided: Decodable {
    var decision: String
    var reason: String
  }
  private struct Part: Decodable {
    var chunk: Int
    var finalError: Double
    var method: String
  }

  private func decode(_ run: Tool) throws -> Rollouts {
    #expect(run.status == 0, "\(run.errors)")
    return try run.decoded(Rollouts.self)
  }

  @Test("policies and controls beside the uncached rollout")
  func methods() throws {
    let run = try Tool(
      Self.short + [
        "--policy", "always", "--policy", "mask:calls=0+2+5,predictor=hold", "--control", "calls=0+2+5",
        "--control", "steps=3",
        "--decisions", "--format", "json",
      ])
    let found = try decode(run)
    let rows = found.rollouts
    #expect(rows.map(\.kind) == ["uncached", "policy", "policy", "control", "control"])
    #expect(rows.map(\.computedCalls) == [6, 6, 3, 3, 3])
    #expect(rows.map(\.evaluations) == [6, 6, 3, 3, 3])
    // Nothing differs where everything is computed; what no number of decibels says is null.
    #expect(
      rows[1].finalError == 0 && rows[1].psnrDb == nil && rows[1].ssim == 1 && rows[1].rgbErrorRatio == 1)
    // Holding is Euler on the same noise levels: the same end but for rounding.
    #expect(rows[2].finalError > 0.01)
    #expect(abs(rows[2].finalError / rows[3].finalError - 1) < 1e-3)
    #expect(abs(rows[4].finalError / rows[3].finalError - 1) > 1e-3)
    #expect(rows[2].peakCacheBytes == 4 * 1152 * 48)
    #expect(found.decisions?.count == 6 && found.decisions![0].reason == "always")
    #expect(run.errors.contains("1 thread(s) each"))
  }

  @Test("several scenes and chunks, with one row each and a summary")
  func scenes() throws {
    let run = try Tool(
      "live", "--scenes", "1000000..1000001", "--steps", "3", "--chunks", "2", "--by", "chunk", "--policy",
      "interval:every=2|3", "--from-equal-context", "--format", "json")
    let found = try decode(run)
    #expect(
      found.rollouts.map(\.scene) == [1_000_000, 1_000_000, 1_000_000, 1_000_001, 1_000_001, 1_000_001])
    #expect(found.summary.map(\.runs) == [2, 2, 2])
    #expect(found.chunks?.count == 12)
    let chunk = try #require(found.chunks?.first { $0.chunk == 1 && $0.method.hasPrefix("interval") })
    #expect(chunk.finalError > 0)
  }

  @Test(
    "wrong arguments are named before anything runs",
    arguments: [
      (
        ["--control", "steps=0"],
        "steps=0 of --control steps=0 is not allowed; allowed is a number from 1 to 1000"
      ),
      (["--control", "solver=rk4"], "allowed is euler or ab2"),
      (["--control", "calls=1+2"], "calls in ascending order from 0, joined by +"),
      (["--control", "calls=0+7"], "names call 7; the rollout has 6"),
      (["--control", "steps=3,calls=0+1"], "gives noise levels twice"),
      (["--control", "speed=3"], "'speed' of --control speed=3 is not known"),
      (["--control", "nodes=no-such-file"], "the file of noise levels 'no-such-file' cannot be read"),
      (
        ["--policy", "ideal:calls=3"],
        "is made from a recorded rollout and cannot decide in one that is running"
      ),
      (["--policy", "interval:every=0"], "every=0 of policy 'interval' is not allowed"),
    ])
  func refused(arguments: [String], message: String) throws {
    let run = try Tool(Self.short + arguments)
    #expect(run.status == 1)
    #expect(run.errors.contains(message), "\(run.errors)")
    #expect(run.output.isEmpty)
  }

  @Test("every column is defined in docs/metrics.md")
  func documented() throws {
    let metrics = try FenceTests.read("docs/metrics.md")
    for extra in [[], ["--summary"]] {
      let run = try Tool(
        ["live", "--steps", "2", "--policy", "interval:every=2", "--format", "csv"] + extra)
      let keys = run.output.split(separator: "\n")[0].split(separator: ",").map(String.init)
      #expect(keys.count >= 15)
      for key in keys where key != "method" { #expect(metrics.contains("`\(key)`"), "\(key)") }
    }
  }

  @Test("a live run is recorded as what it is")
  func recorded() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "live-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let arguments = Self.short + ["--policy", "mask:calls=0+2+5", "--record", folder.path]
    let run = try Tool(arguments)
    #expect(run.status == 0, "\(run.errors)")
    let trace = folder.appending(path: "scene-1000000-noise-0.h5").path
    let replay = try Tool("replay", trace, "--policy", "interval")
    #expect(replay.status == 1)
    #expect(replay.errors.contains("replay needs an uncached recording, but output is predicted here"))
    #expect(try Tool("verify", trace).status == 0)
    #expect(try Tool(arguments).errors.contains("the file exists; pass --force to replace it"))
  }
}
