import Testing
import Trace

@testable import WorldCache

@Suite("seacache")
struct SeaCachePolicyTests {
  private let modulated = Quantity(.modulated)

  @Test("changes of the filtered signal add up; equality computes")
  func byHand() throws {
    // ½, 0, ½, 0 and the last call.
    let values = [modulated: [2.0, 3, 3, 4.5, 4.5, 4.5]]
    let run = try ScriptedRun("seacache:threshold=0.5", values)
    #expect(run.picture == "CCpCpC")
    #expect(run.decisions.map(\.signal) == [nil, 0.5, 0, 0.5, 0, nil])
    #expect(try ScriptedRun("seacache:threshold=\(0.5.nextUp)", values).picture == "CppCpC")
    #expect(try ScriptedRun("seacache:forced=first", [modulated: [1, 1, 1]]).picture == "Cpp")
    #expect(try ScriptedRun("seacache", [modulated: [0, 0, 0]]).picture == "CCC")
  }

  @Test("each model's filter, threshold and forced calls")
  func models() throws {
    for (model, power) in [("flux", 2), ("hunyuan", 3), ("wan", 3)] {
      let request = try #require(try PolicyRegistry.plan("seacache:model=\(model)").request(blockCount: 4))
      #expect(
        request.changes == [
          ChangeRequest(Quantity(.modulated), .adjacent, filter: SpectralFilter(power: power))
        ])
      #expect(request.site == .stack)
    }
    #expect(
      try PolicyRegistry.plan("seacache:model=wan").spec.description
        == "seacache:model=wan,threshold=0.2,signal=modulated,power=3,cap=0,order=0,forced=calls,first-calls=2,last-calls=2,"
        + "branches=separate"
    )
  }

  @Test("diffusers looks at the latent, computes after two predicted calls and extrapolates")
  func diffusers() throws {
    #expect(
      try PolicyRegistry.plan("seacache:model=diffusers").spec.description
        == "seacache:model=diffusers,threshold=0.25,signal=latent,power=3,cap=2,order=1,forced=ends,branches=separate"
    )
    let values = [Quantity(.latent): [2.0, 2, 2, 2, 2, 3, 3, 3, 3]]
    let run = try ScriptedRun("seacache:model=diffusers", values)
    #expect(run.picture == "CppCpCppC")
    #expect(run.decisions[3].reason == .cap)
    // One computed value is held; two are carried on: f3 + ⅓ (f3 − f0).
    expectWeights(run.predictions[2]!.combinations[0], [0: 1])
    expectWeights(run.predictions[4]!.combinations[0], [0: -1 / 3, 3: 4 / 3])
    #expect(try ScriptedRun("seacache:model=diffusers,cap=0", values).picture == "CppppCppC")
  }

  @Test("the filter changes what is decided")
  func filtered() throws {
    // A random signal: the filter gives smooth parts more weight, so that sums differ from TeaCache's with P(d) = d.
    let synthetic = Synthetic(.random, seed: 6, calls: 12, tokens: 5)
    let sea = try StreamReplay("seacache:threshold=100", synthetic)
    let tea = try StreamReplay("teacache:model=custom,coefficients=1+0,threshold=100", synthetic)
    #expect(sea.picture == tea.picture)
    #expect(sea.decisions[5].signal != tea.decisions[5].signal)
  }
}
