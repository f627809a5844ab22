/// A symmetric positive definite matrix as L Lᵀ, row-major.
struct Cholesky {
  private let lower: [Double]
  private let count: Int

  /// With a `smallestPivot`, squared pivots below it are taken for it: of matrices that are positive definite but
  /// for rounding. Without one they must be above 0.
  init(_ matrix: [Double], count n: Int, smallestPivot: Double? = nil) {
    var lower = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      for j in 0...i {
        var sum = matrix[i * n + j]
        for k in 0..<j { sum -= lower[i * n + k] * lower[j * n + k] }
        if i == j, let smallestPivot { sum = max(sum, smallestPivot) }
        precondition(i != j || sum > 0, "the matrix is positive definite")
        lower[i * n + j] = i == j ? sum.squareRoot() : sum / lower[j * n + j]
      }
    }
    self.lower = lower
    count = n
  }

  /// The solution of M X = B for B (n, columns), column by column.
  func solving(_ b: [Double], columns: Int) -> [Double] {
    let n = count
    var x = b
    for column in 0..<columns {
      for i in 0..<n {
        var sum = x[i * columns + column]
        for k in 0..<i { sum -= lower[i * n + k] * x[k * columns + column] }
        x[i * columns + column] = sum / lower[i * n + i]
      }
      for i in (0..<n).reversed() {
        var sum = x[i * columns + column]
        for k in (i + 1)..<max(n, i + 1) { sum -= lower[k * n + i] * x[k * columns + column] }
        x[i * columns + column] = sum / lower[i * n + i]
      }
    }
    return x
  }
}
