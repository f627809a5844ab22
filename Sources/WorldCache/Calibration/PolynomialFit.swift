/// A polynomial fitted to pairs (x, y) by least squares, with what can be said of it from its shape.
///
/// Fitted by Householder reflections in Chebyshev polynomials of x scaled to −1…1, whose design is well
/// conditioned; then written out in powers of x, as runtimes read it. All in double precision.
public struct PolynomialFit: Hashable, Sendable {
  /// Factors of the powers of x, highest first, as `numpy.poly1d` has them.
  public var coefficients: [Double]
  /// Smallest and largest x that it was fitted on.
  public var range: ClosedRange<Double>
  /// Condition number of the design in powers of x with columns scaled to length 1: what `numpy.polyfit` solves.
  public var conditionNumber: Double
  /// Condition number of the design in Chebyshev polynomials, which was solved.
  public var basisConditionNumber: Double
  /// `max Σ |c_k x^k| / max |P(x)|` over the range: evaluated with relative rounding ε, the polynomial is off
  /// by up to about ε times this, relative to its largest value.
  public var cancellation: Double

  public var degree: Int { coefficients.count - 1 }

  /// The value at x, by Horner's rule in double precision.
  public func value(at x: Double) -> Double { coefficients.reduce(0) { $0 * x + $1 } }

  init(
    coefficients: [Double], range: ClosedRange<Double>, conditionNumber: Double,
    basisConditionNumber: Double, cancellation: Double
  ) {
    self.coefficients = coefficients
    self.range = range
    self.conditionNumber = conditionNumber
    self.basisConditionNumber = basisConditionNumber
    self.cancellation = cancellation
  }

  /// Fits; nil when there are fewer different x than coefficients.
  init?(_ pairs: [(x: Double, y: Double)], degree: Int) {
    guard Set(pairs.map(\.x)).count > degree, let low = pairs.map(\.x).min(),
      let high = pairs.map(\.x).max()
    else { return nil }
    range = low...high
    let (middle, half) = ((low + high) / 2, high > low ? (high - low) / 2 : 1)
    let fit = LeastSquares(
      pairs.map { PolynomialFit.chebyshev(($0.x - middle) / half, degree) }, pairs.map(\.y))
    basisConditionNumber = fit.conditionNumber
    coefficients = PolynomialFit.powers(fit.solution, middle: middle, half: half)
    let powers = pairs.map { pair in (0...degree).map { PolynomialFit.power(pair.x, $0) } }
    let lengths = (0...degree).map { column in
      powers.reduce(0) { $0 + $1[column] * $1[column] }.squareRoot()
    }
    conditionNumber =
      LeastSquares(powers.map { row in zip(row, lengths).map { $1 > 0 ? $0 / $1 : 0 } }, pairs.map(\.y))
      .conditionNumber
    cancellation = 1
    let grid = self.grid
    let largest = grid.map { abs(value(at: $0)) }.max()!
    let terms = grid.map { x in
      coefficients.reversed().enumerated().reduce(0) {
        $0 + abs($1.element * PolynomialFit.power(x, $1.offset))
      }
    }
    cancellation = largest > 0 ? terms.max()! / largest : 1
  }

  private static func power(_ x: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * x }
  }

  /// `T_0(t) … T_degree(t)`.
  private static func chebyshev(_ t: Double, _ degree: Int) -> [Double] {
    var values = [1.0, t]
    while values.count <= degree {
      values.append(2 * t * values[values.count - 1] - values[values.count - 2])
    }
    return Array(values.prefix(degree + 1))
  }

  // A sum of Chebyshev polynomials of (x − middle) / half in powers of x, highest first.
  private static func powers(_ factors: [Double], middle: Double, half: Double) -> [Double] {
    // Ascending powers of t first.
    var ascending = [Double](repeating: 0, count: factors.count)
    var (before, last) = ([Double](), [1.0])
    for (order, factor) in factors.enumerated() {
      for (power, weight) in last.enumerated() { ascending[power] += factor * weight }
      var next = [0.0] + last.map { $0 * (order == 0 ? 1 : 2) }
      for (power, weight) in before.enumerated() { next[power] -= weight }
      (before, last) = (last, next)
    }
    // Then Horner's rule on polynomials: … (c_n t + c_(n−1)) t + … with t = x / half − middle / half.
    var result = [0.0]
    for factor in ascending.reversed() {
      var next = [Double](repeating: 0, count: result.count + 1)
      for (power, weight) in result.enumerated() {
        next[power + 1] += weight / half
        next[power] -= weight * middle / half
      }
      next[0] += factor
      result = next
    }
    return Array(result.prefix(factors.count).reversed())
  }

  /// Points that the shape is looked at: 1025, evenly over the range.
  private var grid: [Double] {
    (0...1024).map { range.lowerBound + (range.upperBound - range.lowerBound) * Double($0) / 1024 }
  }

  /// Where within the range it is below zero: the accumulated sum then falls.
  public var negativeWindows: [ClosedRange<Double>] {
    windows { self.value(at: $0) < 0 }
  }

  /// Where within the range it falls although x grows: a larger change counts for less.
  public var fallingWindows: [ClosedRange<Double>] {
    let slope = coefficients.dropLast().enumerated().map { Double(degree - $0.offset) * $0.element }
    return windows { x in slope.reduce(0) { $0 * x + $1 } < 0 }
  }

  // Neighbouring points of the grid for which it holds, the ends refined by halving.
  private func windows(_ holds: (Double) -> Bool) -> [ClosedRange<Double>] {
    func edge(_ outside: Double, _ inside: Double) -> Double {
      var (outside, inside) = (outside, inside)
      for _ in 0..<40 {
        let middle = (outside + inside) / 2
        if holds(middle) { inside = middle } else { outside = middle }
      }
      return inside
    }
    var windows: [ClosedRange<Double>] = []
    var start: Double?
    let points = grid
    for (place, x) in points.enumerated() {
      if holds(x) {
        if start == nil { start = place == 0 ? x : edge(points[place - 1], x) }
      } else if let first = start {
        windows.append(first...max(first, edge(x, points[place - 1])))
        start = nil
      }
    }
    if let first = start { windows.append(first...range.upperBound) }
    return windows
  }
}
