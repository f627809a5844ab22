import Foundation
import Testing

/// The built tool on a bundled trace, whole outputs compared.
@Suite struct GoldenTests {
  static let trace = "traces/room-20.h5"
  static let policies = [
    "--policy", "worldcache:eta=0.4,n-max=3,warmup=4", "--policy", "taylor:interval=3,order=1", "--policy",
    "interval:every=3",
  ]

  @Test(
    "output equals the golden file",
    arguments: [
      ("info.txt", ["info", trace]),
      ("replay.txt", ["replay", trace] + policies + ["--growth", "--tokens", "5", "--decisions"]),
      ("replay.csv", ["replay", trace] + policies + ["--format", "csv"]),
      ("replay.md", ["replay", trace] + policies + ["--format", "markdown"]),
      (
        "replay.json",
        [
          "replay", trace, "--policy", "worldcache:eta=0.4,n-max=3,warmup=4", "--no-bounds", "--format",
          "json",
        ]
      ),
      ("inspect.txt", ["inspect", trace]),
      ("inspect-map.txt", ["inspect", trace, "--map", "--call", "10", "--modality", "rgb", "--frame", "3"]),
      ("inspect.json", ["inspect", trace, "--call", "10", "--modality", "disparity", "--format", "json"]),
      ("schedule.txt", ["schedule", trace, "--policy", "worldcache:eta=0.4,n-max=3,warmup=4"]),
      (
        "replay-guided.txt",
        [
          "replay", "traces/guided-8.h5", "--policy", "worldcache:n-max=2,warmup=3", "--policy",
          "taylor:interval=3,order=1,first-enhance=2", "--decisions",
        ]
      ),
      ("info-guided.txt", ["info", "traces/guided-8.h5"]),
      ("policies.txt", ["policies"]),
      ("policies.md", ["policies", "--format", "markdown"]),
      ("help.txt", ["--help"]),
      ("help-record.txt", ["record", "--help"]),
      ("verify.txt", ["verify", trace]),
      ("help-recover.txt", ["recover", "--help"]),
      ("help-replay.txt", ["replay", "--help"]),
      ("help-tune.txt", ["tune", "--help"]),
      (
        "tune.txt",
        [
          "tune", trace, "--policy", "worldcache:warmup=4,n-max=2|3", "--policy",
          "taylor:interval=2..4,order=0|1", "--speedup", "2", "--cost", "calls", "--confirm", trace,
        ]
      ),
      ("help-convert.txt", ["convert", "--help"]),
      (
        "convert.txt",
        [
          "convert", "dbcache:fn=1,threshold=0.12,mask=fast,predictor=taylor", "--to", "cache-dit", "--calls",
          "10",
        ]
      ),
      ("help-live.txt", ["live", "--help"]),
      ("help-validate.txt", ["validate", "--help"]),
    ])
  func output(name: String, arguments: [String]) throws {
    let run = try Tool(arguments)
    #expect(run.status == 0, "\(run.errors)")
    try expectGolden(run.output, name)
  }

  @Test("a reader of a bundled trace says what its .json says", arguments: ["room-20", "guided-8"])
  func info(name: String) throws {
    let run = try Tool("info", "traces/\(name).h5", "--format", "json")
    #expect(run.status == 0, "\(run.errors)")
    let expected = try String(
      contentsOf: Tool.repository.appending(path: "traces/\(name).json"), encoding: .utf8)
    #expect(run.output == expected)
  }

  @Test("two runs print the same bytes")
  func repeatable() throws {
    let arguments = ["replay", Self.trace, "--format", "json"] + Self.policies
    #expect(try Tool(arguments).output == Tool(arguments).output)
  }

  /// Not from the golden file: WorldCache computes its warm-up (4) and the last call, and its ideal, which
  /// knows the future, is never worse under the error that it minimises.
  @Test("the ideal stands below the policy it belongs to")
  func ideal() throws {
    struct Row: Decodable {
      var policy: String
      var computedCalls: Int
      var streakError: Double
      var directError: Double
    }
    struct Document: Decodable { var replays: [Row] }
    let run = try Tool(["replay", Self.trace, "--format", "json"] + Self.policies)
    let rows = try run.decoded(Document.self).replays
    #expect(rows[0].policy == "always")
    #expect(rows[0].directError == 0)
    #expect(rows[0].computedCalls == 20)
    for index in stride(from: 1, to: rows.count - 1, by: 2) {
      #expect(rows[index + 1].policy.hasPrefix("ideal:"))
      #expect(rows[index + 1].computedCalls == rows[index].computedCalls)
      #expect(rows[index + 1].streakError <= rows[index].streakError * (1 + 1e-9))
    }
  }
}
