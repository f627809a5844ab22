/// Weights over the values at computed calls: the language in which predictions are written.
///
/// Calls are named by their position in their chunk. Terms are kept in ascending order without zero
/// weights, so equal combinations compare equal.
public struct Combination: Hashable, Sendable {
  /// Which value of a call is meant.
  public struct Component: Hashable, Sendable, Comparable {
    /// Another guidance branch than the one that is predicted; nil for its own.
    public var branch: Int?
    /// The frequency band, for sites that are split into bands (``BandSplit``): 0 low, 1 high.
    public var band: Int

    public init(branch: Int? = nil, band: Int = 0) {
      self.branch = branch
      self.band = band
    }

    /// The predicted branch's own value.
    public static let own = Component()

    public static func < (a: Component, b: Component) -> Bool {
      (a.branch ?? -1, a.band) < (b.branch ?? -1, b.band)
    }
  }

  public struct Term: Hashable, Sendable {
    public var position: Int
    public var weight: Double
    public var component = Component.own

    fileprivate func precedes(_ other: Term) -> Bool {
      component != other.component ? component < other.component : position < other.position
    }
  }

  public private(set) var terms: [Term]

  public init() { terms = [] }

  /// The value at one call, unchanged.
  public init(valueAt position: Int, component: Component = .own) {
    terms = [Term(position: position, weight: 1, component: component)]
  }

  /// The sum of all weights: 1 for predictions that reproduce a constant, 0 for differences.
  public var weightSum: Double { terms.reduce(0) { $0 + $1.weight } }

  public static func + (a: Combination, b: Combination) -> Combination {
    var sum = Combination()
    sum.terms.reserveCapacity(a.terms.count + b.terms.count)
    var (i, j) = (0, 0)
    while i < a.terms.count || j < b.terms.count {
      if j == b.terms.count || i < a.terms.count && a.terms[i].precedes(b.terms[j]) {
        sum.terms.append(a.terms[i])
        i += 1
      } else if i == a.terms.count || b.terms[j].precedes(a.terms[i]) {
        sum.terms.append(b.terms[j])
        j += 1
      } else {
        var term = a.terms[i]
        term.weight += b.terms[j].weight
        if term.weight != 0 { sum.terms.append(term) }
        i += 1
        j += 1
      }
    }
    return sum
  }

  public static func - (a: Combination, b: Combination) -> Combination { a + b * -1 }

  public static func * (a: Combination, factor: Double) -> Combination {
    var scaled = Combination()
    if factor != 0 { scaled.terms = a.terms.map { $0.weighing($0.weight * factor) } }
    return scaled
  }

  public static func / (a: Combination, divisor: Double) -> Combination {
    var scaled = Combination()
    scaled.terms = a.terms.map { $0.weighing($0.weight / divisor) }
    return scaled
  }

  /// The same weights for another component of the same calls.
  public func of(_ component: Component) -> Combination {
    var moved = Combination()
    for term in terms {
      moved = moved + Combination(valueAt: term.position, component: component) * term.weight
    }
    return moved
  }
}

extension Combination.Term {
  fileprivate func weighing(_ weight: Double) -> Combination.Term {
    var term = self
    term.weight = weight
    return term
  }
}
