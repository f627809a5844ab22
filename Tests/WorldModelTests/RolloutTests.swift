import ModelSupport
import Testing
import Trace

@testable import WorldModel

struct RolloutTests {
  private func rollout(chunks: Int = 2, guidance: Double = 1, noiseSeed: Int = 1) throws -> Rollout {
    Rollout(
      weights: try TinyModel.weights(), stepCount: 3, shift: 3, guidance: guidance, chunkCount: chunks,
      sceneSeed: 5,
      noiseSeed: noiseSeed)
  }

  @Test func everyCallHasItsClocks() throws {
    let rollout = try rollout(guidance: 2.5)
    let calls = rollout.calls
    // 2 chunks of 3 steps of 2 branches, in this order.
    #expect(calls.map(\.ordinal) == Array(0..<12))
    #expect(calls.map(\.chunk) == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    #expect(calls.map(\.step) == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2])
    #expect(calls.map(\.branch) == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    #expect(calls.map(\.position) == calls.map(\.step))
    #expect(calls.allSatisfy { $0.timestep == 1000 * $0.sigma && $0.guidance == 2.5 && $0.expert == 0 })
    // n = 3, s = 3: u = 1, 2/3, 1/3, so sigma = 1, 6/7, 3/5.
    for (call, sigma) in zip(calls, [1, 1, 6.0 / 7, 6.0 / 7, 0.6, 0.6]) {
      #expect(abs(call.sigma - sigma) < 1e-15)
    }
    for chunk in 0..<2 {
      #expect(abs(calls.filter { $0.chunk == chunk }.map(\.weight).reduce(0, +) + 1) < 1e-12)
    }
    // Branch 0 counts g = 2.5 times, branch 1 1 - g = -1.5 times.
    #expect(abs(calls[1].weight / calls[0].weight + 1.5 / 2.5) < 1e-12)
    #expect(try self.rollout().calls.map(\.branch) == [0, 0, 0, 0, 0, 0])
  }

  @Test func theHookSeesTheCallsThatWerePlanned() throws {
    let rollout = try rollout(guidance: 2.5)
    var keeper = Keeper()
    var done: [Call] = []
    _ = try rollout.run(hook: &keeper) { done += $0 }
    #expect(keeper.begun.flatMap { $0 } == rollout.calls)
    #expect(done == rollout.calls)
  }

  // What `weight` means: final latent = initial noise + Σ weight · output, whatever the solver, and also where
  // the unconditional branch ends early.
  @Test(arguments: [Solver.euler, .ab2], [3, 2, 0])
  func outputsWithTheirWeightsMakeTheLatent(solver: Solver, guidedStepCount: Int) throws {
    let rollout = Rollout(
      try rollout(chunks: 1, guidance: 2.5), schedule: Schedule(sigmas: [1, 0.9, 0.4, 0]), solver: solver,
      guidedStepCount: guidedStepCount)
    #expect(rollout.calls.count == 3 + guidedStepCount)
    #expect(rollout.calls.map(\.ordinal) == Array(0..<(3 + guidedStepCount)))
    var keeper = Keeper()
    let latent = try rollout.run(hook: &keeper)[0].latent
    let config = rollout.weights.config
    let steps = keeper.shown.filter { $0.tap == .output }.flatMap(\.tensors)
    var sum = try #require(keeper.shown.first).tensors[0].values.map(Double.init)
    for (call, output) in zip(rollout.calls, steps) {
      for i in sum.indices { sum[i] += call.weight * Double(output.values[i]) }
    }
    let largest = sum.reduce(0) { max($0, abs($1)) }
    for (a, b) in zip(config.outputRows(latent).values, sum) {
      // Three steps in single precision.
      #expect(abs(Double(a) - b) <= 1e-5 * largest)
    }
  }

  @Test func aChunkStartsFromTheLastFramesOfTheOneBefore() throws {
    let rollout = try rollout()
    let chunks = try rollout.run()
    #expect(chunks.map(\.index) == [0, 1])
    #expect(chunks[0].window.context.frames == Array(rollout.walk.frames[0..<2]))
    #expect(chunks[0].window.actions == Array(rollout.walk.actions[2..<4]))
    #expect(chunks[1].window.context.frames == chunks[0].prediction.frames)
    #expect(chunks[1].window.actions == Array(rollout.walk.actions[4..<6]))
    let (poses, context) = (chunks[0].prediction.poses, chunks[1].window.context.poses)
    #expect(context == [poses[0].relative(to: poses[1]), poses[1].relative(to: poses[1])])
    #expect(context[1] == Pose())
    #expect(rollout.truth(chunk: 1).frames == Array(rollout.walk.frames[4..<6]))
  }

  @Test func seedsDecideEverything() throws {
    let once = try rollout().run().map(\.latent)
    #expect(try rollout().run().map(\.latent) == once)
    #expect(try rollout(noiseSeed: 2).run().map(\.latent) != once)
    var keeper = Keeper()
    _ = try rollout().run(hook: &keeper)
    let starts = keeper.shown.filter { $0.tap == .latent }.map(\.tensors[0])
    // Steps 0...2 are chunk 0: each chunk has noise of its own.
    #expect(starts[0] != starts[3])
  }

  @Test func theHeaderSaysHowItWasMade() throws {
    let rollout = try rollout(guidance: 2.5)
    let header = rollout.header(recorder: "wctrace 0")
    #expect(header.model == "wctrace-world-1" && header.solver == "euler" && header.recorder == "wctrace 0")
    #expect(
      header.stepCount == 3 && header.chunkCount == 2 && header.branchCount == 2 && header.blockCount == 6)
    #expect(header.shift == 3 && header.sceneSeed == 5 && header.noiseSeed == 1)
    #expect(header.weightsDigest == rollout.weights.digest && !header.blasCore.isEmpty)
    #expect(header.blasThreadCount == BLAS.threadCount)
  }
}
