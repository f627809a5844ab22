import Foundation
import Testing

@Suite struct TransferToolTests {
  private static let policies = [
    "--policy", "interval:every=2..5", "--policy", "ideal:predictor=hold,calls=4..10",
  ]

  @Test("a choice on one trace is tried on another; a timetable gets the other's length")
  func table() throws {
    let run = try Tool(
      [
        "transfer", "--from", "traces/room-20.h5", "--to", "traces/guided-8.h5", "--speedup", "2", "--cost",
        "calls",
        "--format", "csv",
      ] + Self.policies)
    #expect(run.status == 0 || run.status == 3, "\(run.errors)")
    #expect((run.status == 3) == run.errors.contains("the goal is missed"), "\(run.errors)")
    let rows = run.output.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    #expect(rows.count == 5)
    #expect(
      rows.dropFirst().map { $0[0] } == [
        "traces/room-20.h5", "traces/guided-8.h5", "traces/room-20.h5", "traces/guided-8.h5",
      ])
    #expect(run.output.contains("\"mask:calls=0+"), "\(run.output)")
  }

  @Test("groups of a header's fact are chosen on in turn")
  func groups() throws {
    let run = try Tool(
      [
        "transfer", "--from", "traces", "--group-by", "steps", "--speedup", "1.5", "--cost", "calls",
        "--format",
        "csv", "--policy", "interval:every=2..3",
      ])
    #expect(run.status == 0 || run.status == 3, "\(run.errors)")
    let pairs = run.output.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",").prefix(2).joined(separator: ">")
    }
    #expect(pairs == ["steps=8>steps=8", "steps=8>steps=20", "steps=20>steps=8", "steps=20>steps=20"])
  }

  @Test(
    "usage",
    arguments: [
      (["--from", "traces", "--speedup", "2"], "name a set to try the choice on"),
      (["--from", "traces", "--to", "traces"], "say what is asked for"),
      (
        ["--from", "traces", "--group-by", "noise", "--speedup", "2"],
        "all traces of --from have the same noise"
      ),
    ])
  func usage(arguments: [String], words: String) throws {
    let run = try Tool(["transfer"] + arguments)
    #expect(run.status == 64)
    #expect(run.errors.contains(words), "\(run.errors)")
  }
}
