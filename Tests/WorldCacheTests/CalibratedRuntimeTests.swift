import Foundation
import Testing
import Trace

@testable import WorldCache

@Suite("Files for runtimes of calibrated policies")
struct CalibratedRuntimeTests {
  /// The file of a target, and the policy that is read back from it.
  private func thereAndBack(_ spec: String, _ target: String, calls: Int? = nil) throws -> (
    text: String, read: PolicySpec
  ) {
    let runtime = try Runtime.named(target)
    let request = try RuntimeRequest(PolicyRegistry.plan(spec), callCount: calls)
    let text = try runtime.file(for: request).text
    let read = try Fixture.with("settings.\(runtime.endings[0])", text) { path in
      let (found, read) = try Runtime.policy(in: path)
      #expect(found.name == target)
      guard target == "json" || target == "csv" else { return read }
      // A plain schedule is read while its file is there.
      let bits = try #require(ScheduleFile.read(path).calls[0][0].mask(callCount: 16))
      return try PolicySpec(
        parsing: "mask:calls=" + bits.map { $0 ? "1" : "0" }.joined()
          + ",site=\(request.plan.policySite!.name)")
    }
    return (text, read)
  }

  private func with(experts: Bool = false, _ body: (String) throws -> Void) throws {
    let calibration = try CalibrationFileTests.calibration(experts: experts)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { try body($0) }
  }

