import Testing
import Trace

@testable import WorldCache

@Suite("mask")
struct MaskPolicyTests {
  private let line = Synthetic(tokens: [[2, 3, 5, 9]])

  @Test("bits and positions say the same")
  func spellings() throws {
    #expect(try StreamReplay("mask:calls=1101", line).picture == "CCpC")
    #expect(try StreamReplay("mask:calls=0+1+3", line).picture == "CCpC")
    #expect(try StreamReplay("mask:calls=0", line).picture == "Cppp")
    #expect(
      try PolicyRegistry.plan("mask:calls=1101").spec.description
        == "mask:calls=1101,predictor=hold,site=output")
  }

  @Test("predictor and site are settings")
  func predictor() throws {
    // Order 1 from 2 and 3 predicts 4 where 5 was recorded.
    let replay = try StreamReplay("mask:calls=1101,predictor=taylor", line)
    expectClose(replay.callErrors[0][2], 1.0 / 5, relative: 1e-14)
    #expect(try PolicyRegistry.plan("mask:calls=1,site=stack").request(blockCount: 4)?.site == .stack)
  }

  @Test(
    "anything else is refused",
    arguments: ["01", "0+", "0+2+1", "0+0", "1+2", "102", "0+1x", "00", "2", "0++1", "-1", "0+01"])
  func refused(calls: String) {
    expectPolicyError(
      "calls=\(calls) of policy 'mask' is not allowed; it takes a 1 for each computed call and a 0 for each "
        + "predicted one, such as 1101, or computed positions in ascending order joined by +, such as 0+1+3"
    ) { _ = try PolicyRegistry.plan("mask:calls=\(calls)") }
  }

  @Test("a mask must have one bit for each call, positions must lie within the chunk")
  func lengths() {
    let settings = "predictor=hold,site=output"
    expectPolicyError("mask:calls=110,\(settings) has 3 calls for chunk 0, which has 4") {
      _ = try StreamReplay("mask:calls=110", line)
    }
    expectPolicyError(
      "mask:calls=0+4,\(settings) computes call 4 of chunk 0, which has the calls 0 to 3"
    ) { _ = try StreamReplay("mask:calls=0+4", line) }
  }
}
