import Foundation

/// A complex number, with what small dense systems need.
struct Complex: Sendable {
  var real: Double
  var imaginary: Double

  init(_ real: Double, _ imaginary: Double = 0) {
    self.real = real
    self.imaginary = imaginary
  }

  var magnitude: Double { hypot(real, imaginary) }
  var conjugate: Complex { Complex(real, -imaginary) }
  var isFinite: Bool { real.isFinite && imaginary.isFinite }

  static func + (a: Complex, b: Complex) -> Complex { Complex(a.real + b.real, a.imaginary + b.imaginary) }
  static func - (a: Complex, b: Complex) -> Complex { Complex(a.real - b.real, a.imaginary - b.imaginary) }
  static func * (a: Complex, b: Complex) -> Complex {
    Complex(a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real)
  }
  static func / (a: Complex, b: Complex) -> Complex {
    let square = b.real * b.real + b.imaginary * b.imaginary
    let product = a * b.conjugate
    return Complex(product.real / square, product.imaginary / square)
  }

  /// The principal power; 0 to any power is 0.
  func power(_ exponent: Double) -> Complex {
    guard magnitude > 0 else { return Complex(0) }
    let (size, angle) = (pow(magnitude, exponent), atan2(imaginary, real) * exponent)
    return Complex(size * cos(angle), size * sin(angle))
  }

  /// The principal square root.
  var squareRoot: Complex { power(0.5) }

  /// Solves a square system by elimination with pivoting; nil where it is singular.
  static func solve(_ matrix: [[Complex]], _ right: [Complex]) -> [Complex]? {
    var (a, x) = (matrix, right)
    let count = a.count
    for pivot in 0..<count {
      let best = (pivot..<count).max { a[$0][pivot].magnitude < a[$1][pivot].magnitude }!
      guard a[best][pivot].magnitude > 0 else { return nil }
      a.swapAt(pivot, best)
      x.swapAt(pivot, best)
      for row in (pivot + 1)..<max(count, pivot + 1) {
        let factor = a[row][pivot] / a[pivot][pivot]
        for column in pivot..<count { a[row][column] = a[row][column] - factor * a[pivot][column] }
        x[row] = x[row] - factor * x[pivot]
      }
    }
    for row in (0..<count).reversed() {
      for column in (row + 1)..<max(count, row + 1) { x[row] = x[row] - a[row][column] * x[column] }
      x[row] = x[row] / a[row][row]
    }
    return x.allSatisfy(\.isFinite) ? x : nil
  }

  /// Eigenvalues and vectors of a small matrix by shifted QR steps; nil where they do not converge.
  ///
  /// `vectors[k]`, of length 1, belongs to `values[k]`.
  static func eigen(_ matrix: [[Complex]]) -> (values: [Complex], vectors: [[Complex]])? {
    let count = matrix.count
    var a = matrix
    // Schur vectors by column.
    var q = (0..<count).map { row in (0..<count).map { Complex($0 == row ? 1 : 0) } }

    // Turns rows (and then columns) i and k so that a[k][column] vanishes.
    func turn(_ i: Int, _ k: Int, _ x: Complex, _ y: Complex) -> (c: Complex, s: Complex)? {
      let length = hypot(x.magnitude, y.magnitude)
      guard length > 0 else { return nil }
      return (Complex(x.real / length, x.imaginary / length), Complex(y.real / length, y.imaginary / length))
    }
    func turnRows(_ i: Int, _ k: Int, _ c: Complex, _ s: Complex) {
      for column in 0..<count {
        let (x, y) = (a[i][column], a[k][column])
        a[i][column] = c.conjugate * x + s.conjugate * y
        a[k][column] = c * y - s * x
      }
    }
    func turnColumns(_ i: Int, _ k: Int, _ c: Complex, _ s: Complex) {
      for row in 0..<count {
        let (x, y) = (a[row][i], a[row][k])
        a[row][i] = c * x + s * y
        a[row][k] = c.conjugate * y - s.conjugate * x
        let (u, v) = (q[row][i], q[row][k])
        q[row][i] = c * u + s * v
        q[row][k] = c.conjugate * v - s.conjugate * u
      }
    }
    // To Hessenberg form.
    for column in 0..<max(count - 2, 0) {
      for row in (column + 2)..<count {
        guard let (c, s) = turn(column + 1, row, a[column + 1][column], a[row][column]) else { continue }
        turnRows(column + 1, row, c, s)
        turnColumns(column + 1, row, c, s)
        a[row][column] = Complex(0)
      }
    }
    var (high, steps) = (count - 1, 0)
    while high > 0 {
      var low = high
      while low > 0 {
        let size = a[low - 1][low - 1].magnitude + a[low][low].magnitude
        if a[low][low - 1].magnitude <= Double.ulpOfOne * size {
          a[low][low - 1] = Complex(0)
          break
        }
        low -= 1
      }
      if low == high {
        high -= 1
        steps = 0
        continue
      }
      steps += 1
      guard steps <= 100 else { return nil }
      // The eigenvalue of the last 2 × 2 block that is nearer its corner; now and then another one.
      let (p, r) = (a[high - 1][high - 1], a[high][high])
      let half = Complex(0.5) * (p - r)
      let root = (half * half + a[high - 1][high] * a[high][high - 1]).squareRoot
      let near = (half + root).magnitude < (half - root).magnitude ? half + root : half - root
      let shift = steps % 10 == 0 ? r + Complex(a[high][high - 1].magnitude) : r + near
      for k in low...high { a[k][k] = a[k][k] - shift }
      var turns: [(Int, Complex, Complex)] = []
      for k in low..<high {
        guard let (c, s) = turn(k, k + 1, a[k][k], a[k + 1][k]) else { continue }
        turnRows(k, k + 1, c, s)
        turns.append((k, c, s))
      }
      for (k, c, s) in turns { turnColumns(k, k + 1, c, s) }
      for k in low...high { a[k][k] = a[k][k] + shift }
    }
    // Vectors of the triangle by back substitution, then in the original basis.
    var vectors: [[Complex]] = []
    let scale = a.joined().reduce(0) { max($0, $1.magnitude) }
    for k in 0..<count {
      var y = [Complex](repeating: Complex(0), count: count)
      y[k] = Complex(1)
      for row in (0..<k).reversed() {
        var sum = Complex(0)
        for column in (row + 1)..<(k + 1) { sum = sum + a[row][column] * y[column] }
        var gap = a[k][k] - a[row][row]
        // Equal eigenvalues: as LAPACK, the smallest gap that matters.
        if gap.magnitude < Double.ulpOfOne * scale { gap = Complex(Double.ulpOfOne * max(scale, 1e-300)) }
        y[row] = sum / gap
      }
      var vector = (0..<count).map { row in
        (0..<count).reduce(Complex(0)) { $0 + q[row][$1] * y[$1] }
      }
      let length = vector.reduce(0) { $0 + $1.magnitude * $1.magnitude }.squareRoot()
      vector = vector.map { Complex($0.real / length, $0.imaginary / length) }
      vectors.append(vector)
    }
    return ((0..<count).map { a[$0][$0] }, vectors)
  }
}
