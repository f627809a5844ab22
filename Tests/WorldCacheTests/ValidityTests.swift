import Foundation
import Testing
import Trace

@testable import WorldCache

@Suite("What files of schedules are valid for")
struct ValidityTests {
  /// Two branches, nine calls.
  private static func trace(_ scene: Int = 1, change: (inout ScalarTrace) -> Void = { _ in }) -> ScalarTrace {
    let features = Synthetic.features(
      .smooth, seed: UInt64(scene), branches: 2, calls: 9, tokens: 4, channels: 1)
    var trace = ScalarTrace(
      [.output: features.map { $0.map { $0.map { Double($0[0]) } } }], path: "scene \(scene)", scene: scene,
      guidance: 3, finalLatent: [1, 2, 3, 4])
    trace.header.weightsDigest = "abc"
    change(&trace)
    return trace
  }

  private static func geometry(change: (inout ScalarTrace) -> Void = { _ in }) throws -> Geometry {
    try GeometryBuilder.geometries(of: trace(change: change), GeometryRequest(.output))[0]
  }

  private static func schedule() throws -> String {
    let found = try IdealSchedules(
      of: PolicyRegistry.plan("interval"), over: [[geometry()]], Aim(), ScheduleConstraints(),
      computing: 4...4)
    return try #require(found.file(computing: 4, names: [], command: "x"))
  }

  private static func fitted() throws -> String {
    let found = try FittedSchedules(
      startingFrom: PolicyRegistry.plan("taylor:order=1"), over: [geometry()], memory: .max,
      ScheduleConstraints(), computing: 4...4)
    return try #require(found.file(computing: 4, names: [], command: "x"))
  }

  private static func texts() throws -> [(policy: String, subject: String, remedy: String, text: String)] {
    [
      (
        "schedule", "the schedule", "search anew, or set elsewhere=allow to use it all the same",
        try schedule()
      ),
      ("fitted", "the fitted schedule", "fit anew", try fitted()),
    ]
  }

