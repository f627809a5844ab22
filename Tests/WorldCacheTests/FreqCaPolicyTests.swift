import Testing
import Trace

@testable import WorldCache

@Suite("freqca")
struct FreqCaPolicyTests {
  @Test("the low band is held, the high one extrapolated")
  func bands() {
    let predictor = BandPredictor(low: HoldPredictor(), high: HermitePredictor(order: 2, sigma: 0.5))
    let combination = predictor.combinations(anchors: [8, 2, 1], distance: 1)[0]
    let low = combination.terms.filter { $0.component.band == 0 }
    #expect(low.map(\.position) == [8] && low.map(\.weight) == [1])
    let alone = HermitePredictor(order: 2, sigma: 0.5).combinations(anchors: [8, 2, 1], distance: 1)[0]
    let high = combination.terms.filter { $0.component.band == 1 }
    #expect(high.map(\.position) == alone.terms.map(\.position))
    #expect(high.map(\.weight) == alone.terms.map(\.weight))
    #expect(predictor.anchorCount == 3)
  }

  @Test("a constant pattern that moves is held, an alternating one extrapolated")
  func replay() throws {
    // Four tokens in a row, f = s · (a + b (−1)^i): the cosine transform's mean is low, the rest high. With a = 1,
    // b = 0 order 0 falls k behind; with a = 0, b = 1 and Taylor weights of order 1 nothing is lost.
    for (mean, wave, expected) in [(1.0, 0.0, 1.0 / 4), (0, 1, 0)] {
      let features = (0..<5).map { step in
        (0..<4).map { token in
          [Float(Double(step + 1) * (mean + wave * (token % 2 == 0 ? 1 : -1)))]
        }
      }
      let synthetic = Synthetic([features])
      let replay = try StreamReplay(
        "freqca:site=output,interval=3,weights=taylor,order=1,fraction=0.1", synthetic)
      #expect(replay.picture == "CCCpp")
      expectClose(replay.callErrors[0][3], expected, relative: 1e-6, absolute: 1e-6)
    }
  }

  @Test("both transforms, and where they are refused")
  func transforms() throws {
    let plan = try PolicyRegistry.plan("freqca:transform=fourier,site=output")
    #expect(try plan.request(blockCount: 6)?.split == .fourier(fraction: 0.1))
    #expect(try PolicyRegistry.plan("freqca").request(blockCount: 6)?.split == .cosine(fraction: 0.1))
    expectPolicyError("sigma of policy 'freqca' belongs to weights=hermite, not to taylor") {
      _ = try PolicyRegistry.plan("freqca:weights=taylor,sigma=1")
    }
  }
}
