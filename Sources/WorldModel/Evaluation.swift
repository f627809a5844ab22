/// The denoiser against the truth and against baselines, on scenes it was not trained on.
public struct Evaluation: Sendable {
  /// One method: means over scenes, and correlations over the predicted frames of all scenes.
  public struct Row: Hashable, Sendable {
    public let method: String
    /// Mean ``Quality/psnr`` in dB, and how much it is above that of repeating the last frame.
    public let psnr: Double
    public let psnrGain: Double
    /// Mean ``Quality/disparityError`` in 1/m, and as a fraction of that of repeating the last frame.
    public let disparityError: Double
    public let disparityRatio: Double
    /// Pearson's r between predicted and true position and heading of the camera at each predicted
    /// frame, relative to the last context frame; nil for methods without motion.
    public let correlationX: Double?
    public let correlationZ: Double?
    public let correlationYaw: Double?
    /// The same with the commanded motion taken off both sides: whether the method knows of slips and
    /// obstacles what the commands do not say; nil for methods that follow the commands exactly.
    public let slipCorrelationX: Double?
    public let slipCorrelationZ: Double?
    public let slipCorrelationYaw: Double?
  }

  /// One scene, to look at.
  public struct Sample: Sendable {
    public let sceneSeed: Int
    /// The last context frame.
    public let context: Frame
    public let truth: Prediction
    public let prediction: Prediction
  }

  public let weightsDigest: String
  public let sceneCount: Int
  public let firstSeed: Int
  public let stepCount: Int
  public let shift: Double
  public let guidance: Double
  public let blasThreadCount: Int
  public let blasCore: String
  public let callCount: Int
  /// Wall time of a rollout without rendering, divided by its calls; mean over all scenes.
  public let secondsPerCall: Double
  /// `model` first, then ``Baselines/names``.
  public let rows: [Row]
  public let samples: [Sample]

  /// Predicts one chunk of each scene, in order; the noise has the scene's seed.
  ///
  /// `progress` is told after every step how many calls are done.
  public init(
    weights: Weights, firstSeed: Int = 1_000_000, sceneCount: Int = 32, stepCount: Int = 50,
    shift: Double = 3,
    guidance: Double = 1, progress: (Int) -> Void = { _ in }
  ) throws {
    precondition(sceneCount > 0)
    let baselines = Baselines(config: weights.config)
    var samples: [Sample] = []
    // Per scene, one prediction per method.
    var predictions: [[Prediction]] = []
    var duration = Duration.zero
    var callCount = 0
    for seed in firstSeed..<(firstSeed + sceneCount) {
      let rollout = Rollout(
        weights: weights, stepCount: stepCount, shift: shift, guidance: guidance, sceneSeed: seed,
        noiseSeed: seed)
      let start = ContinuousClock.now
      let chunk = try rollout.run { group in
        callCount += group.count
        progress(callCount)
      }[0]
      duration += ContinuousClock.now - start
      let truth = rollout.truth(chunk: 0)
      predictions.append([chunk.prediction] + baselines.predictions(for: chunk.window, truth: truth))
      samples.append(
        Sample(
          sceneSeed: seed, context: chunk.window.context.frames.last!, truth: truth,
          prediction: chunk.prediction))
    }
    weightsDigest = weights.digest
    self.sceneCount = sceneCount
    self.firstSeed = firstSeed
    self.stepCount = stepCount
    self.shift = shift
    self.guidance = guidance
    blasThreadCount = BLAS.threadCount
    blasCore = BLAS.core
    self.callCount = callCount
    secondsPerCall = duration / .seconds(1) / Double(callCount)
    rows = Evaluation.rows(predictions, truths: samples.map(\.truth))
    self.samples = samples
  }

  static func rows(_ predictions: [[Prediction]], truths: [Prediction]) -> [Row] {
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    let methods = ["model"] + Baselines.names
    let qualities = methods.indices.map { method in
      zip(predictions, truths).map { Quality(of: $0[method], truth: $1) }
    }
    let psnr = qualities.map { mean($0.map(\.psnr)) }
    let disparity = qualities.map { mean($0.map(\.disparityError)) }
    // The first baseline, right after the model.
    let reference = 1
    let commanded = methods.firstIndex(of: "warp-commanded")!
    return methods.indices.map { method in
      func correlation(_ component: (Pose) -> Float, beyond commands: [Double]? = nil) -> Double? {
        let predicted = predictions.flatMap { $0[method].poses.map { Double(component($0)) } }
        let actual = truths.flatMap { $0.poses.map { Double(component($0)) } }
        guard let commands else { return Quality.correlation(predicted, actual) }
        guard Quality.correlation(predicted, actual) != nil else { return nil }
        return Quality.correlation(
          zip(predicted, commands).map { $0 - $1 }, zip(actual, commands).map { $0 - $1 })
      }
      func slip(_ component: (Pose) -> Float) -> Double? {
        correlation(
          component, beyond: predictions.flatMap { $0[commanded].poses.map { Double(component($0)) } })
      }
      return Row(
        method: methods[method], psnr: psnr[method], psnrGain: psnr[method] - psnr[reference],
        disparityError: disparity[method], disparityRatio: disparity[method] / disparity[reference],
        correlationX: correlation(\.x), correlationZ: correlation(\.z), correlationYaw: correlation(\.yaw),
        slipCorrelationX: slip(\.x), slipCorrelationZ: slip(\.z), slipCorrelationYaw: slip(\.yaw))
    }
  }
}
