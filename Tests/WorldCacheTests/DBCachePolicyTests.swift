import Testing
import Trace

@testable import WorldCache

@Suite("dbcache")
struct DBCachePolicyTests {
  private let residual = Quantity(.block(8), minus: .hidden(0))

  private func picture(_ settings: String, _ values: [Double]) throws -> String {
    try ScriptedRun("dbcache:\(settings)", [residual: values]).picture
  }

  private func still(_ calls: Int) -> [Double] { Array(repeating: 1, count: calls) }

  @Test("warm-up leaves holes where its interval is above 1")
  func warmUp() throws {
    #expect(try picture("warmup=4", still(7)) == "CCCCppp")
    #expect(try picture("warmup=6,warmup-interval=2", still(9)) == "CpCpCpppp")
    #expect(try picture("warmup=0", still(3)) == "Cpp")
    #expect(try ScriptedRun("dbcache", [residual: still(10)]).picture == "CCCCCCCCpp")
  }

  @Test("the change is measured from the last computed call; equality computes")
  func boundary() throws {
    #expect(try picture("warmup=1,threshold=0.25", [4, 5, 6, 6, 7]) == "CCppC")
    #expect(try picture("warmup=1,threshold=\(0.25.nextUp)", [4, 5, 6, 6, 7]) == "CpCpp")
    #expect(try picture("warmup=1", [0, 0, 0]) == "CCC")
  }

  @Test("thresholds of 0 and of 1 do not measure")
  func extremes() throws {
    #expect(try ScriptedRun("dbcache:warmup=1,threshold=0", [:], .plain(4)).picture == "CCCC")
    #expect(try ScriptedRun("dbcache:warmup=1,threshold=1,budget=0.1", [:], .plain(4)).picture == "Cppp")
  }

  @Test("at most so many predicted steps in all")
  func maxCached() throws {
    let run = try ScriptedRun("dbcache:warmup=1,max-cached=3", [residual: still(7)])
    #expect(run.picture == "CpppCCC")
    #expect(run.decisions[4].reason == .budget)
    #expect(try picture("warmup=1,max-cached=0", still(3)) == "CCC")
  }

  @Test("at most so many predicted steps in a row")
  func maxContinuous() throws {
    let run = try ScriptedRun("dbcache:warmup=1,max-continuous=2", [residual: still(8)])
    #expect(run.picture == "CppCppCp")
    #expect(run.decisions[3].reason == .cap)
    #expect(try picture("warmup=1,max-continuous=2,counter=sticky", still(8)) == "CppCppCp")
  }

  @Test("the sticky counter survives a step that the change computed")
  func sticky() throws {
    // Two predicted, one computed by its change. Streak: three more. Sticky: still 2, unchanged by the next step, then 3.
    let values: [Double] = [1, 1, 1, 2, 2, 2, 2, 2]
    #expect(try picture("warmup=1,max-continuous=3", values) == "CppCpppC")
    #expect(try picture("warmup=1,max-continuous=3,counter=sticky", values) == "CppCppCp")
  }

  @Test("the budget is spent by every measured difference and never refilled")
  func budget() throws {
    // Differences of ⅛ from the first call: ⅛, ¼, ⅜ reach the budget after the third.
    let run = try ScriptedRun(
      "dbcache:warmup=1,threshold=0.5,budget=0.375", [residual: [8, 9, 9, 9, 9, 9]])
    #expect(run.picture == "CpppCC")
    #expect(run.decisions[4] == Decision(.compute, .budget, signal: 0.375, threshold: 0.375))
    // A computed step spends its large difference too.
    #expect(try picture("warmup=1,threshold=0.5,budget=0.375", [8, 16, 16, 16]) == "CCCC")
  }

