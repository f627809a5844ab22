import Testing

@testable import Trace

@Suite("Changes of a quantity between calls")
struct ChangeTableTests {
  /// Five rows of three channels; row 1 only pads, row 3 has two valid channels.
  private static let table = TokenTable(
    name: "hidden", modalities: ["rgb", "depth"], channelCount: 3,
    tokens: (0..<5).map {
      TokenTable.Token(
        modality: $0 < 3 ? 0 : 1, frame: 0, row: 0, column: $0, validChannels: $0 == 3 ? 2 : 3,
        isValid: $0 != 1)
    })

  /// Whole numbers, so that sums are exact; padding rows hold numbers that must not count, padding channels zeros.
  private static func source(_ taps: [Tap], branches: Int, steps: Int) -> PlantedSource {
    var state: UInt64 = 7
    func next() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int(state >> 33) % 19 - 9)
    }
    var values: [Tap: [[Float]]] = [:]
    for tap in taps {
      values[tap] = (0..<steps * branches).map { _ in
        (0..<5).flatMap { row in (0..<3).map { row == 3 && $0 == 2 ? 0 : next() } }
      }
    }
    return PlantedSource(
      table, branches: branches, sigmas: (0..<steps).map { 1 - Double($0) / Double(steps) }, values: values)
  }

  // The numbers that count, of one call.
  private func valid(_ source: PlantedSource, _ quantity: Quantity, _ call: Int) -> [Double] {
    (0..<15).filter { place in
      let token = ChangeTableTests.table.tokens[place / 3]
      return token.isValid && place % 3 < token.validChannels
    }.map { place in
      Double(source.values[quantity.tap]![call][place])
        - (quantity.minus.map { Double(source.values[$0]![call][place]) } ?? 0)
    }
  }

  @Test(
    "sums equal a loop over valid channels of valid tokens",
    arguments: [ChangeRequest.Pairs.adjacent, .all], [1, 2])
  func sums(pairs: ChangeRequest.Pairs, branches: Int) throws {
    let steps = 6
    let source = Self.source([.hidden(0), .block(1), .modulated], branches: branches, steps: steps)
    for quantity in [Quantity(.modulated), Quantity(.block(1), minus: .hidden(0))] {
      let calls = (0..<branches).map { branch in source.calls.filter { $0.branch == branch } }
      let table = try ChangeBuilder(source, ChangeRequest(quantity, pairs), calls).table()
      #expect(table.branchCount == branches && table.callCount == steps)
      #expect(table.elementCount == 11)
      for branch in 0..<branches {
        for v in 0..<steps {
          let new = valid(source, quantity, v * branches + branch)
          #expect(new.count == 11)
          #expect(table.absolute(at: v, branch: branch) == new.reduce(0) { $0 + abs($1) })
          #expect(table.square(at: v, branch: branch) == new.reduce(0) { $0 + $1 * $1 })
          for u in (pairs == .all ? 0 : max(0, v - 1))..<v {
            let old = valid(source, quantity, u * branches + branch)
            let changes = zip(new, old).map { $0 - $1 }
            #expect(table.absoluteChange(u, v, branch: branch) == changes.reduce(0) { $0 + abs($1) })
            #expect(table.absoluteChange(v, u, branch: branch) == table.absoluteChange(u, v, branch: branch))
            #expect(table.squaredChange(u, v, branch: branch) == changes.reduce(0) { $0 + $1 * $1 })
          }
          #expect(table.absoluteChange(v, v, branch: branch) == 0)
        }
      }
    }
  }

  @Test("long rows are summed whole, whatever their length")
  func lengths() {
    for count in [0, 1, 7, 8, 9, 16, 23] {
      let a = (0..<count).map { Double($0 * $0 % 11) - 5 }
      let b = (0..<count).map { Double($0 * 7 % 13) - 6 }
      let zeros = [Float](repeating: 0, count: count)
      // Alone, and with something taken off.
      for minus in [nil, zeros] {
        let (first, second) = (
          TensorDifference(a.map(Float.init), minus: minus), TensorDifference(b.map(Float.init), minus: minus)
        )
        let (absolute, squared) = ChangeSums.of(first)
        #expect(absolute == a.reduce(0) { $0 + abs($1) })
        #expect(squared == a.reduce(0) { $0 + $1 * $1 })
        let (change, squares) = ChangeSums.between(first, second)
        #expect(change == zip(a, b).reduce(0) { $0 + abs($1.1 - $1.0) })
        #expect(squares == zip(a, b).reduce(0) { $0 + ($1.1 - $1.0) * ($1.1 - $1.0) })
      }
    }
  }

  @Test("pairs have one place each, in the order of the newer call")
  func places() {
    #expect((1..<6).map { ChangeTable.place(.adjacent, $0 - 1, $0) } == [0, 1, 2, 3, 4])
    let all = (1..<5).flatMap { v in (0..<v).map { ChangeTable.place(.all, $0, v) } }
    #expect(all == Array(0..<ChangeTable.pairCount(.all, 5)))
    #expect(ChangeTable.pairCount(.adjacent, 0) == 0 && ChangeTable.pairCount(.all, 1) == 0)
  }

  @Test("filtered changes are those of the filtered values")
  func filtered() throws {
    let filter = SpectralFilter(power: 2)
    var table = Self.table
    // Two rows of two tokens and a padding row in between.
    for (index, place) in [(0, 0), (2, 1), (3, 2), (4, 3)] {
      table.tokens[index] = .init(
        modality: 0, frame: 0, row: place / 2, column: place % 2, validChannels: 3)
    }
    let planted = Self.source([.modulated], branches: 1, steps: 4)
    let source = PlantedSource(table, sigmas: planted.calls.map(\.sigma), values: planted.values)
    let request = ChangeRequest(Quantity(.modulated), .adjacent, filter: filter)
    let changes = try ChangeBuilder(source, request, [source.calls]).table()
    let grid = try #require(TokenGrid(table.tokens.filter(\.isValid)))
    let values = source.calls.map { call in
      let all: [Float] = source.values[.modulated]![call.ordinal]
      let valid = all.enumerated().filter { $0.offset / 3 != 1 }.map(\.element)
      return filter.apply(to: TensorDifference(valid), channels: 3, grid: grid, sigma: call.sigma)
    }
    for position in 1..<4 {
      let expected = zip(values[position], values[position - 1]).reduce(0) {
        $0 + abs(Double($1.0) - Double($1.1))
      }
      #expect(abs(changes.absoluteChange(position - 1, position, branch: 0) - expected) <= 1e-9 * expected)
      // What filtering may have changed is kept beside them.
      let call = source.calls[position]
      let whole = source.values[.modulated]![call.ordinal].enumerated().filter { $0.offset / 3 != 1 }
        .reduce(0) { $0 + abs(Double($1.element)) }
      let bound = whole * filter.roundingBound(grid: grid, sigma: call.sigma)
      #expect(bound > 0 && abs(changes.rounding(at: position, branch: 0) / bound - 1) < 1e-12)
    }
    let plain = ChangeRequest(Quantity(.modulated), .adjacent)
    #expect(try ChangeBuilder(source, plain, [source.calls]).table().rounding(at: 1, branch: 0) == 0)
  }
}
