import Foundation
import TestSupport
import Testing
import Trace

/// The trace of a cached run, with predicted, derived and absent values, in every command.
@Suite struct CachedRunTests {
  private struct Info: Decodable {
    struct Row: Decodable {
      var tap: String
      var freshCalls: Int
      var predictedCalls: Int
      var derivedCalls: Int
      var absentCalls: Int
    }
    var taps: [Row]
  }

  @Test("info counts the states, verify, export, import and merge keep them")
  func kept() throws {
    try withTemporaryDirectory { directory in
      let folder = directory.path
      let path = folder + "/cached.h5"
      try SampleTrace.record(to: path).finish()
      let info = try Tool("info", path, "--format", "json")
      #expect(info.status == 0)
      // The sample: block 1 is skipped at call 2, whose output is predicted and whose guided value is derived.
      let rows = try info.decoded(Info.self).taps
      func states(_ tap: String) -> [Int]? {
        rows.first { $0.tap == tap }.map {
          [$0.freshCalls, $0.predictedCalls, $0.derivedCalls, $0.absentCalls]
        }
      }
      #expect(states("latent") == [4, 0, 0, 0])
      #expect(states("block.1") == [3, 0, 0, 1])
      #expect(states("output") == [3, 1, 0, 0])
      #expect(states("guided") == [1, 0, 1, 2])
      #expect(try Tool("verify", path).status == 0)

      let one = try Tool("export", path, "--tap", "block.1", "-o", folder + "/block.npy")
      #expect(one.status == 0)
      #expect(one.errors == "block.1 is absent at 1 calls, which are NaN\n")
      let all = try Tool("export", path, "-o", folder + "/arrays")
      #expect(all.status == 0, "\(all.errors)")
      #expect(all.output == "\(folder)/arrays: 4 calls at 6 taps\n")
      let again = try Tool("export", path, "-o", folder + "/arrays")
      #expect(again.status == 1)
      #expect(again.errors.contains("\(folder)/arrays: a whole trace needs a new folder"), "\(again.errors)")
      let back = try Tool("import", folder + "/arrays/meta.json", "-o", folder + "/back.h5")
      #expect(back.status == 0, "\(back.errors)")
      let merge = try Tool("merge", path, "-o", folder + "/merged")
      #expect(merge.status == 0, "\(merge.errors)")
      let twice = try Tool("merge", path, "-o", folder + "/merged")
      #expect(twice.status == 1)
      #expect(twice.errors.contains("\(folder)/merged: a merged set needs a new folder"), "\(twice.errors)")
      let original = try TraceReader(path: path)
      for other in ["back.h5", "merged/cached.h5"] {
        let reader = try TraceReader(path: "\(folder)/\(other)")
        for tap in original.taps { #expect(try reader.states(of: tap) == original.states(of: tap)) }
      }
    }
  }

  @Test("its journal is recovered: 0 whole, 3 with loss, 1 nothing")
  func recovered() throws {
    try withTemporaryDirectory { directory in
      let path = directory.path + "/cached.h5"
      let journal = path + ".wcj"
      _ = try SampleTrace.record(to: path)
      let bytes = try Data(contentsOf: URL(filePath: journal))
      let whole = try Tool("recover", journal)
      #expect(whole.status == 0, "\(whole.errors)")
      #expect(try TraceReader(path: path).states(of: .output) == [.fresh, .fresh, .predicted, .fresh])
      for (count, status) in [(bytes.count - 1, 3), (bytes.count / 2, 3), (60, 1), (0, 1)] {
        try bytes.prefix(count).write(to: URL(filePath: journal))
        let run = try Tool("recover", journal, "-o", path, "--force")
        #expect(run.status == status, "\(count) of \(bytes.count) bytes: \(run.output)\(run.errors)")
      }
    }
  }

  @Test(
    "what measures errors refuses it and says which value is not fresh",
    arguments: [
      ["replay"], ["schedule"], ["inspect"], ["index"],
    ])
  func refused(command: [String]) throws {
    try withTemporaryDirectory { directory in
      let path = directory.path + "/cached.h5"
      try SampleTrace.record(to: path).finish()
      let policy = command == ["inspect"] ? [] : ["--policy", "interval:every=2"]
      let run = try Tool(command + [path] + policy)
      #expect(run.status == 1)
      #expect(run.output.isEmpty)
      #expect(run.errors.contains("call 2"), "\(run.errors)")
      #expect(run.errors.contains("predicted"), "\(run.errors)")
    }
  }
}
