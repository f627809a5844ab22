public import Trace

/// TeaCache's polynomials for one model: how much its target changes from call to call, by how much its
/// signal does.
public struct TeaCacheCalibration: Hashable, Sendable {
  /// What the policy looks at.
  public enum Signal: String, CaseIterable, Sendable {
    /// The modulated input of block 1.
    case modulated
    /// The embedding of the noise level.
    case timestep

    /// The tap, as a quantity.
    public var quantity: Quantity { Quantity(self == .timestep ? .timestep : .modulated) }
  }

  /// What it is to foretell.
  public enum Target: String, CaseIterable, Sendable {
    /// The model's output, as the authors fit it.
    case output
    /// The residual stream after the last block (vllm-omni).
    case hidden
    /// What the blocks add to the residual stream: what the policy holds.
    case residual

    /// The taps, in a model with `blockCount` blocks.
    public func quantity(blockCount: Int) -> Quantity {
      switch self {
      case .output: Quantity(.output)
      case .hidden: Quantity(.hidden(blockCount))
      case .residual: Quantity(.hidden(blockCount), minus: .hidden(0))
      }
    }
  }

  /// One polynomial: of one guidance branch or of all pooled, and of one expert.
  public struct Fit: Hashable, Sendable {
    /// The branch; nil where changes are means over all branches.
    public var branch: Int?
    public var expert: Int
    /// `x = mean |m_s − m_(s−1)| / mean |m_(s−1)|` to the same of the target.
    public var polynomial: PolynomialFit
    public var quality: FitQuality
    /// The threshold at which half of the calls of the calibration's own recordings are computed, the first
    /// and the last of every stream among them: a place to start from.
    public var halvingThreshold: Double
  }

  public var signal: Signal
  public var target: Target
  /// Pooled ones first, then branch by branch where there are several; within that by expert.
  public var fits: [Fit]

  public init(signal: Signal, target: Target, fits: [Fit]) {
    self.signal = signal
    self.target = target
    self.fits = fits
  }

  /// The polynomial for a branch and expert; the pooled one where the branch has none.
  public func fit(branch: Int?, expert: Int) -> Fit? {
    fits.first { $0.branch == branch && $0.expert == expert }
      ?? fits.first { $0.branch == nil && $0.expert == expert }
  }

  /// Pairs (x, y) of one scope and expert, stream by stream.
  struct Sample: Sendable {
    var group: String
    var pairs: [(x: Double, y: Double)]
    /// Calls at which x or y is 0/0.
    var undefinedCount: Int
  }

  /// Relative changes between neighbouring calls of every segment of a chunk, `nil` for all branches pooled.
  static func samples(
    of geometry: Geometry, _ signal: Signal, _ target: Target, branch: Int?, group: String
  ) -> [(expert: Int, sample: Sample)] {
    // By the formula that the policy decides with.
    let signals = GeometrySignals.open(geometry, branches: branch.map { $0..<($0 + 1) })
    func change(_ quantity: Quantity, _ position: Int) -> Double {
      signals.relativeChange(ChangeRequest(quantity, .adjacent), at: position, from: position - 1)
    }
    let target = target.quantity(blockCount: geometry.blockCount)
    return geometry.segments.map { segment in
      var sample = Sample(group: group, pairs: [], undefinedCount: 0)
      for position in segment.dropFirst() {
        let pair = (x: change(signal.quantity, position), y: change(target, position))
        if pair.x.isFinite, pair.y.isFinite {
          sample.pairs.append(pair)
        } else {
          sample.undefinedCount += 1
        }
      }
      return (geometry.calls[0][segment.lowerBound].expert, sample)
    }
  }

  /// Fits one scope; throws a ``PolicyError`` when there is too little to fit.
  static func fit(_ samples: [Sample], degree: Int, branch: Int?, expert: Int) throws -> Fit {
    let pairs = samples.flatMap(\.pairs)
    guard let polynomial = PolynomialFit(pairs, degree: degree) else {
      let count = Set(pairs.map(\.x)).count
      throw PolicyError(
        "\(place(branch, expert)) has \(count) different changes of the signal; a polynomial of degree \(degree) "
          + "needs \(degree + 1)")
    }
    return Fit(
      branch: branch, expert: expert, polynomial: polynomial,
      quality: FitQuality(samples, polynomial), halvingThreshold: halvingThreshold(samples, polynomial))
  }

  static func place(_ branch: Int?, _ expert: Int) -> String {
    (branch.map { "branch \($0)" } ?? "all branches") + (expert > 0 ? ", expert \(expert)" : "")
  }

  // The least threshold at which no more than half of all calls are computed.
  private static func halvingThreshold(_ samples: [Sample], _ polynomial: PolynomialFit) -> Double {
    func computedCount(_ threshold: Double) -> Int {
      samples.reduce(0) { total, sample in
        var (sum, count) = (0.0, min(2, sample.pairs.count + 1))
        for pair in sample.pairs.dropLast() {
          sum += polynomial.value(at: pair.x)
          if sum >= threshold {
            sum = 0
            count += 1
          }
        }
        return total + count
      }
    }
    let half = samples.reduce(0) { $0 + $1.pairs.count + 1 } / 2
    let total = samples.flatMap(\.pairs).reduce(0) { $0 + abs(polynomial.value(at: $1.x)) }
    var (low, high) = (0.0, max(total, .leastNormalMagnitude))
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if computedCount(middle) > half { low = middle } else { high = middle }
    }
    // A short number reads better, and serves as well.
    return rounded(high)
  }

  /// The nearest number of three digits that is not below.
  static func rounded(_ value: Double) -> Double {
    // Below the smallest number that a power of ten can bring to three digits there is nothing to round.
    guard value > 1e-300, value.isFinite else { return value }
    var scale = 1.0
    while value * scale < 100 { scale *= 10 }
    while value * scale >= 1000 { scale /= 10 }
    return (value * scale).rounded(.up) / scale
  }
}
