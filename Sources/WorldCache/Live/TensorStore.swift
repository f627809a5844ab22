import Trace

/// What a live cache keeps of one chunk: the values at the site of computed calls, and the quantities that the
/// decision rule looks at.
///
/// Belongs to one ``LiveCache`` and one thread. Everything of the chunk stays until it ends, so that a policy
/// may look back as far as it likes; ``CacheUse`` says what a cache that lets go after the last use would hold.
final class TensorStore {
  let geometry: Geometry
  /// The layout at the site.
  let layout: TokenTable
  private let rows: [Int]
  private let band: LowBand?
  private let quantities: [ChangeRequest: QuantityLayout]
  private var values: [Point: [Float]] = [:]
  private var sizes: [Point: [Double]] = [:]
  private var kept: [Quantity: [Point: TensorDifference]] = [:]
  private var filtered: [ChangeRequest: [Point: TensorDifference]] = [:]
  private var sums: [Sum: Double] = [:]
  private(set) var use = CacheUse()

  /// A call of a branch; band 1 is the high band of a split site.
  struct Point: Hashable {
    var branch: Int
    var position: Int
    var band = 0
  }

  struct Sum: Hashable {
    enum Kind { case absolute, squared }

    var kind: Kind
    var change: ChangeRequest
    var branch: Int
    var position: Int
    var other: Int?
  }

  /// The layout at a quantity's tap.
  struct QuantityLayout {
    let channels: Int
    let elementCount: Int
    /// The valid rows; nil when all are.
    let valid: [Int]?
    let grid: TokenGrid?

    init(_ layout: TokenTable, needsGrid: Bool) throws {
      channels = layout.channelCount
      elementCount = layout.tokens.reduce(0) { $0 + ($1.isValid ? $1.validChannels : 0) }
      let rows = layout.tokens.indices.filter { layout.tokens[$0].isValid }
      valid = rows.count == layout.tokens.count ? nil : rows
      grid = needsGrid ? TokenGrid(layout.tokens.filter(\.isValid)) : nil
      guard !needsGrid || grid != nil else {
        throw PolicyError("the tokens of \(layout.name) do not fill a grid, so that they cannot be filtered")
      }
    }
  }

  /// Throws a ``PolicyError`` where tokens do not lie as the policy's bands or filters need.
  init(_ geometry: Geometry, _ layout: TokenTable, quantities: [ChangeRequest: TokenTable]) throws {
    self.geometry = geometry
    self.layout = layout
    rows = layout.tokens.indices.filter { layout.tokens[$0].isValid }
    band = geometry.split.flatMap { $0.lowBand(of: geometry.tokens) }
    guard geometry.split == nil || band != nil else {
      throw PolicyError(
        "the tokens of \(layout.name) do not fill grids of one size, so that they cannot be split into bands")
    }
    self.quantities = try Dictionary(
      uniqueKeysWithValues: quantities.map {
        ($0.key, try QuantityLayout($0.value, needsGrid: $0.key.filter != nil))
      })
  }

  // MARK: At the site

  /// Keeps the value of a computed call, the tensor at the site's end minus the one at its beginning.
  func keep(_ end: Tensor, minus beginning: Tensor?, branch: Int, position: Int) {
    let value = beginning.map { TensorCombination.difference(end.values, $0.values) } ?? end.values
    guard let band else { return keep(value, Point(branch: branch, position: position)) }
    let (low, high) = band.split(value, channels: layout.channelCount, rows: rows)
    keep(low, Point(branch: branch, position: position))
    keep(high, Point(branch: branch, position: position, band: 1))
  }

  private func keep(_ value: [Float], _ point: Point) {
    values[point] = value
    use.keep(.value(point), byteCount: 4 * value.count)
  }

  func norms(of combination: Combination, branch: Int, rows: [Int]? = nil, into norms: inout [Double]) {
    let points = points(of: combination, branch)
    let terms = zip(points, combination.terms).map { ($0.0.value, $0.1.weight) }
    TensorCombination.appendNorms(
      of: terms, sizes: points.map { sizes(of: $0.point, $0.value) }, rows: rows ?? self.rows,
      channels: layout.channelCount, to: &norms)
  }

  /// Rows of some valid tokens.
  func rows(of tokens: some Sequence<Int>) -> [Int] { tokens.map { rows[$0] } }