  @Test("files say model, weights, solver, shift, guidance, branches, and every call's noise level")
  func stated() throws {
    for (policy, _, _, text) in try Self.texts() {
      try Fixture.with("a.json", text) { path in
        let members = try Document.read(path).members([
          "settings", "mask", "found", "valid_for", "format", "version", "schedules",
        ])
        let field =
          try members["valid_for"] ?? members["schedules"]!.items()[0].members([
            "site", "valid_for", "mask", "predictions", "found",
          ])["valid_for"]!
        let domain = try ValidityDomain(field)
        #expect(domain == ValidityDomain(of: try Self.geometry()), "\(policy)")
        #expect(
          domain.description == "scalar, 9 calls of 2 branches, solver euler, shift 1"
            && domain.weightsDigest == "abc" && domain.guidance == 3)
        #expect(domain.sigmas == (0..<9).map { 1 - Double($0) / 9 })
      }
    }
  }

  @Test("other calls, noise levels and branches are refused")
  func refused() throws {
    let changes: [(String, (inout ScalarTrace) -> Void)] = [
      (
        "other noise levels (call 1: 0.5 instead of \((1 - 1.0 / 9).shortest))",
        { for place in $0.calls.indices where $0.calls[place].step == 1 { $0.calls[place].sigma = 0.5 } }
      ),
      ("8 calls instead of 9", { $0.calls.removeLast(2) }),
      (
        "guidance branches 1 instead of 2",
        { trace in
          trace.calls.removeAll { $0.branch == 1 }
          for place in trace.calls.indices { trace.calls[place].ordinal = place }
          trace.header.branchCount = 1
        }
      ),
    ]
    for (policy, subject, remedy, text) in try Self.texts() {
      try Fixture.with("a.json", text) { path in
        for (what, change) in changes {
          let plan = try PolicyRegistry.plan("\(policy):file=\(path)")
          // A mask is of one number of calls, allowed or not.
          let offered = what.contains("calls instead") ? String(remedy.prefix { $0 != "," }) : remedy
          expectPolicyError("\(subject) \(path) is not valid here: this recording has \(what); \(offered)") {
            _ = try plan.policy(for: Self.geometry(change: change))
          }
        }
      }
    }
    // Positions mean something at other noise levels; that is said.
    try Fixture.with("a.json", Self.schedule()) { path in
      let plan = try PolicyRegistry.plan("schedule:file=\(path),elsewhere=allow")
      #expect(plan.spec.description.hasSuffix(",elsewhere=allow"))
      let other = try Self.geometry(change: changes[0].1)
      #expect(
        try Replay(plan, over: [other]).remarks
          == ["the schedule \(path) was made elsewhere: this recording has \(changes[0].0)"])
    }
  }

  @Test("another model, other weights, solver and guidance are told; at home there is nothing to say")
  func told() throws {
    let changes: [(String, (inout ScalarTrace) -> Void)] = [
      ("model other instead of scalar", { $0.header.model = "other" }),
      ("solver heun instead of euler", { $0.header.solver = "heun" }),
      ("weights def instead of abc", { $0.header.weightsDigest = "def" }),
      (
        "guidance scale 5 instead of 3",
        { for place in $0.calls.indices { $0.calls[place].guidance = 5 } }
      ),
    ]
    for (policy, subject, _, text) in try Self.texts() {
      try Fixture.with("a.json", text) { path in
        let plan = try PolicyRegistry.plan("\(policy):file=\(path)")
        #expect(try Replay(plan, over: [Self.geometry()]).remarks.isEmpty)
        for (what, change) in changes {
          let remarks = try Replay(plan, over: [Self.geometry(change: change)]).remarks
          #expect(
            remarks == ["\(subject) \(path) was made elsewhere: this recording has \(what)"], "\(policy)")
        }
      }
    }
  }

  @Test("a live run is told the same, and refused before its first call")
  func live() throws {
    try Fixture.with("a.json", Self.schedule()) { path in
      let trace = Self.trace()
      func cache(_ header: TraceHeader?, _ calls: [Call]) throws -> LiveCache {
        try LiveCache(
          PolicyRegistry.plan("schedule:file=\(path)"), calls: calls, blockCount: 2, header: header,
          layout: trace.layout)
      }
      let home = try cache(trace.header, trace.calls)
      #expect(home.remarks.isEmpty)
      var other = trace.header
      other.model = "other"
      let remark = "the schedule \(path) was made elsewhere: this recording has "
      #expect(try cache(other, trace.calls).remarks == [remark + "model other instead of scalar"])
      #expect(
        try cache(nil, trace.calls).remarks
          == [remark + "an unknown model and solver: the geometry does not say which"])
      expectPolicyError(
        "the schedule \(path) is not valid here: this recording has 8 calls instead of 9; search anew"
      ) { _ = try cache(trace.header, trace.calls.dropLast(2)) }
    }
  }

  @Test(
    "a schedule is written for a runtime with where it is valid, without a trace, for its own number of calls"
  )
  func converted() throws {
    try Fixture.with("a.json", Self.schedule()) { path in
      let plan = try PolicyRegistry.plan("schedule:file=\(path)")
      let request = try RuntimeRequest(plan, callCount: nil)
      let text = try Runtime.named("json").file(for: request).text
      try Fixture.with("b.json", text) { other in
        let (mine, theirs) = (try ScheduleFile.read(path), try ScheduleFile.read(other))
        #expect(mine.domains == theirs.domains && theirs.domains.count == 1)
        let masks = [mine, theirs].map { $0.calls[0][0].mask(callCount: 9) }
        #expect(masks[0] == masks[1] && masks[0] != nil)
      }
      expectPolicyError(
        "\(path) has numbers for 9 calls, and 12 are asked for; make them from recordings of as many"
      ) { _ = try RuntimeRequest(plan, callCount: 12) }
    }
  }

  @Test(
    "traces that differ are not fitted together, and a schedule for them says nothing of where it is valid")
  func differing() throws {
    let other = try Self.geometry { $0.header.solver = "heun" }
    expectPolicyError(
      "weights are fitted to traces that agree; one of these has solver heun instead of euler"
    ) {
      _ = try FittedSchedules(
        startingFrom: PolicyRegistry.plan("taylor:order=1"), over: [Self.geometry(), other], memory: .max,
        ScheduleConstraints(), computing: 4...4)
    }
    let found = try IdealSchedules(
      of: PolicyRegistry.plan("interval"), over: [[Self.geometry()], [other]], Aim(), ScheduleConstraints(),
      computing: 4...4)
    let text = try #require(found.file(computing: 4, names: [], command: "x"))
    #expect(!text.contains("valid_for"))
  }

  @Test("chunks of a schedule are valid for what each was found on")
  func chunks() throws {
    func chunk(_ chunk: Int, calls: Int) throws -> Geometry {
      var trace = ScalarTrace(
        [.output: [(0..<calls).map { [Double($0 * $0)] }]], finalLatent: [1])
      for place in trace.calls.indices { trace.calls[place].chunk = chunk }
      return try GeometryBuilder.geometries(of: trace, GeometryRequest(.output))[0]
    }
    let rollout = [try chunk(0, calls: 6), try chunk(1, calls: 8)]
    let found = try IdealSchedules(
      of: PolicyRegistry.plan("interval"), over: [rollout], Aim(), ScheduleConstraints(), computing: 3...3)
    let text = try #require(found.file(computing: 3, names: [], command: "x"))
    try Fixture.with("a.json", text) { path in
      #expect(try ScheduleFile.read(path).domains.map(\.callCount) == [6, 8])
      let plan = try PolicyRegistry.plan("schedule:file=\(path)")
      #expect(try Replay(plan, over: rollout).remarks.isEmpty)
    }
    try Fixture.with("a.json", #"{"chunks": [{"mask": "11", "valid_for": 3}, {"mask": "11"}]}"#) { path in
      expectPolicyError("\(path), line 1: valid_for stands once for all chunks, or in each of them") {
        _ = try PolicyRegistry.plan("schedule:file=\(path)")
      }
    }
  }

  @Test("files of version 1 are read as before, and say nothing of model and solver")
  func older() throws {
    let text = """
      {"format": "wctrace fitted schedule", "version": 1, "schedules": [{"site": "output", "branches": 2,
      "sigmas": [\((0..<9).map { (1 - Double($0) / 9).shortest }.joined(separator: ", "))], "mask": "111111110",
      "predictions": [{"call": 8, "from": [7], "weights": [1]}]}]}
      """
    try Fixture.with("a.json", text) { path in
      let plan = try PolicyRegistry.plan("fitted:file=\(path)")
      let replay = try Replay(plan, over: [Self.geometry { $0.header.model = "any" }])
      #expect(replay.remarks.isEmpty && replay.streams[0].computedCount == 8)
    }
  }

  @Test("of schedules for combined branches the one for as many branches is taken")
  func combinedBranches() throws {
    func guided(branches: Int) throws -> Geometry {
      let output = Self.trace().values[.output]!
      let trace = ScalarTrace(
        [.guided: [output[0]], .output: Array(output.prefix(branches))], finalLatent: [1, 2, 3, 4])
      return try GeometryBuilder.geometries(of: trace, GeometryRequest(.guided))[0]
    }
    func fitted(_ geometry: Geometry, _ count: Int) throws -> Any {
      let found = try FittedSchedules(
        startingFrom: PolicyRegistry.plan("taylor:order=1,site=guided"), over: [geometry], memory: .max,
        ScheduleConstraints(), computing: count...count)
      let text = try #require(found.file(computing: count, names: [], command: "x"))
      let file = try JSONSerialization.jsonObject(with: Data(text.utf8)) as! [String: Any]
      return (file["schedules"] as! [Any])[0]
    }
    let (one, two) = (try guided(branches: 1), try guided(branches: 2))
    #expect(two.branchCount == 1 && two.recordedBranchCount == 2 && one.recordedBranchCount == 1)
    let file: [String: Any] = [
      "format": "wctrace fitted schedule", "version": 2,
      "schedules": [try fitted(one, 4), try fitted(two, 6)],
    ]
    let text = String(decoding: try JSONSerialization.data(withJSONObject: file), as: UTF8.self)
    try Fixture.with("a.json", text) { path in
      let plan = try PolicyRegistry.plan("fitted:file=\(path)")
      #expect(try Replay(plan, over: [two]).streams[0].computedCount == 6)
      #expect(try Replay(plan, over: [one]).streams[0].computedCount == 4)
    }
  }

  @Test("what traces differ in is left out of what is common to them")
  func common() throws {
    let here = try Self.geometry()
    let scaled = try Self.geometry { for place in $0.calls.indices { $0.calls[place].guidance = 5 } }
    let trained = try Self.geometry { $0.header.weightsDigest = "def" }
    let domain = try #require(ValidityDomain.common(to: [here, scaled, trained]))
    #expect(domain.guidance == nil && domain.weightsDigest.isEmpty && domain.model == "scalar")
    for geometry in [here, scaled, trained] { #expect(domain.differences(from: geometry).isEmpty) }
    #expect(ValidityDomain.common(to: [here, try Self.geometry { $0.header.solver = "heun" }]) == nil)
    // And weights are fitted to them all the same.
    _ = try FittedSchedules(
      startingFrom: PolicyRegistry.plan("taylor:order=1"), over: [here, scaled], memory: .max,
      ScheduleConstraints(), computing: 4...4)
  }
}
