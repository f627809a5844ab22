import TestSupport
import Testing
import Trace

@testable import WorldCache

@Suite("Quantiles and token groups")
struct GroupTests {
  typealias Group = GroupedPredictor.Group

  private func groups(_ curvatures: [Double], _ pStable: Double, _ pChaotic: Double) -> String {
    GroupedPredictor(pStable: pStable, pChaotic: pChaotic, nMax: 2).groups(of: curvatures)
      .map { ["S", "L", "C"][Int($0)] }.joined()
  }

  @Test("quantiles interpolate linearly between ranks, as numpy does")
  func interpolation() {
    let values = [1.0, 2, 4, 8, 16]
    // Rank 0.3 · 4 = 1.2: 2 + 0.2 (4 − 2) = 2.4. Rank 0.6 · 4 = 2.4: 4 + 0.4 (8 − 4) = 5.6.
    // Rank 0.25 · 4 = 1 and 0.75 · 4 = 3 meet a value. Rank 0.9 · 4 = 3.6: 8 + 0.6 · 8 = 12.8.
    for (p, expected) in [(0.3, 2.4), (0.6, 5.6), (0.25, 2), (0.75, 8), (0.9, 12.8), (0, 1), (1, 16)] {
      expectClose(Quantile.linear(p, ofSorted: values), expected, relative: 1e-15, "p = \(p)")
    }
  }

  @Test("quantiles of unsorted values are those of the sorted ones, bit for bit")
  func unsorted() {
    var generator = Dice(seed: 5)
    for count in [1, 2, 3, 10, 999, 4096] {
      // Spread over many binades, with zeros, ties and an infinity.
      var values = (0..<count).map { _ in
        generator.real(0...1) < 0.1 ? 0 : 1 / (generator.real(0...1) * generator.real(0...1))
      }
      if count > 5 { (values[1], values[4]) = (values[0], .infinity) }
      let ps = [0, 0.001, 0.3, 0.5, 0.6, 0.77, 0.999, 1]
      let sorted = values.sorted()
      #expect(Quantile.linear(ps, of: values) == ps.map { Quantile.linear($0, ofSorted: sorted) }, "\(count)")
    }
    #expect(Quantile.linear([0, 0.5, 1], of: [0, -0.0, 0]) == [0, 0, 0])
  }

  @Test("quantiles of two values and of one")
  func fewValues() {
    // Two values: rank p, so 10 + p · 4.
    expectClose(Quantile.linear(0.3, ofSorted: [10, 14]), 11.2, relative: 1e-15)
    #expect(Quantile.linear(0.5, ofSorted: [7]) == 7)
    #expect(Quantile.linear(1, ofSorted: [7]) == 7)
  }

  @Test("quantiles between equal values are that value, infinite ones included")
  func equalValues() {
    #expect(Quantile.linear(0.37, ofSorted: [0.1, 0.1, 0.1]) == 0.1)
    // ∞ − ∞ would be NaN, which no curvature is below or above.
    #expect(Quantile.linear(0.9, ofSorted: [1, .infinity, .infinity]) == .infinity)
  }

  @Test("tokens keep their order, whatever the order of their curvatures")
  func order() {
    // Boundaries 2.4 and 5.6, as above.
    #expect(groups([1, 2, 4, 8, 16], 0.3, 0.6) == "SSLCC")
    #expect(groups([16, 1, 8, 2, 4], 0.3, 0.6) == "CSCSL")
  }

  @Test("a curvature equal to a boundary is not stable, and is chaotic")
  func ties() {
    // Boundaries 2 and 8 are values: 2 is not below 2, so it is linear; 8 is at least 8, so it is chaotic.
    #expect(groups([1, 2, 4, 8, 16], 0.25, 0.75) == "SLLCC")
    // Both boundaries 4: below is stable, from it on chaotic, nothing between.
    #expect(groups([1, 2, 4, 8, 16], 0.5, 0.5) == "SSCCC")
  }

  @Test("many equal curvatures leave the quotas behind")
  func manyTies() {
    // Ranks 1.2 and 2.4 both fall among the ones: q_s = q_c = 1, and all are at least 1.
    #expect(groups([1, 1, 1, 1, 5], 0.3, 0.6) == "CCCCC")
    // Ranks 1.2 and 2.4: q_s = 1, q_c = 1 + 0.4 (5 − 1) = 2.6. The ones are not below 1, so none is stable.
    #expect(groups([1, 5, 1, 7, 1], 0.3, 0.6) == "LCLCL")
  }

