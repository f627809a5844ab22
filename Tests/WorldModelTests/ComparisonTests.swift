import Foundation
import ModelSupport
import Testing
import Trace

@testable import WorldModel

/// Figures of a run beside the uncached one and the truth.
struct ComparisonTests {
  // Flat images of 0 and 1: means 0 and 1, no variance: c1 c2 / ((1 + c1) c2) with c1 = 0.0001.
  @Test func similarityOfFlatImagesByHand() {
    let (black, white) = (
      [Float](repeating: 0, count: 3 * 12 * 13), [Float](repeating: 1, count: 3 * 12 * 13)
    )
    #expect(SSIM.value(white, white, height: 12, width: 13) == 1)
    let value = SSIM.value(black, white, height: 12, width: 13)
    #expect(abs(value - 0.0001 / 1.0001) < 1e-12)
  }

  // One window: with a and b = −a around one half the means are equal and the covariance is minus the variance.
  @Test func similarityOfANegativeByHand() {
    let a = (0..<121).map { Float($0 % 2) }
    let b = a.map { 1 - $0 }
    let window = (0..<11).map { exp(-pow(Double($0 - 5), 2) / 4.5) }
    let sum = window.reduce(0, +)
    var mean = 0.0
    for y in 0..<11 {
      for x in 0..<11 { mean += window[y] * window[x] / (sum * sum) * Double(a[y * 11 + x]) }
    }
    let variance = mean - mean * mean
    let (c1, c2) = (0.0001, 0.0009)
    let luminance = (2 * mean * (1 - mean) + c1) / (mean * mean + (1 - mean) * (1 - mean) + c1)
    let expected = luminance * (-2 * variance + c2) / (2 * variance + c2)
    #expect(abs(SSIM.value(a, b, height: 11, width: 11, channels: 1) - expected) < 1e-12)
  }

  private func frame(_ rgb: Float, _ disparity: Float) -> Frame {
    Frame(rgb: [Float](repeating: rgb, count: 6), disparity: [Float](repeating: disparity, count: 2))
  }

  // Frame 0 is right; frame 1 is 0.3 too bright, 0.4 too near and one metre and a quarter turn off: a point ahead
  // of (1, 0, 90°) is at (2, 0) and should be at (0, 1): √5 away. Over two frames √(e² / 2).
  @Test func groundTruthErrorsByHand() {
    let truth = Prediction(frames: [frame(0.5, 1), frame(0.5, 1)], poses: [Pose(), Pose()])
    let prediction = Prediction(
      frames: [frame(0.5, 1), frame(0.8, 1.4)], poses: [Pose(), Pose(x: 1, z: 0, yaw: .pi / 2)])
    let errors = TruthErrors(of: prediction, truth: truth)
    for (values, expected) in [
      (errors.frameRGB, 0.3), (errors.frameDisparity, 0.4), (errors.frameMotion, 5.0.squareRoot()),
    ] {
      #expect(values[0] == 0)
      #expect(abs(values[1] - expected) < 1e-6)
    }
    #expect(abs(errors.rgb - 0.3 / 2.0.squareRoot()) < 1e-6)
    #expect(abs(errors.motion - (5.0 / 2).squareRoot()) < 1e-6)
    #expect(errors.frame(1).disparity == errors.frameDisparity[1])
    #expect(TruthErrors.joined([errors, errors]).frameRGB.count == 4)
  }

  @Test func aRunIsItsOwnEqual() throws {
    let rollout = Rollout(weights: try TinyModel.weights(), stepCount: 2, chunkCount: 2, sceneSeed: 5)
    let run = try rollout.run()
    let same = RolloutComparison(run, uncached: run, of: rollout)
    #expect(same.finalError == 0 && same.psnr == .infinity && same.ssim == 1)
    #expect(same.errors == same.uncachedErrors && same.chunks.map(\.chunk) == [0, 1])
    // Another noise: as far as the latents differ.
    let other = try Rollout(
      weights: rollout.weights, stepCount: 2, chunkCount: 2, sceneSeed: 5, noiseSeed: 3
    ).run()
    let apart = RolloutComparison(other, uncached: run, of: rollout)
    let squares = zip(other.flatMap(\.latent.values), run.flatMap(\.latent.values))
      .reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    let norm = run.flatMap(\.latent.values).reduce(0) { $0 + Double($1 * $1) }
    #expect(abs(apart.finalError - (squares / norm).squareRoot()) < 1e-6 * apart.finalError)
    #expect(apart.psnr < 60 && apart.ssim <= 1)
  }

  @Test func chunksMayBeginWhereAnotherRunsDid() throws {
    let rollout = Rollout(weights: try TinyModel.weights(), stepCount: 2, chunkCount: 2, sceneSeed: 5)
    let uncached = try rollout.run()
    let fewer = Rollout(rollout, schedule: Schedule(stepCount: 1, shift: 3))
    var hook = Onward()
    let chained = try fewer.run(hook: &hook)
    let equal = try fewer.run(hook: &hook, contexts: uncached)
    #expect(chained[0].latent == equal[0].latent)
    #expect(equal[1].window.context.frames == uncached[1].window.context.frames)
    #expect(chained[1].window.context.frames == chained[0].context.frames)
    #expect(chained[1].latent != equal[1].latent)
    #expect(try rollout.run(hook: &hook, contexts: uncached).map(\.latent) == uncached.map(\.latent))
  }
}
