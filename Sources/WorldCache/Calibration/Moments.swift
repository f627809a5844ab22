/// Mean and standard deviation of a few numbers.
struct Moments {
  /// Nil of no numbers.
  let mean: Double?
  /// Of a sample (n − 1); 0 of fewer than two.
  let deviation: Double

  init(_ values: [Double]) {
    guard !values.isEmpty else {
      (mean, deviation) = (nil, 0)
      return
    }
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    deviation =
      values.count < 2
      ? 0
      : (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
  }
}
