import Foundation
import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("fitted")
struct FittedPolicyTests {
  private func traces(_ count: Int, branches: Int = 1, calls: Int = 12) -> [Geometry] {
    (0..<count).map {
      Synthetic(.smooth, seed: UInt64(30 + $0), branches: branches, calls: calls, tokens: 6).geometry
    }
  }

  private func fitted(
    _ traces: [Geometry], memory: Int = .max, over: Aim.Over = .mean, _ count: Int,
    _ constraints: ScheduleConstraints = ScheduleConstraints()
  ) throws -> FittedSchedules {
    try FittedSchedules(
      startingFrom: PolicyRegistry.plan("taylor:order=1"), over: traces, memory: memory, over: over,
      constraints, computing: count...count)
  }

  @Test("parabolas in the call's number are predicted exactly from three computed calls")
  func planted() throws {
    // Values a + b s + c s²: three computed calls fix each, with weights that are alike for all.
    var dice = Dice(seed: 5)
    let features: [[[Float]]] = {
      let rows = (0..<5).map { _ in (0..<3).map { _ in Float(dice.real(-1...1)) } }
      return (0..<10).map { call in
        rows.map { [$0[0] + $0[1] * Float(call) + $0[2] * Float(call * call) / 8] }
      }
    }()
    let trace = Synthetic([features], finalSquaredNorms: [1, 1, 1, 1, 1]).geometry
    let fit = try FittedWeights([trace], memory: .max, isCorrecting: true).fit([0, 1, 2, 6])
    // Float features and the ridge leave about 1e-6 of the values.
    #expect(fit.directErrors[0] < 1e-4)
    for position in [3, 4, 5] {
      let (s, weights) = (Double(position), fit.combinations[position]!.terms.map(\.weight))
      // Lagrange's polynomials at 0, 1 and 2.
      let expected = [(s - 1) * (s - 2) / 2, -s * (s - 2), s * (s - 1) / 2]
      for (weight, expected) in zip(weights, expected) {
        expectClose(weight, expected, relative: 1e-2, absolute: 1e-2, "call \(position)")
      }
    }
    // Linear extrapolation is far off.
    let line = StreamReplay(
      try PolicyRegistry.plan("mask:calls=0+1+2+6,predictor=taylor").policy(for: trace), over: trace)
    #expect((line.directSquaredError! / 5).squareRoot() > 0.05)
  }

  @Test("a later computed call makes up for earlier errors: CpCp")
  func correction() throws {
    // One token, held from 1 while it is 3, then seen at 4: the last call can undo the error of call 1.
    let trace = Synthetic(tokens: [[1, 3, 4, 2]], weights: [-1, -1, -1, -1], finalSquaredNorms: [1]).geometry
    let held = try FittedWeights([trace], memory: .max, isCorrecting: false).fit([0, 2])
    let corrected = try FittedWeights([trace], memory: .max, isCorrecting: true).fit([0, 2])
    #expect(held.combinations[1] == Combination(valueAt: 0))
    // Call 1 emits 1 for 3, so the latent is off by −(1 − 3) = 2 when call 2 is reached.
    expectClose(corrected.arrivalErrors[0], 2, relative: 1e-9)
    // Without correction call 3 is right by itself and the 2 stays; with it call 3 emits 2 + 2 = 4 = f_2.
    expectClose(held.directErrors[0], 2, relative: 1e-5)
    #expect(corrected.directErrors[0] < 1e-5)
    expectClose(
      corrected.combinations[3]!.terms.reduce(0) { $0 + $1.weight * [1, 3, 4, 2][$1.position] }, 4,
      relative: 1e-5)
  }

