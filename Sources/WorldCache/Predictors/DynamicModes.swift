/// Dynamic mode decomposition of equally spaced snapshots, from their inner products alone.
///
/// With the snapshots y_0 … y_n (oldest first), X = (y_0 … y_(n−1)) and X′ = (y_1 … y_n), the propagator A of
/// `X′ ≈ A X` is found in the leading singular vectors of X, those above 1e-4 of the largest, singular values
/// raised by a ridge where they are inverted. The newest snapshot is written in the modes of A by least squares
/// and carried on by powers of the eigenvalues. Singular values and vectors of X are those of its Gram matrix,
/// and every result is a combination of y_1 … y_n (vipshop/cache-dit f86744a, calibrators/dmd.py).
struct DynamicModes: Sendable {
  /// `V Σ⁻¹ W`: weights of y_1 … y_n in every mode.
  private let modes: [[Complex]]
  private let eigenvalues: [Complex]
  /// The newest snapshot in the modes.
  private let amplitudes: [Complex]

  /// Nil when the snapshots are zero or do not determine the modes.
  init?(gram: [[Double]], cut: Double = 1e-4, ridge: Double = 1e-8) {
    let count = gram.count - 1
    let older = (0..<count).map { Array(gram[$0][0..<count]) }
    let (squares, vectors) = SymmetricEigen.decompose(older)
    let singular = squares.map { max($0, 0).squareRoot() }
    guard singular[0] > 0 else { return nil }
    let rank = max(1, singular.count { $0 > cut * singular[0] })
    // Weights of X (for the left vectors) and of X′ (for the propagated ones), one list for each direction.
    let left = (0..<rank).map { a in vectors[a].map { $0 / singular[a] } }
    let right = (0..<rank).map { a in vectors[a].map { $0 / (singular[a] + ridge) } }
    func product(_ a: [Double], _ b: [Double], _ first: Int, _ second: Int) -> Double {
      var sum = 0.0
      for i in a.indices { for j in b.indices { sum += a[i] * gram[i + first][j + second] * b[j] } }
      return sum
    }
    let propagator = left.map { a in right.map { b in Complex(product(a, b, 0, 1)) } }
    // Least squares of the newest snapshot on the propagated directions.
    var newest = [Double](repeating: 0, count: count)
    newest[count - 1] = 1
    let normal = right.map { a in right.map { b in Complex(product(a, b, 1, 1)) } }
    guard let direction = Complex.solve(normal, right.map { Complex(product($0, newest, 1, 1)) }),
      let (values, columns) = Complex.eigen(propagator),
      let amplitudes = Complex.solve(
        (0..<rank).map { row in columns.map { $0[row] } }, direction)
    else { return nil }
    eigenvalues = values
    self.amplitudes = amplitudes
    modes = columns.map { column in
      (0..<count).map { i in
        zip(column, right).reduce(Complex(0)) { $0 + $1.0 * Complex($1.1[i]) }
      }
    }
  }

  /// Weights of y_1 … y_n in the prediction `horizon` spacings after y_n; nil where they are not finite.
  func weights(horizon: Double) -> [Double]? {
    var sum = [Double](repeating: 0, count: modes[0].count)
    for (mode, (value, amplitude)) in zip(modes, zip(eigenvalues, amplitudes)) {
      let factor = value.power(horizon) * amplitude
      for i in sum.indices { sum[i] += (mode[i] * factor).real }
    }
    return sum.allSatisfy(\.isFinite) ? sum : nil
  }
}

/// Eigenvalues and vectors of a small symmetric matrix, by Jacobi rotations.
enum SymmetricEigen {
  /// Largest first; `vectors[k]` belongs to `values[k]`.
  static func decompose(_ matrix: [[Double]]) -> (values: [Double], vectors: [[Double]]) {
    var a = matrix
    let count = a.count
    var v = (0..<count).map { row in (0..<count).map { $0 == row ? 1.0 : 0 } }
    for _ in 0..<64 {
      var rotated = false
      for p in 0..<count {
        for q in (p + 1)..<max(count, p + 1)
        where abs(a[p][q]) > 1e-17 * (abs(a[p][p] * a[q][q])).squareRoot() {
          rotated = true
          let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
          let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
          let c = 1 / (t * t + 1).squareRoot()
          let s = t * c
          for k in 0..<count { (a[k][p], a[k][q]) = (c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]) }
          for k in 0..<count { (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]) }
          for k in 0..<count { (v[k][p], v[k][q]) = (c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]) }
        }
      }
      if !rotated { break }
    }
    let order = (0..<count).sorted { a[$0][$0] > a[$1][$1] }
    return (order.map { a[$0][$0] }, order.map { k in (0..<count).map { v[$0][k] } })
  }
}
