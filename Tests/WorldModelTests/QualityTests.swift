import ModelSupport
import Testing

@testable import WorldModel

struct QualityTests {
  private func prediction(_ rgb: [Float], _ disparity: [Float], _ pose: Pose = Pose()) -> Prediction {
    Prediction(
      frames: zip(rgb, disparity).map { Frame(rgb: [$0, $0, $0], disparity: [$1]) },
      poses: rgb.map { _ in pose })
  }

  @Test func psnrByHand() {
    // Errors of 0.1 and 0.3: 20 dB and 10.46 dB; mean square (0.01 + 0.09) / 2 = 0.05, 13.01 dB.
    let quality = Quality(of: prediction([0.5, 0.5], [1, 1]), truth: prediction([0.6, 0.2], [1, 1]))
    #expect(abs(quality.framePSNR[0] - 20) < 1e-4 && abs(quality.framePSNR[1] - 10.4576) < 1e-4)
    #expect(abs(quality.psnr - 13.0103) < 1e-4)
    #expect(quality.disparityError == 0)
  }

  @Test func disparityIsCutWhereTheModelEnds() {
    // 3 counts as 1.5, so the errors are 0.3 and 0: √(0.09 / 2) = 0.2121.
    let (found, truth) = (prediction([0, 0], [0.5, 1.5]), prediction([0, 0], [0.8, 3]))
    let quality = Quality(of: found, truth: truth)
    #expect(abs(quality.disparityError - 0.212132) < 1e-5)
    #expect(abs(quality.frameDisparityError[0] - 0.3) < 1e-6 && quality.frameDisparityError[1] == 0)
    #expect(TruthErrors(of: found, truth: truth).frameDisparity == quality.frameDisparityError)
    #expect(quality.psnr == .infinity)
  }

  @Test func correlationByHand() throws {
    #expect(Quality.correlation([1, 2, 3], [10, 20, 30]) == 1)
    #expect(Quality.correlation([1, 2, 3], [3, 2, 1]) == -1)
    // Centred: (-1, 0, 1) and (-1, 1, 0); 1 / √(2 · 2).
    #expect(abs(try #require(Quality.correlation([1, 2, 3], [1, 3, 2])) - 0.5) < 1e-12)
    #expect(Quality.correlation([1, 1, 1], [1, 2, 3]) == nil)
  }

  @Test func rowsCompareWithRepeating() {
    // Two scenes of one frame. The truth is 0.5 at disparity 1; the model errs by 0.01 and 0.1,
    // repeating by 0.1 twice.
    let truths = [prediction([0.5], [1], Pose(x: 1)), prediction([0.5], [1], Pose(x: 2))]
    let still = prediction([0.4], [0.8])
    let models = [prediction([0.51], [0.9], Pose(x: -1)), prediction([0.6], [1], Pose(x: -2))]
    let rows = Evaluation.rows(models.map { [$0, still, still, still, still] }, truths: truths)
    #expect(rows.map(\.method) == ["model", "repeat", "mean", "warp-commanded", "warp-true"])
    // (40 + 20) / 2 = 30 dB against 20; disparity (0.1 + 0) / 2 = 0.05 against 0.2.
    #expect(abs(rows[0].psnr - 30) < 1e-3 && abs(rows[0].psnrGain - 10) < 1e-3)
    #expect(abs(rows[0].disparityError - 0.05) < 1e-6 && abs(rows[0].disparityRatio - 0.25) < 1e-5)
    #expect(rows[0].correlationX == -1 && rows[0].correlationZ == nil)
    #expect(rows[1].psnrGain == 0 && rows[1].disparityRatio == 1 && rows[1].correlationX == nil)
  }

  @Test func baselinesPredictWhatTheirNamesSay() {
    let config = TinyModel.config
    let baselines = Baselines(config: config, meanOver: 0..<2)
    let walk = Walk(seed: 3, frameCount: 4, config: config)
    let window = walk.window(from: 2, config)
    let truth = Prediction(
      frames: Array(walk.frames[2...]), poses: walk.poses[2...].map { $0.relative(to: walk.poses[1]) })
    let predictions = baselines.predictions(for: window, truth: truth)
    #expect(predictions.count == Baselines.names.count)
    #expect(predictions[0].frames == [walk.frames[1], walk.frames[1]])
    // Every pixel of the mean is the mean of the 2 · 4 frames of the training scenes.
    let training = (0..<2).flatMap { Walk(seed: $0, frameCount: 4, config: config).frames }
    let mean = training.map { $0.rgb[7] }.reduce(0, +) / 8
    #expect(abs(predictions[1].frames[1].rgb[7] - mean) < 1e-6)
    #expect(predictions[2].poses == window.commandedPoses && predictions[3].poses == truth.poses)
  }
}