  @Test("masks compute, and static ones predict the rest")
  func mask() throws {
    // 8 calls, medium: 11110101.
    let moving: [Double] = [1, 2, 4, 8, 16, 32, 64, 128]
    #expect(try picture("mask=medium", still(8)) == "CCCCpCpC")
    #expect(try picture("mask=medium", moving) == "CCCCCCCC")
    #expect(try picture("mask=medium,mask-policy=static,threshold=0", moving) == "CCCCpCpC")
    // The warm-up ends with the mask's leading ones, but is not shorter than they are.
    let run = try ScriptedRun("dbcache:mask=medium,warmup=2", [residual: still(8)])
    #expect(run.decisions.prefix(5).map(\.reason) == [.warmUp, .warmUp, .schedule, .schedule, .threshold])
    expectPolicyError(
      "dbcache:fn=2,bn=0,threshold=0.08,warmup=8,warmup-interval=1,max-cached=-1,max-continuous=-1,counter=streak,"
        + "budget=0,mask=slow,mask-policy=dynamic,branches=pooled,predictor=hold has no mask for 7 calls in a chunk; "
        + "there are masks for 4, 6 or at least 8 calls"
    ) { _ = try StreamReplay("dbcache:fn=2,mask=slow", Synthetic(.still, seed: 1, calls: 7)) }
  }

  @Test("TaylorSeer's differences begin at step 3, or 2 without its lag")
  func taylor() throws {
    let values = [residual: still(4)]
    let run = try ScriptedRun("dbcache:warmup=3,predictor=taylor,lag=0", values)
    expectWeights(run.predictions[3]!.combinations[0], [1: -1, 2: 2])
    let lagging = try ScriptedRun("dbcache:warmup=3,predictor=taylor", values)
    expectWeights(lagging.predictions[3]!.combinations[0], [2: 1])
  }

  @Test("FoCa follows DBCache's decisions and builds on its own predictions")
  func foca() throws {
    let run = try ScriptedRun("dbcache:warmup=2,predictor=foca,max-continuous=2", [residual: still(7)])
    #expect(run.picture == "CCppCpp")
    // e = 1: f1 + ½ ((f1 − f0) + (f1 − f0)) = 2 f1 − f0.
    expectWeights(run.predictions[2]!.combinations[0], [0: -1, 1: 2])
    // e = 2: f1 + (f1 − f0) + ((2 f1 − f0) − f1) = 3 f1 − 2 f0.
    expectWeights(run.predictions[3]!.combinations[0], [0: -2, 1: 3])
    // e = 1 after call 4: f4 + ½ ((f4 − f1) + (f4 − (3 f1 − 2 f0))) = 2 f4 − 2 f1 + f0.
    expectWeights(run.predictions[5]!.combinations[0], [0: 1, 1: -2, 4: 2])
  }

  @Test("DMD takes a line over two gaps until four equally spaced values are there")
  func modes() throws {
    let run = try ScriptedRun("dbcache:warmup=3,predictor=dmd,max-continuous=2", [residual: still(8)])
    #expect(run.picture == "CCCppCpp")
    // Nothing to go by at calls 0 to 2; after 5, f5 + ⅓ (f5 − f1) and twice that.
    expectWeights(run.predictions[3]!.combinations[0], [2: 1])
    expectWeights(run.predictions[6]!.combinations[0], [1: -1 / 3, 5: 4 / 3])
    expectWeights(run.predictions[7]!.combinations[0], [1: -2 / 3, 5: 5 / 3])
    // From then on its predictions are those of the policy dmd, whose modes are worked out by hand there.
    let synthetic = Synthetic(.smooth, seed: 8, branches: 2, calls: 9, tokens: 4)
    let replay = try StreamReplay("dbcache:warmup=5,threshold=1,predictor=dmd", synthetic)
    let alone = try StreamReplay("dmd:first-enhance=5,interval=90,site=rest.8", synthetic)
    #expect(replay.picture(lane: 0) == "CCCCCpppp")
    #expect(replay.callErrors == alone.callErrors && replay.callErrors[0][6] > 0)
  }

  @Test("what is cached lies between the first and the last blocks")
  func site() throws {
    #expect(
      try PolicyRegistry.plan("dbcache:fn=2,bn=1").request(blockCount: 6)?.site == .rest(after: 2, tail: 1))
    let synthetic = Synthetic(.smooth, seed: 3, branches: 2, calls: 12, tokens: 4)
    for (branches, lanes) in [("pooled", 1), ("separate", 2), ("lead", 1)] {
      let replay = try StreamReplay(
        "dbcache:fn=2,bn=1,warmup=3,threshold=0.5,branches=\(branches)", synthetic)
      #expect(replay.lanes.count == lanes)
    }
  }
}