  @Test("no other weight of any call leaves a smaller error up to there", arguments: [1, 2])
  func optimal(branches: Int) throws {
    let traces = traces(2, branches: branches)
    let schedule = [0, 1, 3, 6, 10]
    let weights = try FittedWeights(traces, memory: 3, isCorrecting: true)
    let fit = weights.fit(schedule)
    func square(_ combinations: [Int: Combination], through last: Int) -> Double {
      traces.reduce(0) { sum, trace in
        var terms: [Int: Double] = [:]
        for (position, combination) in combinations where position <= last {
          for branch in 0..<branches {
            let weight = trace.calls[branch][position].weight
            for term in (combination - Combination(valueAt: position)).terms {
              terms[trace.point(term.position, branch: branch), default: 0] += weight * term.weight
            }
          }
        }
        let form = terms.sorted { $0.key < $1.key }.map { (point: $0.key, weight: $0.value) }
        return sum + trace.distances.sumOfSquaredNorms(of: form)
          / trace.finalSquaredNorms.reduce(0, +)
      }
    }
    for (position, combination) in fit.combinations {
      let best = square(fit.combinations, through: position)
      let anchors = schedule.filter { $0 < position }.suffix(3)
      #expect(combination.terms.allSatisfy { anchors.contains($0.position) })
      expectClose(combination.weightSum, 1, relative: 1e-9)
      for other in anchors.dropLast() {
        for change in [-0.05, 0.05] {
          var changed = fit.combinations
          changed[position] =
            combination + Combination(valueAt: other) * change - Combination(valueAt: anchors.last!) * change
          // The ridge trades 1e-7 of the error for smaller weights.
          #expect(square(changed, through: position) >= best * (1 - 1e-6), "call \(position)")
        }
      }
    }
  }