  /// What a prediction emits for a branch that is the covered branches' `place`th.
  func emission(_ prediction: Prediction, branch: Int, place: Int, from: Tensor?) -> Tensor {
    var points: [(point: Point, value: [Float])] = []
    var places: [Point: Int] = [:]
    let weights = prediction.combinations.map { combination in
      var weights: [Int: Double] = [:]
      for (found, term) in zip(self.points(of: combination, branch), combination.terms) {
        let place = places[found.point] ?? points.count
        if place == points.count {
          places[found.point] = place
          points.append(found)
        }
        weights[place] = term.weight
      }
      return weights
    }
    var groups: [UInt8]?
    if let indices = prediction.groups?.indices {
      var own = [UInt8](repeating: 0, count: layout.tokens.count)
      for (token, row) in rows.enumerated() { own[row] = indices[place * rows.count + token] }
      groups = own
    }
    let order = points.indices.sorted { points[$0].point < points[$1].point }
    let values = TensorCombination.sum(
      order.map { points[$0].value }, weights: weights.map { own in order.map { own[$0] ?? 0 } },
      groups: groups, start: from?.values, rowCount: layout.tokens.count, channels: layout.channelCount)
    return Tensor(rows: layout.tokens.count, columns: layout.channelCount, values: values)
  }

  private func points(of combination: Combination, _ branch: Int) -> [(point: Point, value: [Float])] {
    combination.terms.map { term in
      let point = Point(
        branch: term.component.branch ?? branch, position: term.position, band: term.component.band)
      guard let value = values[point] else {
        preconditionFailure("a policy asked for call \(term.position), which was not computed")
      }
      use.used(.value(point))
      return (point, value)
    }
  }

  private func sizes(of point: Point, _ value: [Float]) -> [Double] {
    if let sizes = sizes[point] { return sizes }
    let norms = TensorCombination.norms(
      of: value, rowCount: layout.tokens.count, channels: layout.channelCount)
    sizes[point] = norms
    return norms
  }

  // MARK: What the rule looks at

  /// Keeps a quantity at a call, filtered at its noise level where the rule says so.
  func keep(_ change: ChangeRequest, _ tensor: Tensor, minus: Tensor?, at call: Call, _ point: Point) {
    let shape = quantities[change]!
    // Sums are taken in double precision, so that the difference of two taps is exact; a cache may hold it in
    // single, as a filter does.
    func value() -> TensorDifference {
      let whole = TensorDifference(tensor.values, minus: minus?.values)
      return shape.valid.map { whole.rows($0, channels: shape.channels) } ?? whole
    }
    if let filter = change.filter, let grid = shape.grid {
      let value = filter.apply(to: value(), channels: shape.channels, grid: grid, sigma: call.sigma)
      filtered[change, default: [:]][point] = TensorDifference(value)
      // Only neighbours are looked at.
      filtered[change]![Point(branch: point.branch, position: point.position - 2)] = nil
      use.keep(.filtered(change, point), byteCount: 4 * value.count)
    } else if kept[change.quantity]?[point] == nil {
      let value = value()
      kept[change.quantity, default: [:]][point] = value
      use.keep(.quantity(change.quantity, point), byteCount: 4 * value.count)
    }
  }

  /// Numbers of one branch that a quantity's sums run over.
  func elementCount(_ change: ChangeRequest) -> Int { quantities[change]!.elementCount }

  /// The sum over `|x|` or `x²` at a call.
  func size(_ kind: Sum.Kind, _ change: ChangeRequest, _ position: Int, branch: Int) -> Double {
    sum(Sum(kind: kind, change: change, branch: branch, position: position, other: nil)) {
      let value = value(change, Point(branch: branch, position: position))
      switch kind {
      case .absolute: return ChangeSums.absolute(of: value)
      case .squared: return ChangeSums.squared(of: value)
      }
    }
  }

  /// The sum over `|x_u − x_v|` or its square.
  func change(_ kind: Sum.Kind, _ change: ChangeRequest, _ u: Int, _ v: Int, branch: Int) -> Double {
    guard u != v else { return 0 }
    let (older, newer) = (min(u, v), max(u, v))
    return sum(Sum(kind: kind, change: change, branch: branch, position: older, other: newer)) {
      let (a, b) = (
        value(change, Point(branch: branch, position: older)),
        value(change, Point(branch: branch, position: newer))
      )
      switch kind {
      case .absolute: return ChangeSums.absolute(between: a, b)
      case .squared: return ChangeSums.squared(between: a, b)
      }
    }
  }

  private func sum(_ key: Sum, _ make: () -> Double) -> Double {
    if let known = sums[key] { return known }
    let made = make()
    sums[key] = made
    return made
  }

  private func value(_ change: ChangeRequest, _ point: Point) -> TensorDifference {
    let isFiltered = change.filter != nil
    use.used(isFiltered ? .filtered(change, point) : .quantity(change.quantity, point))
    guard let value = isFiltered ? filtered[change]?[point] : kept[change.quantity]?[point] else {
      preconditionFailure(
        "a policy asked for \(change.quantity) at call \(point.position), where it is not known")
    }
    return value
  }

  func finishCall() { use.advance() }
}

extension TensorStore.Point: Comparable {
  // As the terms of a combination are ordered.
  static func < (a: TensorStore.Point, b: TensorStore.Point) -> Bool {
    (a.branch, a.band, a.position) < (b.branch, b.band, b.position)
  }
}
