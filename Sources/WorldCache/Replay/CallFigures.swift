/// The error of one predicted call of one branch over one set of tokens.
public struct CallFigures: Hashable, Sendable {
  /// Root mean square of the error over that of the recorded value, both over the set.
  public var error: Double
  /// Cosine between predicted and recorded value of the cached quantity, all channels of the set as one
  /// vector; nil where one of them is zero throughout.
  public var cosine: Double?
  /// Largest error of a single token, over the set's root mean square.
  public var worstToken: Double
  /// Quantiles over tokens of the single tokens' errors (``levels``), over the set's root mean square.
  public var quantiles: [Double]

  /// The levels at which quantiles over tokens are told.
  public static let levels = [0.5, 0.9, 0.95, 0.99]
  /// Their names: p50, p90, p95, p99.
  public static let levelNames = levels.map { "p\(Int(($0 * 100).rounded()))" }

  /// From squared norms of every token of the set: of the error, of the prediction, of the recorded value of
  /// the cached quantity, and of what the call emitted in the recording.
  init(errors: [Double], predicted: [Double], recorded: [Double], emitted: [Double]) {
    let (error, p, f) = (errors.reduce(0, +), predicted.reduce(0, +), recorded.reduce(0, +))
    let scale = emitted.reduce(0, +)
    self.error = Relative.error(error, scale)
    // 2 ⟨p, f⟩ = ‖p‖² + ‖f‖² − ‖p − f‖²
    cosine = p > 0 && f > 0 ? max(-1, min(1, (p + f - error) / (2 * (p * f).squareRoot()))) : nil
    let meanSquare = scale / Double(errors.count)
    let tokens = errors.map { Relative.error($0, meanSquare) }
    worstToken = tokens.max() ?? 0
    quantiles = Quantile.linear(CallFigures.levels, of: tokens)
  }
}

/// Ratios of squared norms.
///
/// A tensor that is zero throughout has no scale: exact predictions of it are right, others infinitely wrong.
enum Relative {
  static func square(_ square: Double, _ scale: Double) -> Double { square == 0 ? 0 : square / scale }
  static func error(_ square: Double, _ scale: Double) -> Double {
    Relative.square(square, scale).squareRoot()
  }
}
