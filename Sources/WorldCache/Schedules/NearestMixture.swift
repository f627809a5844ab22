/// Mixtures of points that are as near to the origin as can be: weights of at least 0 that add up to 1.
enum NearestMixture {
  /// The weights from the points' inner products (`count · count` of them), moved in pairs from where they are.
  ///
  /// Ends when no point is nearer than the mixture along it by more than `tolerance` of its square, or after so many
  /// moves as are of use; any mixture will do for a bound.
  static func weights(
    _ products: [Double], from start: [Double], tolerance: Double = 1e-7
  ) -> [Double] {
    let count = start.count
    var weights = start
    var slopes = (0..<count).map { i in
      (0..<count).reduce(0) { $0 + products[i * count + $1] * weights[$1] }
    }
    for _ in 0..<(2000 + 100 * count) {
      var (low, high, square) = (0, -1, 0.0)
      for i in 0..<count {
        square += weights[i] * slopes[i]
        if slopes[i] < slopes[low] { low = i }
        if weights[i] > 0, high < 0 || slopes[i] > slopes[high] { high = i }
      }
      guard low != high, square - slopes[low] > tolerance * square else { break }
      let bend =
        products[low * count + low] - 2 * products[low * count + high] + products[high * count + high]
      let step = min(weights[high], bend > 0 ? (slopes[high] - slopes[low]) / bend : weights[high])
      guard step > 0 else { break }
      weights[low] += step
      weights[high] = step == weights[high] ? 0 : weights[high] - step
      for i in 0..<count { slopes[i] += step * (products[i * count + low] - products[i * count + high]) }
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }
}
