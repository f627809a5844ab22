import Foundation
import TestSupport
import Testing

/// `wctrace validate` on a short rollout of the bundled model.
@Suite struct ValidateCommandTests {
  private func withTrace(_ body: (_ folder: URL, _ trace: String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "validate-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let trace = folder.appending(path: "uncached.h5").path
    let run = try Tool(
      "record", "--output", trace, "--steps", "6", "--threads", "1", "--taps",
      "latent,modulated,hidden.0,hidden.6,output")
    #expect(run.status == 0, "\(run.errors)")
    try body(folder, trace)
  }

  private struct Report: Decodable {
    struct Row: Decodable {
      var estimate: String
      var rollouts: String
      var pairs: Int
    }
    struct Decisions: Decodable {
      var policy: String
      var runs: Int
      var partingRuns: Int
    }
    var errors: [Row]
    var decisions: [Decisions]
  }

  @Test("goes on with what a file of results holds, and reports from it")
  func resumes() throws {
    try withTrace { folder, trace in
      let results = folder.appending(path: "results.jsonl")
      let arguments = ["validate", trace, "--results", results.path, "--format", "json"]
      let first = try Tool(arguments + ["--policy", "interval:every=2"])
      #expect(first.status == 0, "\(first.errors)")
      let line = try Data(contentsOf: results)
      // A run that was killed leaves half a line.
      try (line + line.prefix(line.count / 2)).write(to: results)
      let second = try Tool(
        arguments + ["--policy", "interval:every=2|3", "--policy", "teacache:threshold=0.3"])
      #expect(second.status == 0, "\(second.errors)")
      #expect(second.errors.contains("1 results are there; 2 are to be made"))
      #expect(try Data(contentsOf: results).starts(with: line))
      let report = try second.decoded(Report.self)
      #expect(report.errors.map(\.estimate) == ["computed_calls", "mean_call", "streak", "direct"])
      // Three: the last layer takes what TeaCache predicts to the output.
      #expect(report.errors.last?.pairs == 3)
      #expect(
        report.decisions.map(\.policy) == ["interval", "teacache", "all", "all within 5 % of uncached"])
      #expect(report.decisions[0].partingRuns == 0)
      let again = try Tool("validate", "--results", results.path, "--format", "json")
      #expect(again.output == second.output)
    }
  }

