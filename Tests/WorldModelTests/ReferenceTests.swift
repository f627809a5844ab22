import Foundation
import ModelSupport
import Testing
import Trace

@testable import WorldModel

/// The bundled weights against the training code: Reference/reference.safetensors is made by
/// `python/export.py --reference`, calculated in double precision.
struct ReferenceTests {
  private static func reference() throws -> Safetensors {
    try Safetensors(
      path: Bundle.module.bundleURL.appendingPathComponent("Reference/reference.safetensors").path)
  }

  // Largest difference over largest value.
  private static func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count else { return .infinity }
    let largest = expected.reduce(0) { max($0, abs($1)) }
    return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / largest
  }

  /// Single precision, summed by OpenBLAS in an order of its own, differs from double precision by
  /// some 1e-6 after six blocks; angles of up to 1000 in the timestep embedding bring 1e-5. A wrong
  /// layout, sign or constant shows as 1e-2 and more.
  private static let tolerance: Float = 1e-4

  private func evaluate(_ x: String, sigma: Double, guidance: Double) throws -> Keeper {
    let file = try ReferenceTests.reference()
    let weights = try Weights.bundled()
    let config = weights.config
    var keeper = Keeper()
    var denoiser = Denoiser(weights)
    _ = try denoiser.evaluate(
      TinyModel.group(guidance: guidance, sigma: sigma),
      latent: Tensor(rows: config.tokens, columns: config.targetChannels, values: file.values(x)),
      condition: Tensor(rows: config.tokens, columns: config.conditionChannels, values: file.values("cond")),
      actions: Tensor(rows: config.frames, columns: Config.actionChannels, values: file.values("action")),
      hook: &keeper)
    return keeper
  }

  @Test func bothAreOfTheSameWeights() throws {
    let (file, weights) = (try ReferenceTests.reference(), try Weights.bundled())
    #expect(file.metadata["steps_trained"] == weights.metadata["steps_trained"])
  }

  // Guidance runs both branches, so the conditional taps and the unconditional output come at once.
  @Test func everyTapAgreesWithTheTrainingCode() throws {
    let file = try ReferenceTests.reference()
    let keeper = try evaluate("conditional.0.7/x_t", sigma: 0.7, guidance: 2)
    let config = Config()
    for tap in [Tap.timestep, .hidden(0), .modulated, .block(1), .block(6), .output] {
      var found = try #require(keeper[tap])[0]
      if tap == .output { found = config.targetTokens(found) }
      let error = ReferenceTests.relativeError(found.values, try file.values("conditional.0.7/\(tap)"))
      #expect(error <= ReferenceTests.tolerance, "\(tap): \(error)")
    }
    #expect(try file.values("unconditional.0.7/x_t") == file.values("conditional.0.7/x_t"))
    let unconditional = config.targetTokens(try #require(keeper[.output])[1])
    let error = ReferenceTests.relativeError(
      unconditional.values, try file.values("unconditional.0.7/output"))
    #expect(error <= ReferenceTests.tolerance, "unconditional output: \(error)")
  }

  @Test func lowNoiseAgreesToo() throws {
    let file = try ReferenceTests.reference()
    let output = try #require(try evaluate("conditional.0.05/x_t", sigma: 0.05, guidance: 1)[.output])
    let error = ReferenceTests.relativeError(
      Config().targetTokens(output[0]).values, try file.values("conditional.0.05/output"))
    #expect(error <= ReferenceTests.tolerance, "\(error)")
  }

  /// The training window is rendered again: scenes, reprojection and token layout are those the
  /// weights were trained on. The file went through half precision, whose rounding is at most 2^-11
  /// of values up to about 2; pixels at an edge may fall on either side of it on another processor.
  @Test func theRendererStillMakesTheTrainingData() throws {
    let file = try ReferenceTests.reference()
    let config = Config()
    let seed = try #require(Int(file.metadata["window"] ?? ""))
    let walk = Walk(seed: seed, frameCount: Config.contextFrames + config.frames, config: config)
    let window = walk.window(from: Config.contextFrames, config)
    let pairs = [
      ("target", walk.target(from: Config.contextFrames, config)), ("cond", window.condition(config)),
      ("action", window.actionTensor),
    ]
    for (name, tensor) in pairs {
      let expected = try file.values(name)
      #expect(tensor.values.count == expected.count)
      let far = zip(tensor.values, expected).count { abs($0 - $1) > 2e-3 }
      #expect(far * 1000 <= expected.count, "\(name): \(far) of \(expected.count) values differ")
    }
  }
}
