import ModelSupport
import Testing
import Trace

@testable import WorldModel

/// Another stream after the last block changes the output by what the head says, as the model itself does.
struct DenoiserEndsTests {
  private struct Watch: CallHook {
    var replacement: [Tensor]?
    var stream: [Tensor] = []
    var output: [Tensor] = []

    mutating func begin(_ group: [Call]) {}
    mutating func reached(_ tap: Tap, _ tensors: [Tensor]) -> Passage {
      if tap == .hidden(6) { stream = tensors }
      if tap == .output { output = tensors }
      guard tap == .latent, let replacement else { return .onward }
      return .jump(to: .hidden(6), with: replacement)
    }
  }

  @Test(arguments: [1.0, 2.5])
  func differencesAreThoseOfTheModel(guidance: Double) throws {
    let weights = try TinyModel.weights()
    let rollout = Rollout(weights: weights, stepCount: 3, guidance: guidance, sceneSeed: 5)
    let head = try #require(DenoiserEnds(weights, header: rollout.header(recorder: "tests")))
    let group = rollout.calls.filter { $0.step == 1 }
    let window = rollout.walk.window(from: Config.contextFrames, weights.config)
    let latent = TinyModel.noise(weights.config.tokens, weights.config.targetChannels, seed: 3)
    func evaluate(_ watch: inout Watch) throws {
      var denoiser = Denoiser(weights)
      _ = try denoiser.evaluate(
        group, latent: latent, condition: window.condition(weights.config), actions: window.actionTensor,
        hook: &watch)
    }
    var plain = Watch()
    try evaluate(&plain)
    let other = plain.stream.enumerated().map { branch, stream in
      var stream = stream
      for index in stream.values.indices { stream.values[index] += 0.1 * Float(index % 7 - 3 + branch) }
      return stream
    }
    var changed = Watch(replacement: other)
    try evaluate(&changed)
    let (a, b) = (head.output(of: other, group), head.output(of: plain.stream, group))
    for branch in group.indices {
      for index in a[branch].values.indices {
        let truth = changed.output[branch].values[index] - plain.output[branch].values[index]
        #expect(abs(a[branch].values[index] - b[branch].values[index] - truth) < 1e-4)
      }
      #expect(changed.output[branch] != plain.output[branch])
    }
  }

  @Test func recordingsOfOtherModelsHaveNone() throws {
    let weights = try TinyModel.weights()
    let rollout = Rollout(weights: weights, stepCount: 3, sceneSeed: 5)
    var header = rollout.header(recorder: "tests")
    header.weightsDigest = "other"
    #expect(DenoiserEnds(weights, header: header) == nil)
    header = rollout.header(recorder: "tests")
    header.conditions = []
    #expect(DenoiserEnds(weights, header: header) == nil)
  }
}
