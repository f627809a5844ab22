/// A small linear least-squares problem, solved by Householder reflections in double precision.
struct LeastSquares {
  /// One number for each column of the design.
  let solution: [Double]
  /// Largest over smallest singular value of the design; infinite where its columns depend on one another.
  let conditionNumber: Double

  /// Minimises `Σ_rows (Σ_columns design · solution − values)²`.
  ///
  /// There must be at least as many rows as columns. Where columns depend on one another to rounding, the
  /// solution is one of many, with zeros for what the rows do not determine.
  init(_ design: [[Double]], _ values: [Double]) {
    let (rows, columns) = (design.count, design[0].count)
    precondition(rows >= columns && values.count == rows)
    var matrix = design
    var right = values
    for pivot in 0..<columns {
      let norm = (pivot..<rows).reduce(0) { $0 + matrix[$1][pivot] * matrix[$1][pivot] }.squareRoot()
      guard norm > 0 else { continue }
      // The reflection takes the column to ∓norm along the axis, with the sign that does not cancel.
      let target = matrix[pivot][pivot] > 0 ? -norm : norm
      var mirror = (pivot..<rows).map { matrix[$0][pivot] }
      mirror[0] -= target
      let square = mirror.reduce(0) { $0 + $1 * $1 }
      func reflect(_ value: (Int) -> Double) -> Double {
        2 * mirror.indices.reduce(0) { $0 + mirror[$1] * value(pivot + $1) } / square
      }
      for column in pivot..<columns {
        let factor = reflect { matrix[$0][column] }
        for row in mirror.indices { matrix[pivot + row][column] -= factor * mirror[row] }
      }
      let factor = reflect { right[$0] }
      for row in mirror.indices { right[pivot + row] -= factor * mirror[row] }
    }
    let triangle = (0..<columns).map { row in
      (0..<columns).map { $0 < row ? 0 : matrix[row][$0] }
    }
    let singular = LeastSquares.singularValues(triangle)
    let (largest, smallest) = (singular.max()!, singular.min()!)
    conditionNumber = smallest > 0 ? largest / smallest : .infinity
    var solution = [Double](repeating: 0, count: columns)
    for row in (0..<columns).reversed() {
      let rest = ((row + 1)..<max(columns, row + 1)).reduce(right[row]) {
        $0 - triangle[row][$1] * solution[$1]
      }
      let isDetermined = abs(triangle[row][row]) > largest * Double(rows) * .ulpOfOne
      solution[row] = isDetermined ? rest / triangle[row][row] : 0
    }
    self.solution = solution
  }

  /// Singular values of a small square matrix, by one-sided Jacobi rotations; in no order.
  static func singularValues(_ matrix: [[Double]]) -> [Double] {
    let count = matrix.count
    var columns = (0..<count).map { column in matrix.map { $0[column] } }
    func product(_ i: Int, _ j: Int) -> Double {
      zip(columns[i], columns[j]).reduce(0) { $0 + $1.0 * $1.1 }
    }
    // Sweeps converge quadratically; a handful is enough for the sizes of polynomials.
    for _ in 0..<60 {
      var isDone = true
      for i in 0..<count {
        for j in (i + 1)..<max(count, i + 1) {
          let (a, b, c) = (product(i, i), product(j, j), product(i, j))
          guard abs(c) > 1e-15 * (a * b).squareRoot(), c != 0 else { continue }
          isDone = false
          let zeta = (b - a) / (2 * c)
          let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          let sine = cosine * tangent
          for row in 0..<count {
            let (x, y) = (columns[i][row], columns[j][row])
            columns[i][row] = cosine * x - sine * y
            columns[j][row] = sine * x + cosine * y
          }
        }
      }
      if isDone { break }
    }
    return (0..<count).map { product($0, $0).squareRoot() }
  }
}