  @Test("a scene that moves more on its way than those the feedback was fitted on is told and shown apart")
  func beyondTheFit() throws {
    try withTemporaryDirectory { folder in
      func path(_ name: String) -> String { folder.appending(path: name).path }
      func run(_ arguments: String...) throws -> Tool {
        let run = try Tool(arguments + ["--threads", "1"])
        #expect(run.status == 0, "\(run.errors)")
        return run
      }
      let (calm, wild) = (path("calm.h5"), path("wild.h5"))
      for (scene, trace) in [("2000002", calm), ("2000013", wild)] {
        _ = try run(
          "record", "--output", trace, "--scene", scene, "--steps", "6", "--taps", "latent,output")
      }
      _ = try run(
        "live", "--scene", "2000002", "--steps", "6", "--policy", "mask:calls=0+2+3+5,predictor=hold",
        "--record",
        path("disturbed"))
      let fit = try Tool([
        "feedback", "--uncached", calm, "--disturbed", path("disturbed"), "--output", path("f.safetensors"),
        "--classes", "2",
      ])
      #expect(fit.status == 0 && fit.errors.contains("; unrest 0."), "\(fit.errors)")
      let estimate = try Tool([
        "estimate", calm, wild, "--policy", "interval:every=2", "--feedback", path("f.safetensors"),
        "--format", "csv",
      ])
      #expect(estimate.status == 0, "\(estimate.errors)")
      let lines = estimate.output.split(separator: "\n")
      try #require(lines.count == 3)
      #expect(lines[0].contains("feedback_error,unrest,fit_range,"))
      #expect(lines[1].contains(",within,") && lines[2].contains(",beyond,"), "\(estimate.output)")
      let remarks = estimate.errors.split(separator: "\n").filter { $0.contains("beyond the fit") }
      #expect(remarks.count == 1 && remarks[0].contains("wild.h5"), "\(estimate.errors)")
      // Alone, the calm scene needs no rows of its own.
      let common = [
        "--policy", "interval:every=2|3", "--feedback", path("f.safetensors"), "--results", path("r.jsonl"),
        "--format", "json",
      ]
      let alone = try Tool(["validate", calm] + common).decoded(Report.self)
      #expect(alone.errors.map(\.rollouts) == Array(repeating: "all", count: 5))
      let both = try Tool(["validate", calm, wild] + common).decoded(Report.self)
      #expect(both.errors.suffix(3).map(\.rollouts) == ["all", "within fit", "beyond fit"])
      #expect(both.errors.suffix(3).map(\.estimate) == Array(repeating: "with_feedback", count: 3))
      #expect(both.errors.suffix(3).map(\.pairs) == [4, 2, 2])
      #expect(
        try Tool(["validate", calm, wild] + common).errors.contains("1 of 2 rollouts lie beyond the fit"))
      // What does not suit the feedback is refused before anything runs, and does not take others with it.
      let short = path("short.h5")
      _ = try run(
        "record", "--output", short, "--scene", "2000002", "--steps", "4", "--taps", "latent,output")
      let refused = try Tool(
        ["validate", calm, short] + common.dropLast(4) + ["--results", path("new.jsonl")])
      #expect(
        refused.status == 1 && refused.errors.contains("a chunk has 4 calls, not 6"), "\(refused.errors)")
      #expect(try Data(contentsOf: folder.appending(path: "new.jsonl")).isEmpty)
      let partly = try Tool([
        "estimate", short, calm, "--policy", "interval:every=2", "--feedback", path("f.safetensors"),
        "--format", "csv",
      ])
      #expect(partly.status == 3 && partly.output.split(separator: "\n").count == 2, "\(partly.errors)")
      #expect(partly.errors.contains("a chunk has 4 calls, not 6"), "\(partly.errors)")
      // With another file, only what is asked for again has an estimate.
      _ = try Tool([
        "feedback", "--uncached", calm, "--disturbed", path("disturbed"), "--output", path("f.safetensors"),
        "--classes", "1", "--sizes", "none", "--force",
      ])
      let mixed = try Tool(
        ["validate", calm, "--policy", "interval:every=2"] + common.dropFirst(2))
      #expect(try mixed.decoded(Report.self).errors.map(\.pairs) == [2, 2, 2, 2, 1])
      #expect(
        mixed.errors.contains("1 results have an estimate with feedback of another file"), "\(mixed.errors)")
    }
  }

  @Test("a cached trace beside the uncached one")
  func pair() throws {
    try withTrace { folder, trace in
      let cached = folder.appending(path: "cached")
      let live = try Tool(
        "live", "--scene", "1000000", "--steps", "6", "--policy", "mask:calls=0+2+5,predictor=hold",
        "--record", cached.path,
        "--format", "csv")
      #expect(live.status == 0, "\(live.errors)")
      let run = try Tool(
        "validate", "--uncached", trace, "--cached", cached.appending(path: "scene-1000000-noise-0.h5").path,
        "--format",
        "json")
      #expect(run.status == 0, "\(run.errors)")
      struct Pair: Decodable {
        struct Summary: Decodable {
          var computedCalls: Int
          var finalError: Double
          var directError: Double
          var replayAgreement: Double
          var againAgreement: Double
        }
        struct Step: Decodable {
          var decision: String
          var latentDrift: Double
        }
        var summary: [Summary]
        var calls: [Step]
      }
      let pair = try run.decoded(Pair.self)
      let summary = pair.summary[0]
      #expect(summary.computedCalls == 3 && summary.replayAgreement == 1 && summary.againAgreement == 1)
      #expect(pair.calls.map { $0.decision.first } == ["c", "p", "c", "p", "p", "c"])
      // The latent is the same until the first skipped call has been integrated.
      #expect(
        pair.calls[0].latentDrift == 0 && pair.calls[1].latentDrift == 0 && pair.calls[2].latentDrift > 0)
      // The live table's final error is that of the two traces.
      let columns = live.output.split(separator: "\n").map { $0.split(separator: ",") }
      let place = try #require(columns[0].firstIndex(of: "final_error"))
      #expect(abs(try #require(Double(columns[2][place])) - summary.finalError) < 1e-6 * summary.finalError)
      #expect(summary.directError > 0)
    }
  }

  @Test(
    "wrong arguments",
    arguments: [
      (["--uncached", "a.h5"], "--uncached and --cached belong together"),
      (["a.h5"], "traces and --policy belong together"),
      ([], "name uncached traces, a file of --results, or --uncached and --cached"),
    ])
  func refused(arguments: [String], message: String) throws {
    let run = try Tool(["validate"] + arguments)
    #expect(run.status == 64)
    #expect(run.errors.contains(message), "\(run.errors)")
  }

  @Test("boundaries of sizes that are none", arguments: ["2,1", "0,1", "1,,2", "many"])
  func sizes(text: String) throws {
    let run = try Tool(["feedback", "--uncached", "a.h5", "--disturbed", "b.h5", "-o", "c", "--sizes", text])
    #expect(run.status == 64)
    #expect(
      run.errors.contains("--sizes is \(text); it takes none or ascending numbers above 0 joined by commas"),
      "\(run.errors)")
  }

  @Test("every column is defined in docs/metrics.md")
  func documented() throws {
    let metrics = try FenceTests.read("docs/metrics.md")
    for key in [
      "estimate", "rollouts", "unrest", "fit_range", "feedback_error", "pairs", "rank_correlation",
      "group_correlation_median", "ratio_median", "pick_ratio_worst",
      "agreement_until_parting", "unforced_decisions_after", "latent_drift", "again_agreement",
    ] { #expect(metrics.contains("`\(key)`"), "\(key)") }
  }
}
