/// Weights over the values at computed calls: the language in which predictions are written.
///
/// Calls are named by their position in their stream. Terms are kept in ascending position without
/// zero weights, so equal combinations compare equal.
public struct Combination: Hashable, Sendable {
  public struct Term: Hashable, Sendable {
    public var position: Int
    public var weight: Double
  }

  public private(set) var terms: [Term]

  public init() { terms = [] }

  /// The value at one call, unchanged.
  public init(valueAt position: Int) { terms = [Term(position: position, weight: 1)] }

  /// The sum of all weights: 1 for predictions that reproduce a constant, 0 for differences.
  public var weightSum: Double { terms.reduce(0) { $0 + $1.weight } }

  public static func + (a: Combination, b: Combination) -> Combination {
    var sum = Combination()
    var (i, j) = (0, 0)
    while i < a.terms.count || j < b.terms.count {
      if j == b.terms.count || i < a.terms.count && a.terms[i].position < b.terms[j].position {
        sum.terms.append(a.terms[i])
        i += 1
      } else if i == a.terms.count || b.terms[j].position < a.terms[i].position {
        sum.terms.append(b.terms[j])
        j += 1
      } else {
        let weight = a.terms[i].weight + b.terms[j].weight
        if weight != 0 { sum.terms.append(Term(position: a.terms[i].position, weight: weight)) }
        i += 1
        j += 1
      }
    }
    return sum
  }

  public static func - (a: Combination, b: Combination) -> Combination { a + b * -1 }

  public static func * (a: Combination, factor: Double) -> Combination {
    var scaled = Combination()
    if factor != 0 { scaled.terms = a.terms.map { Term(position: $0.position, weight: $0.weight * factor) } }
    return scaled
  }

  public static func / (a: Combination, divisor: Double) -> Combination {
    var scaled = Combination()
    scaled.terms = a.terms.map { Term(position: $0.position, weight: $0.weight / divisor) }
    return scaled
  }
}