  @Test("its replay has the error that fitting promised, and the schedule keeps the constraints")
  func promised() throws {
    for (branches, over) in [(1, Aim.Over.mean), (2, .max)] {
      let traces = traces(3, branches: branches)
      let constraints = ScheduleConstraints(warmUp: 2, longestStreak: 4, lastComputed: true)
      let found = try fitted(traces, over: over, 6, constraints)
      let entry = found.entries[0]
      #expect(constraints.allow(entry.schedule.computed, callCount: 12))
      let text = try #require(found.file(computing: 6, names: ["a"], command: "x"))
      try Fixture.with("fitted.json", text) { path in
        for (trace, promised) in zip(traces, entry.directErrors) {
          let replay = try Replay(PolicyRegistry.plan("fitted:file=\(path)"), over: [trace])
          #expect(replay.streams[0].computedPositions(lane: 0) == entry.schedule.computed)
          expectClose(try #require(replay.directError), promised, relative: 1e-6, absolute: 1e-9)
        }
      }
    }
  }

  @Test("with fitted weights the final error is far below that of the ideal schedule's own predictor")
  func gain() throws {
    let traces = traces(4)
    let entry = try fitted(traces, 5).entries[0]
    let ideal = try IdealSchedules(
      of: PolicyRegistry.plan("taylor:order=1"), over: traces.map { [$0] }, Aim(), ScheduleConstraints(),
      computing: 5...5
    ).entries[0].chunks[0]
    func mean(_ errors: [Double]) -> Double { errors.reduce(0, +) / Double(errors.count) }
    #expect(mean(entry.directErrors) < 0.5 * mean(ideal.directErrors.compactMap(\.self)))
  }

  @Test("keeps as many tensors as are still needed")
  func cache() {
    // At call 3 the values of 0 and 2 are needed, at call 5 those of 2 and 4.
    func value(_ position: Int) -> Combination { Combination(valueAt: position) }
    let schedule = FittedSchedule(
      site: .output,
      domain: ValidityDomain(
        model: "", weightsDigest: "", solver: "", shift: 1, guidance: nil, branchCount: 1,
        sigmas: [1, 0.8, 0.6, 0.4, 0.2, 0.1], experts: [0, 0, 0, 0, 0, 0]), computed: [0, 2, 4],
      combinations: [1: value(0), 3: value(0) * 0.5 + value(2) * 0.5, 5: value(2) * 0.5 + value(4) * 0.5])
    #expect(schedule.cachedTensorCount == 2)
  }

  @Test("other numbers of calls, branches and noise levels are refused")
  func misfits() throws {
    let found = try fitted(traces(1), 5)
    try Fixture.with("a.json", try #require(found.file(computing: 5, names: [], command: ""))) { path in
      let plan = try PolicyRegistry.plan("fitted:file=\(path)")
      #expect(plan.spec.description == "fitted:file=\(path)")
      let subject = "the fitted schedule \(path) is not valid here: this recording has"
      expectPolicyError("\(subject) 9 calls instead of 12; fit anew") {
        _ = try plan.policy(for: traces(1, calls: 9)[0])
      }
      expectPolicyError("\(subject) guidance branches 2 instead of 1; fit anew") {
        _ = try plan.policy(for: traces(1, branches: 2)[0])
      }
      let other = traces(1)[0]
      var calls = other.calls
      calls[0][3].sigma = 0.5
      let shifted = Geometry(
        site: .output, calls: calls, tokens: other.tokens, modalities: other.modalities,
        distances: other.distances)
      let message =
        "\(subject) other noise levels (call 3: 0.5 instead of \(other.calls[0][3].sigma.shortest)); fit anew"
      expectPolicyError(message) { _ = try plan.policy(for: shifted) }
    }
  }

  @Test("weights are fitted to recorded ends, at the same noise levels")
  func refusals() throws {
    let open = Synthetic([Synthetic(.smooth, seed: 1, calls: 12).features[0]]).geometry
    expectPolicyError("weights are fitted to the final latent, which one of the traces does not hold") {
      _ = try fitted([open], 5)
    }
    // 1e-5 more of one call's weight is another solver, 1e-7 is rounding.
    func weighted(_ factor: Double) throws {
      let whole = Synthetic(.smooth, seed: 31, calls: 12, tokens: 6)
      var weights = whole.weights
      weights[0][4] *= factor
      let other = Synthetic(
        whole.features, weights: weights, finalSquaredNorms: Array(repeating: 1, count: 6)
      ).geometry
      _ = try FittedWeights(traces(1) + [other], memory: .max, isCorrecting: true)
    }
    try weighted(1 + 1e-7)
    expectPolicyError(
      "weights are fitted to traces whose solver gives each call the same weight; these differ (another solver or "
        + "guidance scale)"
    ) { try weighted(1 + 1e-5) }
  }

  @Test(
    "a wrong file is named with its line and what is allowed",
    arguments: [
      (
        #""format": "wctrace fitted schedule""#, #""format": "other""#,
        ", line 2: format is 'other'; a fitted schedule says 'wctrace fitted schedule'"
      ),
      (#""version": 1"#, #""version": 3"#, ", line 2: version is 3; this wctrace reads version 1 and 2"),
      (
        #""version": 1"#, #""version": 2"#,
        ", line 3: schedules[0] has no key 'branches'; known are site, mask, predictions, found, valid_for"
      ),
      (
        #""mask": "100""#, #""mask": "10""#,
        ", line 4: schedules[0].mask takes a 1 or 0 for each of the 3 calls that have sigmas, beginning with 1"
      ),
      (
        #""from": [0], "weights": [2]"#, #""from": [1], "weights": [2]"#,
        ", line 6: schedules[0].predictions[1].from[0] is 1; it takes a computed call before call 2"
      ),
      (
        #""from": [0], "weights": [2]"#, #""from": [0], "weights": [2, 3]"#,
        ", line 6: schedules[0].predictions[1].from names 1 calls beside 2 weights; it takes as many, each once"
      ),
      (
        #""call": 2"#, #""call": 1"#,
        ", line 6: schedules[0].predictions[1].call is 1, which is predicted twice"
      ),
      (
        #""call": 2"#, #""call": 0"#,
        ", line 6: schedules[0].predictions[1].call is 0, which is computed according to mask"
      ),
      (
        #", {"call": 2, "from": [0], "weights": [2]}"#, "",
        ", line 6: schedules[0].predictions has no entry for call 2, which is predicted according to mask"
      ),
      (#""branches": 1, "#, "", ", line 3: schedules[0] needs branches: a whole number"),
    ])
  func wrong(written: String, instead: String, message: String) throws {
    let text = """
      {
      "format": "wctrace fitted schedule", "version": 1, "schedules": [
      {"site": "output", "branches": 1, "sigmas": [1, 0.7, 0.3],
      "mask": "100",
      "predictions":
      [{"call": 1, "from": [0], "weights": [1]}, {"call": 2, "from": [0], "weights": [2]}]}]}
      """
    try Fixture.with("a.json", text) { _ = try PolicyRegistry.plan("fitted:file=\($0)") }
    try #require(text.contains(written))
    try Fixture.with("a.json", text.replacing(written, with: instead)) { path in
      expectPolicyError(path + message) { _ = try PolicyRegistry.plan("fitted:file=\(path)") }
    }
  }
}
