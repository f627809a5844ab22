import Trace

/// A caching rule as a file describes it: a signal, how it adds up, what it is compared with, guards and a
/// predictor (docs/adding-a-policy.md).
struct Rule: Sendable {
  /// Changes the signal before it adds up.
  enum Transform: Sendable {
    /// Coefficients, highest power first.
    case polynomial([Double])
    case scale(Double)
    case absolute

    func callAsFunction(_ value: Double) -> Double {
      switch self {
      case .polynomial(let coefficients): coefficients.reduce(0) { $0 * value + $1 }
      case .scale(let factor): factor * value
      case .absolute: abs(value)
      }
    }
  }

  /// What is compared: the call's own value, or what has come together since the last computed call.
  enum Accumulation: String, CaseIterable {
    case none, sum
    /// `Σ |1 − Π values|` over the calls since (MagCache).
    case product
  }

  /// Calls that are computed or predicted whatever the signal says.
  struct Guards: Sendable {
    /// Calls computed at the start and at the end of a stream.
    var first = 1
    var last = 0
    /// Most calls predicted in a row.
    var longestStreak = Int.max
    /// Fewest calls from one computed call to the next, after the first ones.
    var minimumGap = 1
    /// Most calls predicted in a stream.
    var budget = Int.max
    /// Noise levels at which calls may be predicted, both ends included.
    var sigmas = -Double.infinity...Double.infinity
  }

  let site: Site
  let station: Tap
  let coupling: Coupling
  let signal: RuleSignal?
  let transforms: [Transform]
  let accumulation: Accumulation
  /// Whether a call's own value counts in its decision; if not, it adds up once the call is predicted.
  let includesCurrent: Bool
  let comparison: Comparison
  let threshold: Double
  let guards: Guards
  let predictor: any Predictor

  /// Throws when nothing is left to skip at the station.
  static func check(_ station: Tap, _ site: Site, _ geometry: Geometry, _ name: String) throws {
    guard let (_, end) = site.stretch(blockCount: geometry.blockCount), station >= end else { return }
    throw PolicyError(
      "\(name) decides at \(station), where the site \(site) has nothing left to skip (it ends at \(end))")
  }
}

extension Rule {
  static let keys = [
    "rule", "summary", "parameters", "site", "station", "coupling", "signal", "transform", "accumulate",
    "predict-while", "compute-when", "guards", "predict",
  ]

  /// Reads a whole file, in which every `$name` has been replaced.
  init(_ field: Field) throws {
    let members = try field.members(Rule.keys)
    site = try members.required("site", Parameter.site().allowed).site()
    signal = try members["signal"].map { try RuleSignal($0) }
    coupling = try members["coupling"]?.coupling() ?? .pooled
    predictor = try RulePredictor.read(members.required("predict", "hold, taylor, damped or groups"))
    guards = try members["guards"].map { try Guards($0) } ?? Guards()

    let earliest = signal?.station ?? .latent
    station = try members["station"]?.tap() ?? earliest
    guard station >= earliest else {
      throw members["station"]!.fault(
        "station is \(station), but the signal is known only from \(earliest) on")
    }

    for key in ["transform", "accumulate", "predict-while", "compute-when"] where signal == nil {
      if let field = members[key] { throw field.fault("\(key) needs a signal") }
    }
    transforms = try members["transform"].map { try Rule.transforms($0) } ?? []
    (accumulation, includesCurrent) =
      try members["accumulate"].map { try Rule.accumulation($0) } ?? (.none, true)
    (comparison, threshold) = signal == nil ? (.predictBelow, .infinity) : try Rule.comparison(members)
  }

  private static func transforms(_ field: Field) throws -> [Transform] {
    guard field.isList else { return [try transform(field)] }
    return try field.items().map { try transform($0) }
  }

  private static func transform(_ field: Field) throws -> Transform {
    guard field.isMapping else {
      _ = try field.choice(["absolute", "polynomial", "scale"])
      guard try field.text() == "absolute" else {
        throw field.fault("\(field.name) is \(try field.text()), which needs its numbers")
      }
      return .absolute
    }
    let members = try field.members(["polynomial", "scale"])
    guard members.fields.count == 1 else {
      throw field.fault("\(field.name) needs exactly one of polynomial, scale")
    }
    if let scale = members["scale"] { return .scale(try scale.real()) }
    let coefficients = try members["polynomial"]!.reals()
    guard !coefficients.isEmpty else {
      throw members["polynomial"]!.fault("\(field.name).polynomial is empty")
    }
    return .polynomial(coefficients)
  }

  private static func accumulation(_ field: Field) throws -> (Accumulation, Bool) {
    let names = Accumulation.allCases.map(\.rawValue)
    guard field.isMapping else { return (Accumulation(rawValue: try field.choice(names))!, true) }
    let members = try field.members(["how", "includes-current"])
    let how = Accumulation(
      rawValue: try members.required("how", "one of sum, product").choice(["sum", "product"]))!
    return (how, try members["includes-current"]?.flag() ?? true)
  }

  private static func comparison(_ members: Members) throws -> (Comparison, Double) {
    let forms: [(key: String, word: String, comparison: Comparison)] = [
      ("predict-while", "below", .predictBelow), ("predict-while", "at-most", .predictAtMost),
      ("compute-when", "above", .computeAbove), ("compute-when", "at-least", .computeAtLeast),
    ]
    var found: [(Comparison, Double)] = []
    for key in ["predict-while", "compute-when"] {
      guard let field = members[key] else { continue }
      let words = forms.filter { $0.key == key }
      let bounds = try field.members(words.map(\.word))
      guard bounds.fields.count == 1, let (word, bound) = bounds.fields.first else {
        throw field.fault("\(key) needs exactly one of " + words.map(\.word).joined(separator: ", "))
      }
      found.append((words.first { $0.word == word }!.comparison, try bound.real()))
    }
    guard found.count == 1 else {
      throw members.owner.fault(
        "a signal needs exactly one of predict-while: {below: …}, predict-while: {at-most: …}, "
          + "compute-when: {above: …}, compute-when: {at-least: …}")
    }
    return found[0]
  }
}

extension Rule.Guards {
  private static let keys = ["first", "last", "longest-streak", "minimum-gap", "budget", "sigma"]

  init(_ field: Field) throws {
    let members = try field.members(Self.keys)
    first = try members["first"]?.integer(in: 1...1_000_000) ?? first
    last = try members["last"]?.integer(in: 0...1_000_000) ?? last
    longestStreak = try members["longest-streak"]?.integer(in: 1...Int.max) ?? longestStreak
    minimumGap = try members["minimum-gap"]?.integer(in: 1...Int.max) ?? minimumGap
    budget = try members["budget"]?.integer(in: 0...Int.max) ?? budget
    if longestStreak < Int.max, minimumGap > longestStreak + 1 {
      throw field.fault(
        "minimum-gap is \(minimumGap), more than longest-streak allows: at most \(longestStreak + 1)")
    }
    if let range = members["sigma"] {
      let bounds = try range.items("the lowest and the highest noise level").map { try $0.real() }
      guard bounds.count == 2, bounds[0] <= bounds[1] else {
        throw range.fault("\(range.name) must be the lowest and the highest noise level, in that order")
      }
      sigmas = bounds[0]...bounds[1]
    }
  }
}