  @Test("all equal curvatures are chaotic", arguments: [0, 0.25, 1e9])
  func allEqual(curvature: Double) {
    #expect(groups([Double](repeating: curvature, count: 4), 0.3, 0.6) == "CCCC")
  }

  @Test("quantiles 0 and 1 are the extremes")
  func extremes() {
    // q_s = 1 is the smallest: none is below it. q_c = 16 is the largest: only it is chaotic.
    #expect(groups([1, 2, 4, 8, 16], 0, 1) == "LLLLC")
    // q_c = 1: all chaotic. q_s = 16: all but the largest stable.
    #expect(groups([1, 2, 4, 8, 16], 0, 0) == "CCCCC")
    #expect(groups([1, 2, 4, 8, 16], 1, 1) == "SSSSC")
  }

  @Test("one quantile serves the tokens of both branches")
  func pooledBranches() {
    // v_1 = 1 for all; v_0 = 1 + d, a = d, κ = d / (1 + d)². Branch 0 has d = 0, 0.01, branch 1 d = 0.5, 1:
    // κ = 0, 0.0098, 0.222, 0.25. With p = 0.5, 0.5 the boundary lies at rank 1.5, between the branches;
    // a quantile for each branch would make one token of each branch chaotic.
    func branch(_ bends: [Float]) -> [[[Float]]] {
      [0, 1, 2].map { step in bends.map { [step + (step == 2 ? $0 : 0)] } }
    }
    let synthetic = Synthetic([branch([0, 0.01]), branch([0.5, 1])])
    let predictor = GroupedPredictor(pStable: 0.5, pChaotic: 0.5, nMax: 2)
    let groups = predictor.groups(anchors: [2, 1, 0], signals: GeometrySignals.open(synthetic.geometry))
    #expect(groups?.indices == [Group.stable, .stable, .chaotic, .chaotic].map(\.rawValue))
  }

  @Test("speed and acceleration order tokens by length")
  func criteria() {
    // (v_1, v_0): (2, 2), (1, 4), (1, 2), (2, −1), (5, 1): speeds 2, 4, 2, 1, 1; accelerations 0, 3, 1, 3, 4.
    let synthetic = Synthetic(tokens: [[0, 2, 4], [0, 1, 5], [0, 1, 3], [0, 2, 1], [0, 5, 6]])
    let signals = GeometrySignals.open(synthetic.geometry)
    func groups(_ criterion: GroupedPredictor.Criterion) -> [UInt8]? {
      GroupedPredictor(pStable: 0.3, pChaotic: 0.6, nMax: 2, criterion: criterion)
        .groups(anchors: [2, 1, 0], signals: signals)?.indices
    }
    // Sorted 1 1 2 2 4: ranks 1.2 and 2.4 give 1.2 and 2. The twos are at the upper boundary.
    #expect(groups(.speed) == [2, 2, 2, 0, 0])
    // Sorted 0 1 3 3 4: 1.4 and 3.
    #expect(groups(.acceleration) == [0, 2, 0, 2, 2])
  }

  @Test("quantiles of each modality, each branch, or both")
  func scopes() {
    // Speeds of branch 0: 1, 2 | 10, 20, of branch 1: 3, 4 | 30, 40, the bar between modalities; p = 0.5, 0.5.
    let speeds: [[Float]] = [[1, 2, 10, 20], [3, 4, 30, 40]]
    let plain = Synthetic(
      speeds.map { branch in [0, 1, 2].map { step in branch.map { [$0 * Float(step)] } } })
    let geometry = plain.geometry
    let tokens = geometry.tokens.enumerated().map { place, token in
      var token = token
      token.modality = place / 2
      return token
    }
    let modal = Geometry(
      site: .output, calls: geometry.calls, tokens: tokens, modalities: ["rgb", "depth"],
      distances: geometry.distances)
    func groups(_ scope: GroupedPredictor.Scope) -> String? {
      GroupedPredictor(pStable: 0.5, pChaotic: 0.5, nMax: 2, criterion: .speed, scope: scope)
        .groups(anchors: [2, 1, 0], signals: GeometrySignals.open(modal))?.indices
        .map { ["S", "L", "C"][Int($0)] }.joined()
    }
    // Boundaries 7; 2.5 and 25; 6 and 17; 1.5, 15, 3.5, 35.
    #expect(groups(.pooled) == "SSCCSSCC")
    #expect(groups(.modality) == "SSSSCCCC")
    #expect(groups(.branch) == "SSCCSSCC")
    #expect(groups(.modalityAndBranch) == "SCSCSCSC")
  }
}
