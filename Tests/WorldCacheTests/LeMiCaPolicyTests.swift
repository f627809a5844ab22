import Testing
import Trace

@testable import WorldCache

@Suite("lemica")
struct LeMiCaPolicyTests {
  // All weights 1 and three computed calls of five, the ends among them: what is left is the call between. At 1 the
  // edge 1 to 4 costs |2 − 1.5| + (2 + 0.5) = 3; at 2 the edges cost |0 − 2| = 2 and |1.5 + 0.5| = 2; at 3
  // |0 − 2 + 0 − 1.5| = 3.5.
  private let line = Synthetic(
    tokens: [[0, 2, 1.5, -0.5, 0]], weights: [1, 1, 1, 1, 1], finalSquaredNorms: [1])

  @Test("the worst edge counts, not the sum, by hand")
  func byHand() throws {
    #expect(try StreamReplay("lemica:calls=3", line).picture == "CpCpC")
    let edges = EdgeCosts(
      .lemica, .output, [try EdgeCosts.costs(.lemica, over: line.geometry, longest: 9)])
    #expect(EdgePath(edges, computing: 3, .power(1))?.computed == [0, 1, 4], "the sum is least at 3 + 0")
    let path = try edges.path(computing: 3, .lexicographic, of: "x")
    #expect(path.computed == [0, 2, 4])
    for cost in path.costs { expectClose(cost, 2, relative: 1e-12) }
  }

  @Test("the ends are computed, and so is everything where that is asked for")
  func ends() throws {
    #expect(try StreamReplay("lemica:calls=2", line).picture == "CpppC")
    #expect(try StreamReplay("lemica:calls=5", line).picture == "CCCCC")
  }

  @Test("a trace without a final latent has the same timetable")
  func bare() throws {
    let bare = Synthetic(tokens: [[0, 2, 1.5, -0.5, 0]], weights: [1, 1, 1, 1, 1])
    #expect(try StreamReplay("lemica:calls=3", bare).picture == "CpCpC")
  }

  @Test("what cannot be is told")
  func refusals() throws {
    expectPolicyError(
      "lemica:calls=1,site=output: lemica has no timetable of 1 computed calls of 5: the first and the last are "
        + "computed, and at most 3 in a row predicted, so that it takes 2 to 5"
    ) { _ = try StreamReplay("lemica:calls=1", line) }
    expectPolicyError("site=stack of policy 'lemica' is not allowed; it takes one of output, guided") {
      _ = try StreamReplay("lemica:calls=3,site=stack", line)
    }
  }

  @Test("a calibration's timetable is the mask that 'wctrace calibrate' prints")
  func calibrated() throws {
    let calibration = try CalibrationFileTests.calibration(experts: false)
    let edges = try #require(calibration.lemica)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      // Edges of at most three predicted calls: five computed of 16 at least, which is a third of them.
      #expect(
        try PolicyRegistry.plan("lemica:calibration=\(path)").spec.description.contains("calls=5"))
      for count in [5, 7, 16] {
        let plan = try PolicyRegistry.plan("lemica:calibration=\(path),calls=\(count)")
        let geometry = try CalibrationFileTests.geometry(plan, change: CalibrationFileTests.unite)
        let replay = StreamReplay(try plan.policy(for: geometry), over: geometry)
        #expect(
          replay.computedPositions
            == EdgePath(edges, computing: count, .lexicographic)?.computed)
      }
      expectPolicyError(
        "\(path): lemica has no timetable of 4 computed calls of 16: the first and the last are computed, and at most 3 "
          + "in a row predicted, so that it takes 5 to 16"
      ) { _ = try PolicyRegistry.plan("lemica:calibration=\(path),calls=4") }
      expectPolicyError(
        "calls=17 of policy 'lemica' is not allowed; it takes a whole number from 1 to 16"
      ) { _ = try PolicyRegistry.plan("lemica:calibration=\(path),calls=17") }
    }
  }
}
