import Foundation
import Testing
import Trace

@testable import WorldCache

/// What the real hooks of diffusers and contexts of cache-dit did over two recorded rollouts; written by
/// Tests/Reference/hooks.py (`make reference`).
struct ReferenceCases: Decodable {
  struct Case: Decodable {
    var library: String
    /// The library's own settings, as its users write them.
    var settings: String
    var trace: String
    var policy: String
    /// C computed, p predicted: of every branch, or one for all.
    var decisions: [String]
    /// Relative error of every predicted call of each branch, in order.
    var errors: [[Double]]?
  }

  var packages: [String: String]
  var cases: [Case]

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Reference").standardizedFileURL

  static func load() throws -> ReferenceCases {
    try JSONDecoder().decode(
      ReferenceCases.self, from: Data(contentsOf: folder.appending(path: "decisions.json")))
  }

  static func catalog(_ trace: String) throws -> GeometryCatalog {
    GeometryCatalog(try TraceReader(path: folder.appending(path: "\(trace).h5").path))
  }
}

@Suite("The libraries' own decisions")
struct ReferenceTests {
  @Test("replay decides and predicts as diffusers and cache-dit do")
  func agreement() throws {
    let reference = try ReferenceCases.load()
    var catalogs: [String: GeometryCatalog] = [:]
    // Decisions compared by library and action, and errors compared.
    var counts: [String: Int] = [:]
    for item in reference.cases {
      let catalog = try catalogs[item.trace] ?? ReferenceCases.catalog(item.trace)
      catalogs[item.trace] = catalog
      let comment = Comment(rawValue: "\(item.library): \(item.settings) on \(item.trace), \(item.policy)")
      let plan = try PolicyRegistry.plan(item.policy)
      let stream = try Replay(plan, over: plan.geometries(in: catalog)).streams[0]
      let pictures = item.decisions.indices.map { stream.picture(lane: stream.lanes.count == 1 ? 0 : $0) }
      #expect(pictures == item.decisions, comment)
      for action in "Cp" {
        counts["\(item.library) \(action)", default: 0] += pictures.joined().count { $0 == action }
      }
      guard pictures == item.decisions, let errors = item.errors else { continue }
      for (branch, expected) in errors.enumerated() {
        let picture = pictures[pictures.count == 1 ? 0 : branch]
        let got = zip(picture, stream.callErrors[branch]).filter { $0.0 == "p" }.map(\.1)
        try #require(got.count == expected.count, comment)
        for (got, expected) in zip(got, expected) {
          counts["\(item.library) errors", default: 0] += 1
          // The libraries predict in single precision, and their errors are differences of larger numbers.
          #expect(abs(got - expected) <= 1e-5 + 2e-3 * expected, comment)
        }
      }
    }
    for library in ["diffusers", "cache-dit"] {
      for what in ["C", "p", "errors"] { #expect(counts["\(library) \(what)", default: 0] > 500) }
    }
  }

  @Test("every rule that the libraries have decides both ways")
  func bothWays() throws {
    let cases = try ReferenceCases.load().cases
    let policies = Dictionary(grouping: cases) { $0.policy.split(separator: ":")[0] }
    #expect(
      Set(policies.keys) == [
        "first-block", "magcache", "taylor", "fastercache", "pab", "seacache", "dbcache",
      ])
    for (policy, cases) in policies {
      let mixed = cases.filter { Set($0.decisions.joined()) == ["C", "p"] }
      #expect(mixed.count >= 4, "\(policy)")
      #expect(Set(mixed.map(\.decisions)).count >= 4, "\(policy)")
    }
  }
}
