import Foundation
import TestSupport
import Testing
import Trace

/// What is said on standard error about results.
@Suite struct RemarkTests {
  @Test("why direct and streak are n/a is told where an n/a is printed, and nowhere else")
  func undefined() throws {
    try withTemporaryDirectory { folder throws in
      let (inside, partial) = (folder.path + "/inside.h5", folder.path + "/partial.h5")
      let record = [
        "record", "--threads", "1", "--steps", "3", "--taps", "hidden.0,hidden.6,output", "-o", inside,
      ]
      #expect(try Tool(record).status == 0)
      // A trace without its final latent, as of an interrupted recording.
      let arrays = folder.appending(path: "arrays")
      #expect(try Tool("export", "traces/room-20.h5", "-o", arrays.path).status == 0)
      let meta = arrays.appending(path: "meta.json")
      var facts = try #require(
        JSONSerialization.jsonObject(with: Data(contentsOf: meta)) as? [String: Any])
      #expect(facts.removeValue(forKey: "final") != nil)
      try JSONSerialization.data(withJSONObject: facts).write(to: meta)
      #expect(try Tool("import", meta.path, "-o", partial).status == 0)
      let (site, final) = (
        "n/a at the site stack, since what comes of an error", "which holds no final latent"
      )
      func errors(_ arguments: [String], _ trace: String) throws -> String {
        let run = try Tool([arguments[0], trace] + arguments.dropFirst())
        #expect(run.status == 0, "\(run.errors)")
        return run.errors
      }
      let stack = ["--policy", "interval:every=2,site=stack"]
      #expect(try errors(["replay"] + stack, inside).contains(site))
      #expect(try errors(["schedule"] + stack, inside).contains(site))
      #expect(
        try errors(["schedule", "--calls", "2", "--objective", "minimax"] + stack, inside).contains(site))
      let plain = ["--policy", "interval:every=2"]
      #expect(try errors(["replay", "--no-bounds"] + plain, partial).contains("on \(partial), \(final)"))
      // No n/a is printed.
      #expect(try !errors(["replay"] + plain, inside).contains("n/a"))
      #expect(try !errors(["replay", "--format", "csv"] + stack, inside).contains("n/a"))
      #expect(try !errors(["replay", "--columns", "policy"] + stack, inside).contains("n/a"))
    }
  }

  @Test("info fits a screen however many conditions a trace states")
  func info() throws {
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      #expect(
        try Tool("record", "-o", path, "--steps", "1", "--taps", "output", "--threads", "1").status == 0)
      let lines = try Tool("info", path).output.split(separator: "\n")
      #expect(lines.allSatisfy { $0.count <= 100 }, "\(lines)")
      #expect(lines.contains { $0.hasPrefix("condition camera_commands ") })
      #expect(lines.contains("condition guidance         1"))
    }
  }

  @Test("the parallel jobs are as many as the cores that the process may use")
  func cores() throws {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let list = try #require(status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") })
    let first = try #require(list.split(separator: "\t").last?.prefix { $0.isNumber })
    try withTemporaryDirectory { folder in
      let path = folder.path + "/x.h5"
      let run = try Tool(
        [
          "-c", String(first), Tool.executable.path, "record", "-o", path, "--steps", "1", "--taps", "output",
        ],
        URL(filePath: "/usr/bin/taskset"))
      #expect(run.status == 0, "\(run.errors)")
      #expect(try TraceReader(path: path).header.blasThreadCount == 1)
    }
  }

  @Test("a program without its weights says what is missing")
  func relocated() throws {
    try withTemporaryDirectory { folder in
      let copy = folder.appending(path: "wctrace")
      try FileManager.default.copyItem(at: Tool.executable, to: copy)
      let run = try Tool(["record", "-o", folder.path + "/x.h5"], copy)
      #expect(run.status == 1)
      #expect(
        run.errors.contains(
          "wctrace_WorldModel.resources: the folder with the bundled weights is not beside"),
        "\(run.errors)")
      // What needs no weights runs.
      #expect(try Tool(["estimate", "traces/room-20.h5", "--policy", "interval"], copy).status == 0)
    }
  }
}
