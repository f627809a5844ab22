import Testing
import Trace

@testable import WorldCache

@Suite("magcache")
struct MagCachePolicyTests {
  @Test("FLUX, 28 calls, 0.24 / 5 / 0.1: with index 11, and without it in diffusers")
  func flux() throws {
    #expect(try ScriptedRun("magcache", calls: 28).computedPositions == [0, 1, 2, 5, 9, 11, 17, 23, 26])
    #expect(
      try ScriptedRun("magcache:family=diffusers,threshold=0.24,cap=5,retention=0.1", calls: 28)
        .computedPositions == [0, 1, 2, 5, 9, 15, 21, 26])
    #expect(try ScriptedRun("magcache", calls: 28).decisions[11].reason == .forced)
  }

  @Test("the product of ratios decides, by hand")
  func byHand() throws {
    // γ = 1, 2, ½, ½, 1, 1: ρ = 2, 1, ½, ½, ½ and |1 − ρ| = 1, 0, ½, ½, ½, summed 1, 1, 1.5, 2, 2.5.
    let ratios = "family=hunyuan,table=custom,ratios=1+2+0.5+0.5+1+1,retention=0"
    let free = try ScriptedRun("magcache:\(ratios),threshold=9,cap=9", calls: 6)
    #expect(free.decisions.map(\.signal) == [nil, 1, 1, 1.5, 2, 2.5])
    #expect(free.picture == "Cppppp")
    // At 1.5 exactly the call is predicted; 2 computes, and the sum starts anew with |1 − 1|.
    let run = try ScriptedRun("magcache:\(ratios),threshold=1.5,cap=9", calls: 6)
    #expect(run.picture == "CpppCp")
    #expect(run.decisions[5].signal == 0)
    // Wan's comparison is strict.
    let wan = "family=wan,table=custom,ratios=1+2+0.5+0.5+1+1,retention=0"
    #expect(try ScriptedRun("magcache:\(wan),threshold=1.5,cap=9", calls: 6).picture == "CppCpp")
    let capped = try ScriptedRun("magcache:\(ratios),threshold=9,cap=2", calls: 6)
    #expect(capped.picture == "CppCpp")
    #expect(capped.decisions[3].reason == .cap)
  }

  @Test("retained shares are rounded as each script does")
  func retention() throws {
    // 0.2 · 13 = 2.6: half up for FLUX, down for Hunyuan, up for OmniGen2 (whose first eligible call is computed too).
    func warm(_ family: String) throws -> Int {
      let run = try ScriptedRun(
        "magcache:family=\(family),table=flux,threshold=9,cap=99,retention=0.2", calls: 13)
      return run.decisions.prefix { $0.reason == .warmUp }.count
    }
    #expect(try warm("flux") == 3)
    #expect(try warm("diffusers") == 3)
    #expect(try warm("hunyuan") == 2)
    #expect(try warm("omnigen2") == 3)
    // 0.2 · 26 evaluations = 5.2, of which 5 are retained: steps 0 to 2 of branch 0, 0 and 1 of branch 1.
    for (branch, count) in [(0, 3), (1, 2)] {
      let run = try ScriptedRun(
        "magcache:family=wan,threshold=9,cap=99,retention=0.2", [:], .branch(branch, of: 13))
      #expect(run.decisions.prefix { $0.reason == .warmUp }.count == count)
    }
  }

  @Test(
    "a list for each branch is for families that decide for each; others refuse it",
    arguments: [
      ("flux", false), ("diffusers", false), ("hunyuan", false), ("framepack", false), ("omnigen2", true),
      ("wan", true),
      ("qwen", true), ("wan2.2-t2v", true), ("wan2.2-i2v", true),
    ])
  func byBranch(family: String, isTaken: Bool) throws {
    let lists = "family=\(family),table=custom-by-branch,ratios=1+1+1+1,second-ratios=1+9+9+9"
    guard isTaken else {
      return expectPolicyError(
        "family=\(family) of policy 'magcache' decides for all guidance branches at once and would never look at "
          + "second-ratios; take table=custom with one list, or a family that decides for each: omnigen2, wan, qwen, "
          + "wan2.2-t2v, wan2.2-i2v"
      ) { _ = try PolicyRegistry.plan("magcache:\(lists)") }
    }
    // The second list changes too much to skip anything.
    let settings = "magcache:\(lists),threshold=1,cap=9,retention=0"
    #expect(try ScriptedRun(settings, [:], .branch(0, of: 4)).picture.contains("p"))
    #expect(try ScriptedRun(settings, [:], .branch(1, of: 4)).picture == "CCCC")
  }

  @Test("OmniGen2 computes its first eligible call")
  func omniGen() throws {
    let run = try ScriptedRun(
      "magcache:family=omnigen2,table=custom,ratios=1,threshold=9,retention=0.25", calls: 12)
    #expect(run.picture == "CCCCpppCpppC")
    #expect(run.decisions[3].reason == .cap)
  }

  @Test("FramePack computes where a single ratio strays by more than 0.06")
  func framePack() throws {
    let run = try ScriptedRun(
      "magcache:family=framepack,table=custom,ratios=1+1+1.07+0.95+1,threshold=9,cap=9,retention=0", calls: 5)
    #expect(run.picture == "CpCpp")
    #expect(run.decisions[2].reason == .forced)
  }

  @Test("Wan 2.2 retains a share of both experts, or the whole first one")
  func experts() throws {
    func pictures(_ family: String) throws -> [String] {
      try [0..<10, 10..<20].map {
        try ScriptedRun(
          "magcache:family=\(family),table=custom,ratios=1,threshold=9,cap=99,retention=0.4", [:],
          .expert($0, of: 20)
        ).picture
      }
    }
    // 0.4 · 10 = 4 evaluations of the first; the second's boundary includes the fourth.
    #expect(try pictures("wan2.2-t2v") == ["CCCCpppppp", "CCCCCppppp"])
    #expect(try pictures("wan2.2-i2v") == ["CCCCCCCCCC", "CCCCpppppp"])
    #expect(
      try ScriptedRun("magcache:family=wan2.2-t2v,table=custom,ratios=1,retention=0.4", calls: 10).picture
        == "CCCCppCppC")
  }

  @Test("tables of another length are read at the nearest index, halves to even")
  func resampled() {
    #expect(MagnitudeRatios.resampled([1, 2, 3], callCount: 3) == [1, 2, 3])
    // i · 2 / 4 = 0, ½, 1, 1½, 2.
    #expect(MagnitudeRatios.resampled([1, 2, 3], callCount: 5) == [1, 1, 2, 3, 3])
    #expect(MagnitudeRatios.resampled([1, 2, 3], callCount: 2) == [1, 3])
    #expect(MagnitudeRatios.resampled([1, 2, 3], callCount: 1) == [3])
  }

  @Test("the published tables have the lengths of their calibrations and begin with 1")
  func tables() {
    let lengths = MagnitudeRatios.published.mapValues { $0.map(\.count) }
    #expect(lengths["flux"] == [28])
    #expect(lengths["hunyuan-544p"] == [50])
    #expect(lengths["wan2.1-t2v-14b"] == [50, 50])
    #expect(lengths["wan2.1-i2v-720p"] == [40, 40])
    #expect(lengths["wan2.2-t2v"] == [40, 40])
    #expect(lengths["framepack"] == [25])
    #expect(lengths.count == 19)
    for (name, branches) in MagnitudeRatios.published {
      #expect(branches.allSatisfy { $0[0] == 1 && $0.allSatisfy { $0 > 0.5 && $0 < 2 } }, "\(name)")
    }
  }
}
