import Foundation
import Testing

/// Rules of the house that a compiler does not check.
@Suite struct FenceTests {
  static func read(_ path: String) throws -> String {
    try String(contentsOf: Tool.repository.appending(path: path), encoding: .utf8)
  }

  static func swiftFiles(under folder: String) throws -> [String] {
    let root = Tool.repository.appending(path: folder).path
    return try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(".swift") }
      .map { folder + "/" + $0 }
  }

  @Test("C modules are imported only in their doors")
  func doors() throws {
    let doors = [
      "CHDF5": "Sources/Trace/HDF5/", "CZstd": "Sources/Trace/Zstd/",
      "CZlib": "Sources/Trace/Zlib/",
      "COpenBLAS": "Sources/WorldModel/BLAS.swift", "GRDB": "Sources/Studies/",
    ]
    var imports = 0
    for file in try Self.swiftFiles(under: "Sources") {
      for line in try Self.read(file).split(separator: "\n") {
        guard let module = doors.keys.first(where: { line.hasSuffix("import \($0)") }) else { continue }
        imports += 1
        #expect(file.hasPrefix(doors[module]!), "\(file) imports \(module)")
      }
    }
    #expect(imports >= doors.count)
  }

  @Test("WorldCache and WorldModel do not know each other")
  func independence() throws {
    for (folder, other) in [
      ("Sources/WorldCache", "WorldModel"), ("Sources/WorldModel", "WorldCache"),
      ("Sources/Trace", "WorldModel"), ("Sources/Trace", "WorldCache"),
    ] {
      for file in try Self.swiftFiles(under: folder) {
        #expect(try !Self.read(file).contains("import \(other)"), "\(file)")
      }
    }
  }

  @Test("every column of a replay is defined in docs/metrics.md")
  func metrics() throws {
    let run = try Tool("replay", "traces/room-20.h5", "--policy", "always", "--no-bounds", "--format", "csv")
    let keys = run.output.split(separator: "\n")[0].split(separator: ",").map(String.init)
    #expect(keys.count >= 10)
    let metrics = try Self.read("docs/metrics.md")
    for key in keys where key != "policy" { #expect(metrics.contains("`\(key)`"), "\(key)") }
  }

  @Test("docs/policies.md lists what the tool lists")
  func policies() throws {
    let pages = try Tool("policies").output
    let text = try Self.read("docs/policies.md")
    if ProcessInfo.processInfo.environment["RECORD_GOLDEN"] != nil {
      let parts = text.components(separatedBy: "```")
      try "\(parts[0])```\n\(pages)```\(parts[2...].joined(separator: "```"))".write(
        to: Tool.repository.appending(path: "docs/policies.md"), atomically: true, encoding: .utf8)
      Issue.record(
        "docs/policies.md was written anew: look at the difference, then run without RECORD_GOLDEN")
      return
    }
    #expect(text.contains("```\n" + pages + "```"))
  }

  @Test("every command and option that README names exists")
  func readme() throws {
    let commands = try Tool("--help").output
    for block in try Self.read("README.md").split(separator: "```").enumerated() where block.offset % 2 == 1 {
      for line in block.element.split(separator: "\n") where line.hasPrefix("wctrace ") {
        let words = line.split(separator: " ").map(String.init)
        #expect(commands.contains("  \(words[1]) "), "\(line)")
        let help = try Tool(words[1], "--help").output
        for option in words where option.hasPrefix("--") { #expect(help.contains(option), "\(line)") }
      }
    }
  }
}
