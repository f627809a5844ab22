import Foundation

/// A surface pattern, smooth enough to be seen at the bundled resolution without flicker.
struct Material: Sendable {
  enum Pattern: Sendable { case plain, checker, stripes, bands, waves }

  var pattern: Pattern
  var first: SIMD3<Float>
  var second: SIMD3<Float>
  /// Metres per repetition, and where the pattern starts.
  var period: Float
  var phase: SIMD2<Float>
  /// A picture on the wall: centre and half size in metres, and its colour; half size 0 means none.
  var picture: (center: SIMD2<Float>, half: SIMD2<Float>, color: SIMD3<Float>)

  init(floor random: inout SeededGenerator) {
    self.init(&random, patterns: [.checker, .checker, .stripes, .waves], period: 1.2...2.4, contrast: 0.5)
  }

  init(ceiling random: inout SeededGenerator) {
    self.init(&random, patterns: [.plain, .stripes, .bands], period: 1.5...3, contrast: 0.15)
  }

  init(wall random: inout SeededGenerator) {
    self.init(
      &random, patterns: [.plain, .checker, .stripes, .stripes, .bands, .waves], period: 0.9...2.2,
      contrast: 0.45)
    picture = (
      SIMD2(random.uniform(1...6), random.uniform(1.2...1.9)),
      SIMD2(random.uniform(0.3...0.8), random.uniform(0.25...0.6)),
      SIMD3(random.uniform(0...1), random.uniform(0...1), random.uniform(0...1))
    )
  }

  private init(
    _ random: inout SeededGenerator, patterns: [Pattern], period: ClosedRange<Float>, contrast: Float
  ) {
    pattern = patterns[random.index(patterns.count)]
    let base = SIMD3(random.uniform(0.2...0.95), random.uniform(0.2...0.95), random.uniform(0.2...0.95))
    let shift = SIMD3(random.uniform(-1...1), random.uniform(-1...1), random.uniform(-1...1)) * contrast
    first = base
    second = (base + shift).clamped(lowerBound: .zero, upperBound: .one)
    self.period = random.uniform(period)
    phase = SIMD2(random.uniform(0...3), random.uniform(0...3))
    picture = (.zero, .zero, .zero)
  }

  /// The colour at a point of the surface, in metres along and up (or across).
  func color(_ u: Float, _ v: Float) -> SIMD3<Float> {
    if abs(u - picture.center.x) < picture.half.x, abs(v - picture.center.y) < picture.half.y {
      return picture.color
    }
    let (a, b) = ((u + phase.x) * 2 * .pi / period, (v + phase.y) * 2 * .pi / period)
    let wave: Float =
      switch pattern {
      case .plain: 0
      case .checker: 6 * sin(a) * sin(b)
      case .stripes: 5 * sin(a)
      case .bands: 5 * sin(b)
      case .waves: 2 * (sin(a) + sin(0.7 * b + 1.3 * sin(0.6 * a)))
      }
    let mix = 0.5 + 0.5 * max(-1, min(1, wave))
    return first + (second - first) * mix
  }
}
