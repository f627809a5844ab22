import Foundation
import Testing
import Trace

@testable import WorldCache

@Suite("Where files for runtimes are valid")
struct RuntimeValidityTests {
  /// What a policy gives for json, from what it did on a trace or without one, as read back.
  private static func converted(
    _ spec: String, on change: ((inout ScalarTrace) -> Void)? = nil
  ) throws -> (file: ScheduleFile, remarks: [String]) {
    let plan = try PolicyRegistry.plan(spec)
    let recorded = try change.map {
      try RuntimeRecording(plan, over: [CalibrationFileTests.geometry(plan, change: $0)])
    }
    return try read(RuntimeRequest(plan, callCount: nil, recorded: recorded))
  }

  private static func read(_ request: RuntimeRequest) throws -> (file: ScheduleFile, remarks: [String]) {
    let text = try Runtime.named("json").file(for: request).text
    return try Fixture.with("converted.json", text) { (try ScheduleFile.read($0), request.remarks) }
  }

  private static func with(_ body: (Calibration, _ path: String) throws -> Void) throws {
    let calibration = try CalibrationFileTests.calibration(experts: false)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) {
      try body(calibration, $0)
    }
  }

  private static func elsewhere(_ trace: inout ScalarTrace) {
    CalibrationFileTests.unite(&trace)
    for place in trace.calls.indices { trace.calls[place].sigma *= trace.calls[place].sigma }
  }

  @Test("decisions of a calibration stay valid where it is, whatever trace they were replayed on")
  func calibrated() throws {
    try Self.with { calibration, path in
      for policy in ["lemica", "smoothcache", "meancache"] {
        let found = try Self.converted("\(policy):calibration=\(path),elsewhere=allow", on: Self.elsewhere)
        #expect(found.file.domains == [calibration.domain], "\(policy)")
        #expect(
          found.remarks.contains {
            $0.hasPrefix("the calibration \(path) was made elsewhere: this recording has other noise levels")
          }, "\(policy): \(found.remarks)")
        let home = try Self.converted("\(policy):calibration=\(path)", on: CalibrationFileTests.unite)
        #expect(home.file.domains == [calibration.domain] && home.remarks.count == 1)
      }
      // Features decide.
      let teacache = try Self.converted(
        "teacache:calibration=\(path),elsewhere=allow", on: { $0.header.model = "other" })
      #expect(teacache.file.domains.map(\.model) == ["other"])
      #expect(teacache.remarks.contains { $0.contains("model other instead of scalar") })
    }
  }

  @Test("a schedule's file stays valid where it is; where it does not say, a trace says nothing in its place")
  func schedules() throws {
    try Self.with { calibration, path in
      let text = try Runtime.named("json").file(
        for: RuntimeRequest(
          PolicyRegistry.plan("lemica:calibration=\(path),calls=5"), callCount: nil)
      ).text
      try Fixture.with("schedule.json", text) { path in
        let found = try Self.converted("schedule:file=\(path),elsewhere=allow", on: Self.elsewhere)
        #expect(found.file.domains == [calibration.domain])
        #expect(found.remarks.contains { $0.hasPrefix("the schedule \(path) was made elsewhere") })
      }
    }
    try Fixture.with("plain.json", "{\"mask\": \"1001001001001001\"}") { path in
      for policy in ["schedule:file=\(path)", "mask:calls=0+4+8", "interval:every=3"] {
        let found = try Self.converted(policy, on: CalibrationFileTests.unite)
        #expect(found.file.domains.isEmpty, "\(policy)")
      }
    }
  }

  @Test("MagCache's ratios are those of the trace's noise levels, and so is what they are valid for")
  func magcache() throws {
    try Self.with { calibration, path in
      for family in ["diffusers", "wan"] {
        let plan = try PolicyRegistry.plan(
          "magcache:calibration=\(path),elsewhere=allow,family=\(family),threshold=0.2")
        let geometry = try CalibrationFileTests.geometry(plan, change: Self.elsewhere)
        let request = try RuntimeRequest(
          plan, callCount: nil, recorded: RuntimeRecording(plan, over: [geometry]))
        let target = family == "wan" ? "magcache" : family
        let text = try Runtime.named(target).file(for: request).text
        let back = try Fixture.with("magcache.json", text) { try Runtime.policy(in: $0).spec }
        let signals = try [plan, PolicyRegistry.plan(back)].map { plan in
          StreamReplay(try plan.policy(for: geometry), over: geometry).lanes.map { $0.map(\.signal) }
        }
        #expect(signals[0] == signals[1], "\(family)")
        #expect(
          request.remarks[0]
            == "the numbers are those of \(path), valid for \(calibration.domain), and multiplied up to the noise "
            + "levels of the trace")
        var domain = calibration.domain
        domain.sigmas = geometry.calls[0].map(\.sigma)
        #expect(try Self.read(request).file.domains == [domain])
      }
      // At home they are the file's.
      let plan = try PolicyRegistry.plan("magcache:calibration=\(path)")
      let home = try CalibrationFileTests.geometry(plan, change: CalibrationFileTests.unite)
      let requests = try [nil, RuntimeRecording(plan, over: [home])].map {
        try RuntimeRequest(plan, callCount: nil, recorded: $0)
      }
      #expect(requests[0].plan.spec == requests[1].plan.spec)
    }
  }

  private static func chunk(_ chunk: Int, calls: Int) throws -> Geometry {
    var trace = ScalarTrace([.output: [(0..<calls).map { [Double($0 * $0)] }]], finalLatent: [1])
    for place in trace.calls.indices { trace.calls[place].chunk = chunk }
    return try GeometryBuilder.geometries(of: trace, GeometryRequest(.output))[0]
  }

  @Test("chunks of unequal length keep each what it is valid for, with a trace and without")
  func chunks() throws {
    let rollout = [try Self.chunk(0, calls: 6), try Self.chunk(1, calls: 8)]
    let domains = rollout.map { ValidityDomain(of: $0) }
    func text(_ timetables: [String]) -> String {
      let chunks = zip(timetables, domains).map { "{\($0), \"valid_for\": \($1.json.text)}" }
      return "{\"chunks\": [\(chunks.joined(separator: ", "))]}"
    }
    let files = [
      text(["\"mask\": \"100100\"", "\"mask\": \"10001000\""]),
      text(["\"computed\": [0, 3]", "\"computed\": [0, 4]"]),
    ]
    for file in files {
      try Fixture.with("chunks.json", file) { path in
        let plan = try PolicyRegistry.plan("schedule:file=\(path)")
        for recorded in [nil, try RuntimeRecording(plan, over: rollout)] {
          let found = try Self.read(RuntimeRequest(plan, callCount: nil, recorded: recorded)).file
          #expect(found.domains == domains)
          #expect(found.calls.map { $0[0] } == [.positions([0, 3]), .positions([0, 4])])
        }
        // The first chunk alone.
        let first = try RuntimeRecording(plan, over: [rollout[0]])
        let found = try Self.read(RuntimeRequest(plan, callCount: nil, recorded: first)).file
        #expect(found.domains == [domains[0]] && found.calls.count == 1)
      }
    }
    // Features that decide on chunks that differ.
    let plan = try PolicyRegistry.plan("ideal:calls=3,predictor=hold")
    let found = try Self.read(
      RuntimeRequest(plan, callCount: nil, recorded: RuntimeRecording(plan, over: rollout))
    ).file
    #expect(found.domains == domains)
  }

  @Test("a fitted schedule says where it is valid; of several ways to sample a trace says which")
  func fitted() throws {
    func fitted(_ geometry: Geometry) throws -> FittedSchedule {
      FittedSchedule(
        site: .output, domain: ValidityDomain(of: geometry), computed: [0, 1, 2, 3, 4],
        combinations: [5: Combination(valueAt: 4)])
    }
    let geometry = try Self.chunk(0, calls: 6)
    let domain = ValidityDomain(of: geometry)
    let text = FittedFile.text(try fitted(geometry), found: [])
    try Fixture.with("fitted.json", text) { path in
      let plan = try PolicyRegistry.plan("fitted:file=\(path)")
      #expect(try Self.read(RuntimeRequest(plan, callCount: nil)).file.domains == [domain])
      var other = ScalarTrace([.output: [(0..<6).map { [Double($0 * $0)] }]], finalLatent: [1])
      other.header.model = "other"
      let recorded = try RuntimeRecording(
        plan, over: GeometryBuilder.geometries(of: other, GeometryRequest(.output)))
      let found = try Self.read(RuntimeRequest(plan, callCount: nil, recorded: recorded))
      #expect(found.file.domains == [domain])
      #expect(
        found.remarks == [
          "the fitted schedule \(path) was made elsewhere: this recording has model other instead of scalar"
        ])
    }
    // The same calls at other noise levels.
    let again = text.replacingOccurrences(of: "\"sigmas\": [1,", with: "\"sigmas\": [2,")
    #expect(again != text)
    let members = try [text, again].map { text in
      let start = try #require(text.range(of: "\"schedules\": [")).upperBound
      let end = try #require(text.range(of: "]", options: .backwards)).lowerBound
      return String(text[start..<end])
    }
    let both = text.replacingOccurrences(of: members[0], with: members.reversed().joined(separator: ", "))
    try Fixture.with("fitted.json", both) { path in
      let plan = try PolicyRegistry.plan("fitted:file=\(path)")
      expectPolicyError("\(path) has schedules for 2 ways to sample; give --trace to say which is meant") {
        _ = try RuntimeRequest(plan, callCount: nil)
      }
      let recorded = try RuntimeRecording(plan, over: [geometry])
      #expect(
        try Self.read(RuntimeRequest(plan, callCount: nil, recorded: recorded)).file.domains == [domain])
    }
  }

  @Test("allowing elsewhere is offered for positions, not for a mask of another number of calls")
  func offered() throws {
    let domain = ValidityDomain(of: try Self.chunk(0, calls: 6)).json.text
    let other = try Self.chunk(0, calls: 8)
    for (timetable, hint) in [
      ("\"mask\": \"100100\"", ""),
      ("\"computed\": [0, 3]", ", or set elsewhere=allow to use it all the same"),
    ] {
      try Fixture.with("schedule.json", "{\(timetable), \"valid_for\": \(domain)}") { path in
        let plan = try PolicyRegistry.plan("schedule:file=\(path)")
        expectPolicyError(
          "the schedule \(path) is not valid here: this recording has 8 calls instead of 6; search anew\(hint)"
        ) { _ = try plan.policy(for: other) }
        let allowed = try PolicyRegistry.plan("schedule:file=\(path),elsewhere=allow")
        let isUsed = (try? allowed.policy(for: other)) != nil
        #expect(isUsed != hint.isEmpty)
      }
    }
  }
}
