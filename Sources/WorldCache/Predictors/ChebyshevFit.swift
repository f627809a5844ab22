/// A ridge regression on Chebyshev polynomials over a fixed range of 50 calls (Spectrum, arXiv 2603.01623).
struct ChebyshevFit: Sendable {
  let degree: Int
  let ridge: Double
  /// Whether times and polynomials are rounded to bfloat16 wherever Spectrum's code rounds them.
  let roundsToBFloat16: Bool

  /// The weight of each observed value in the fit's value at `time`.
  func weights(times: [Double], at time: Double) -> [Double] {
    let design = times.map(basis)
    let count = degree + 1
    // (XᵀX + λ I) z = φ, then Xz: the system is positive definite and small.
    var system = (0..<count).map { row in
      (0..<count).map { column in
        design.reduce(row == column ? ridge : 0) { $0 + $1[row] * $1[column] }
      }
    }
    var solution = basis(time)
    for pivot in 0..<count {
      for row in (pivot + 1)..<max(count, pivot + 1) {
        let factor = system[row][pivot] / system[pivot][pivot]
        for column in pivot..<count { system[row][column] -= factor * system[pivot][column] }
        solution[row] -= factor * solution[pivot]
      }
    }
    for row in (0..<count).reversed() {
      for column in (row + 1)..<max(count, row + 1) {
        solution[row] -= system[row][column] * solution[column]
      }
      solution[row] /= system[row][row]
    }
    return design.map { row in zip(row, solution).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// `T_0(τ) … T_M(τ)` with τ = (t − 25) / 25.
  func basis(_ time: Double) -> [Double] {
    let tau = rounded((rounded(time) - 25) * 2 / 50)
    var values = [1.0, tau]
    while values.count <= degree {
      let (before, last) = (values[values.count - 2], values[values.count - 1])
      values.append(rounded(rounded(2 * tau * last) - before))
    }
    return Array(values.prefix(degree + 1))
  }

  private func rounded(_ value: Double) -> Double {
    guard roundsToBFloat16 else { return value }
    // Round to nearest, ties to even, at the upper 16 bits of a Float.
    let bits = Float(value).bitPattern
    return Double(Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000))
  }
}