  @Test(
    "what is read back replays as the calibrated policy does, with no file beside",
    arguments: [
      ("teacache", "threshold=0.3", "teacache"), ("teacache", "threshold=1", "teacache"),
      ("teacache", "threshold=0.5,forced=ends", "teacache"),
      ("magcache", "threshold=0.2", "diffusers"), ("magcache", "threshold=0.4,cap=5", "diffusers"),
      ("magcache", "family=flux,threshold=0.2", "magcache"),
      ("magcache", "family=hunyuan,threshold=0.3", "magcache"),
      ("magcache", "family=wan,threshold=0.2", "magcache"),
      ("magcache", "family=qwen,threshold=0.4", "magcache"),
      ("smoothcache", "alpha=0.1", "smoothcache"), ("smoothcache", "alpha=0.3,lookahead=2", "smoothcache"),
      ("smoothcache", "alpha=0.2", "json"), ("smoothcache", "alpha=0.2", "csv"),
      ("lemica", "calls=6", "json"), ("lemica", "calls=9", "csv"),
    ])
  func replays(name: String, settings: String, target: String) throws {
    try with { path in
      let spec = "\(name):calibration=\(path),\(settings)"
      let (text, read) = try thereAndBack(spec, target)
      #expect(!text.contains(path) && !read.description.contains("calibration="))
      var skipped = 0
      for scene in 1...4 {
        let replays = try [PolicySpec(parsing: spec), read].map { spec in
          let plan = try PolicyRegistry.plan(spec)
          let trace = CalibrationFileTests.trace(scene, change: CalibrationFileTests.unite)
          let geometry = try GeometryBuilder.geometries(of: trace, plan.request(blockCount: 2)!)[0]
          return StreamReplay(try plan.policy(for: geometry), over: geometry)
        }
        #expect(
          replays[0].lanes.map { $0.map(\.action) } == replays[1].lanes.map { $0.map(\.action) }, "\(read)")
        #expect(replays[0].callErrors == replays[1].callErrors)
        skipped += replays[0].lanes.joined().count { $0.action == .predict }
      }
      #expect(skipped > 0)
    }
  }

  @Test("the numbers stand in the file: polynomial, ratios by turns, schedule")
  func contents() throws {
    let calibration = try CalibrationFileTests.calibration(experts: false)
    try with { path in
      let tea = try thereAndBack("teacache:calibration=\(path),threshold=0.3", "teacache").read
      let coefficients = calibration.teacache!.fits[0].polynomial.coefficients
      #expect(
        tea.settings.contains(
          .init("coefficients", coefficients.map(\.shortest).joined(separator: "+"))))
      let (text, wan) = try thereAndBack("magcache:calibration=\(path),family=wan", "magcache")
      let ratios = (0..<2).map { calibration.magcache!.ratios(branch: $0)!.mean }
      #expect(ratios[0] != ratios[1])
      let flat = (0..<16).flatMap { [ratios[0][$0], ratios[1][$0]] }
      #expect(text.contains("\"mag_ratios\": [" + flat.map(\.shortest).joined(separator: ", ") + "]"))
      #expect(text.contains("\"num_steps\": 32"))
      #expect(wan.settings.contains(.init("table", "custom-by-branch")))
      let smooth = try thereAndBack("smoothcache:calibration=\(path),alpha=0.2", "smoothcache").text
      let bits = (0..<16).map { calibration.smoothcache!.schedule(alpha: 0.2).contains($0) ? "1" : "0" }
      #expect(smooth.contains("\"attn1\": [\(bits.joined(separator: ", "))]"))
    }
  }

  @Test("Wan's script counts branches apart and has one polynomial: that of both")
  func wan() throws {
    try with { path in
      let spec = "teacache:calibration=\(path),threshold=0.4,forced=calls,branches=separate"
      expectPolicyError(
        "\(path) has a polynomial for each guidance branch; one can be written: set polynomials=shared"
      ) { _ = try thereAndBack(spec, "teacache") }
      // The signal of this calibration is not the one that Wan's script looks at.
      expectPolicyError(
        "TeaCache's script for Wan has no word for signal=modulated of teacache, only for signal=timestep"
      ) { _ = try thereAndBack(spec + ",polynomials=shared", "teacache") }
      var calibration = try CalibrationFileTests.calibration(experts: false)
      calibration.teacache!.signal = .timestep
      try Fixture.with("timestep.json", CalibrationFile.json(calibration).text) { path in
        let (text, read) = try thereAndBack(
          "teacache:calibration=\(path),threshold=0.4,forced=calls,branches=separate,polynomials=shared",
          "teacache")
        #expect(text.contains("\"teacache_thresh\": 0.4") && text.contains("\"num_steps\": 32"))
        let numbers = calibration.teacache!.fits[0].polynomial.coefficients.map(\.shortest)
        #expect(
          try read
            == PolicyRegistry.plan(
              "teacache:model=custom,coefficients=\(numbers.joined(separator: "+")),threshold=0.4,signal=timestep,"
                + "forced=calls,first-calls=2,last-calls=2,branches=separate"
            ).spec)
      }
      // Branches decide apart with one polynomial.
      let coefficients = try CalibrationFileTests.calibration(experts: false).teacache!.fits[0].polynomial
        .coefficients.map(\.shortest).joined(separator: "+")
      let pictures = try [
        spec + ",polynomials=shared",
        "teacache:model=custom,coefficients=\(coefficients),threshold=0.4,forced=calls,branches=separate",
      ].map { spec in
        let plan = try PolicyRegistry.plan(spec)
        let geometry = try CalibrationFileTests.geometry(plan, change: CalibrationFileTests.unite)
        let replay = StreamReplay(try plan.policy(for: geometry), over: geometry)
        return replay.lanes.indices.map { replay.picture(lane: $0) }
      }
      #expect(pictures[0] == pictures[1] && pictures[0].count == 2)
    }
  }

  @Test("what a target cannot hold is refused, and where the numbers are from is said")
  func refusals() throws {
    try with { path in
      expectPolicyError(
        "\(path) has numbers for 16 calls, and 28 are asked for; make them from recordings of as many"
      ) { _ = try thereAndBack("magcache:calibration=\(path)", "diffusers", calls: 28) }
      expectPolicyError(
        "MagCacheConfig has no word for family=wan of magcache, only for family=diffusers"
      ) { _ = try thereAndBack("magcache:calibration=\(path),family=wan", "diffusers") }
      // Named as it was given; a calibration's site cannot be set.
      let lemica = "lemica:calibration=\(path),calls=6"
      expectPolicyError(
        "SmoothCache holds the outputs of all modules, for which the stack stands in, and \(lemica) caches output"
      ) { _ = try thereAndBack(lemica, "smoothcache") }
      expectPolicyError(
        "cache-dit caches what lies between its first and last blocks, and \(lemica) caches output"
      ) { _ = try thereAndBack(lemica, "cache-dit") }
      expectPolicyError("TeaCache's attributes describe teacache alone, not lemica") {
        _ = try thereAndBack(lemica, "teacache")
      }
      expectPolicyError(
        "SmoothCache holds the outputs of all modules, for which the stack stands in, and "
          + "interval:every=3,phase=down,site=output caches output; give it site=stack"
      ) { _ = try thereAndBack("interval", "smoothcache", calls: 9) }
      let request = try RuntimeRequest(
        PolicyRegistry.plan("magcache:calibration=\(path)"), callCount: nil)
      #expect(request.callCount == 16)
      #expect(
        request.remarks == [
          "the numbers are those of \(path), valid for scalar, 16 calls of 2 branches, solver euler, shift 1"
        ])
      #expect(try RuntimeRequest(PolicyRegistry.plan("magcache"), callCount: 28).remarks.isEmpty)
    }
    try with(experts: true) { path in
      expectPolicyError("\(path) has a polynomial for each of 2 experts; one can be written") {
        _ = try thereAndBack("teacache:calibration=\(path)", "teacache")
      }
    }
  }
}
