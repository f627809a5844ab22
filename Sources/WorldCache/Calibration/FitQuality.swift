/// How far a fitted polynomial can be trusted.
public struct FitQuality: Hashable, Sendable {
  /// Pairs (x, y) that were fitted.
  public var pairCount: Int
  /// Calls left out because the signal or the target is 0/0.
  public var undefinedCount: Int
  /// Scenes or prompts; recordings where all are of one scene.
  public var groupCount: Int
  /// Parts that the groups were divided into for cross-validation; 0 where there is one group only.
  public var foldCount: Int
  /// `1 − Σ (y − P(x))² / Σ (y − mean y)²` over the pairs that were fitted.
  public var r2: Double
  /// The same with each pair predicted by a polynomial fitted without its group; nil with one group, and
  /// where what is left over is too little to fit.
  public var crossValidatedR2: Double?
  /// The same for `y = c x` with one factor c, fitted and validated alike: what the raw signal would do, since
  /// the threshold takes any factor up.
  public var identityR2: Double
  /// Part of the pairs whose x lies in the range of the other groups' pairs; nil with one group.
  public var coverage: Double?
  /// x at ranks 0, 5, 50, 95 and 100 %.
  public var signalQuantiles: [Double]

  public init(
    pairCount: Int, undefinedCount: Int, groupCount: Int, foldCount: Int, r2: Double,
    crossValidatedR2: Double?, identityR2: Double, coverage: Double?, signalQuantiles: [Double]
  ) {
    self.pairCount = pairCount
    self.undefinedCount = undefinedCount
    self.groupCount = groupCount
    self.foldCount = foldCount
    self.r2 = r2
    self.crossValidatedR2 = crossValidatedR2
    self.identityR2 = identityR2
    self.coverage = coverage
    self.signalQuantiles = signalQuantiles
  }

  /// Groups beyond which they are put together into so many folds; up to as many, each is left out by itself.
  static let mostSingleFolds = 10
  static let foldCount = 5

  init(_ samples: [TeaCacheCalibration.Sample], _ polynomial: PolynomialFit) {
    let pairs = samples.flatMap(\.pairs)
    var groups: [String] = []
    for sample in samples where !groups.contains(sample.group) { groups.append(sample.group) }
    pairCount = pairs.count
    undefinedCount = samples.reduce(0) { $0 + $1.undefinedCount }
    groupCount = groups.count
    let folds =
      groups.count < 2 ? 0 : groups.count <= FitQuality.mostSingleFolds ? groups.count : FitQuality.foldCount
    foldCount = folds
    r2 = FitQuality.r2(pairs.map(\.y), pairs.map { polynomial.value(at: $0.x) })
    let xs = pairs.map(\.x).sorted()
    signalQuantiles = [0, 0.05, 0.5, 0.95, 1].map { xs[Int((Double(xs.count - 1) * $0).rounded())] }
    guard folds > 0 else {
      let factor = FitQuality.factor(pairs)
      identityR2 = FitQuality.r2(pairs.map(\.y), pairs.map { factor * $0.x })
      return
    }
    let fold = Dictionary(uniqueKeysWithValues: groups.enumerated().map { ($1, $0 % folds) })
    var (truth, fitted, scaled) = ([Double](), [Double](), [Double]())
    var isWhole = true
    var coveredCount = 0
    for part in 0..<folds {
      let rest = samples.filter { fold[$0.group] != part }.flatMap(\.pairs)
      let held = samples.filter { fold[$0.group] == part }.flatMap(\.pairs)
      guard let low = rest.map(\.x).min(), let high = rest.map(\.x).max() else {
        isWhole = false
        continue
      }
      let (fit, factor) = (PolynomialFit(rest, degree: polynomial.degree), FitQuality.factor(rest))
      isWhole = isWhole && fit != nil
      truth += held.map(\.y)
      fitted += held.map { fit?.value(at: $0.x) ?? 0 }
      scaled += held.map { factor * $0.x }
      coveredCount += held.count { (low...high).contains($0.x) }
    }
    crossValidatedR2 = isWhole ? FitQuality.r2(truth, fitted) : nil
    identityR2 = FitQuality.r2(truth, scaled)
    coverage = Double(coveredCount) / Double(max(truth.count, 1))
  }

  // Least squares for y = c x.
  private static func factor(_ pairs: [(x: Double, y: Double)]) -> Double {
    let square = pairs.reduce(0) { $0 + $1.x * $1.x }
    return square > 0 ? pairs.reduce(0) { $0 + $1.x * $1.y } / square : 0
  }

  // Over the mean of what is to be explained; where all of that is one value, 1 when met and 0 otherwise.
  private static func r2(_ truth: [Double], _ values: [Double]) -> Double {
    let mean = truth.reduce(0, +) / Double(max(truth.count, 1))
    let spread = truth.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let rest = zip(truth, values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let rounding = truth.reduce(0) { $0 + $1 * $1 } * 1e-24
    guard spread > rounding else { return rest > rounding ? 0 : 1 }
    return 1 - rest / spread
  }
}
