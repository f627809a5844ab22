import Testing
import Trace

@testable import WorldCache

@Suite("Headroom")
struct HeadroomTests {
  /// Rollouts of one velocity for every noise level, so that its fewer-step runs can be worked out.
  private func rollout(calls: Int, _ velocity: (Double) -> [Double]) throws -> (ScalarTrace, [Geometry]) {
    let sigmas = (0..<calls).map { 1 - Double($0) / Double(calls) }
    let values = sigmas.map { velocity($0).map { Double(Float($0)) } }
    // X = X_0 + Σ w v, from zero.
    let final = values[0].indices.map { token in -values.reduce(0) { $0 + $1[token] } / Double(calls) }
    let trace = ScalarTrace([.output: [values]], sigmas: sigmas, finalLatent: final)
    return (trace, try GeometryBuilder.geometries(of: trace, GeometryRequest(.output)))
  }

  private func headroom(
    _ geometries: [Geometry], budgets: [Double] = [0.01, 0.03, 0.1], precision: StoredPrecision? = nil
  ) throws -> Headroom {
    var survey = try HeadroomSurvey(budgets: budgets)
    try survey.add(geometries, precision: precision)
    return try survey.headroom()
  }

  @Test("a regular grid, and the recorded levels nearest to another shift, by hand")
  func nodes() {
    #expect(HeadroomSample.Chunk.grid(4, of: 12) == [0, 3, 6, 9])
    #expect(HeadroomSample.Chunk.grid(5, of: 12) == [0, 2, 5, 7, 10])
    #expect(HeadroomSample.Chunk.grid(1, of: 7) == [0])
    #expect(HeadroomSample.Chunk.grid(7, of: 7) == Array(0..<7))
    let sigmas = (0..<10).map { 1 - Double($0) / 10 }
    // Shift 1 keeps every other level; shift 4 has levels 1, 0.941, 0.857, 0.727, 0.5 for five steps.
    #expect(HeadroomSample.Chunk.nodes(5, shift: 1, among: sigmas) == [0, 2, 4, 6, 8])
    #expect(HeadroomSample.Chunk.nodes(5, shift: 4, among: sigmas) == [0, 1, 2, 3, 5])
    #expect(HeadroomSample.Chunk.nodes(10, shift: 9, among: sigmas) == Array(0..<10))
    #expect(HeadroomSample.Chunk.nodes(11, shift: 1, among: sigmas) == nil)
    #expect(HeadroomSample.Chunk.nodes(2, shift: 1, among: [1, 1, 0.5]) == nil, "levels must fall")
  }

  @Test("holding on a regular grid is an Euler run of fewer steps")
  func fewerSteps() throws {
    func velocity(_ sigma: Double) -> [Double] { [1 + sigma * sigma, -2 + sigma] }
    let (_, geometries) = try rollout(calls: 12, velocity)
    for count in [1, 2, 3, 4, 6, 12] {
      let length = 12 / count
      // The run itself: Δσ = 1 / count at every node.
      let nodes = (0..<count).map { velocity(1 - Double($0 * length) / 12) }
      let all = (0..<12).map { velocity(1 - Double($0) / 12) }
      var (difference, square) = (0.0, 0.0)
      for token in 0..<2 {
        let fewer = -nodes.reduce(0) { $0 + $1[token] } / Double(count)
        let whole = -all.reduce(0) { $0 + $1[token] } / 12
        difference += (fewer - whole) * (fewer - whole)
        square += whole * whole
      }
      let mask = HeadroomSample.Chunk.grid(count, of: 12).map(String.init).joined(separator: "+")
      let replay = try Replay(PolicyRegistry.plan("mask:calls=\(mask)"), over: geometries)
      expectClose(
        try #require(replay.directError), (difference / square).squareRoot(), relative: 1e-6, absolute: 1e-9)
      let sample = try HeadroomSample(geometries)
      expectClose(
        sample.chunks[0].error(.fewerSteps, count), try #require(replay.streakError), relative: 1e-9,
        absolute: 1e-15)
    }
  }

  @Test("needs are the fewest calls within the budget, and no way beats the ideal of hold by holding")
  func needs() throws {
    let seed: UInt64 = 12
    let geometry = Synthetic(.smooth, seed: seed, calls: 14, tokens: 6).geometry
    let sample = try HeadroomSample([geometry])
    for budget in [0.001, 0.01, 0.1, 0.5] {
      let ideal = try #require(sample.counts(.ideal(predictor: "hold"), budget: budget))[0]
      let regular = try #require(sample.counts(.fewerSteps, budget: budget))[0]
      #expect(ideal <= regular, "seed \(seed)")
      #expect(sample.chunks[0].error(.fewerSteps, regular) <= budget)
      #expect(regular == 1 || sample.chunks[0].error(.fewerSteps, regular - 1) > budget)
      let shifted = try #require(sample.counts(.reshifted(shift: 3), budget: budget))[0]
      #expect(ideal <= shifted, "seed \(seed)")
    }
    #expect(sample.counts(.fewerSteps, budget: 1e-30) == [14], "with every call computed there is no error")
  }

  @Test("constant output: one call is enough, and fewer steps do as well")
  func constant() throws {
    let (_, geometries) = try rollout(calls: 10) { _ in [1, 2] }
    let headroom = try headroom(geometries)
    #expect(headroom.needs.allSatisfy { $0.meanCount == 1 && $0.worstCount == 1 })
    #expect(headroom.halfErrorTokens == nil, "there is no error")
    let verdict = HeadroomVerdict(headroom)
    #expect(verdict.outcome == .takeFewerSteps)
    #expect(
      verdict.sentences[0].contains(
        "saves a factor of 10.0 in calls, and the best cached schedule no more than 10.0"))
  }

  @Test("a straight line: extrapolation needs two calls where fewer steps need most of them")
  func straight() throws {
    let (_, geometries) = try rollout(calls: 20) { [10 * $0 - 4.75] }
    let headroom = try headroom(geometries, budgets: [0.01])
    #expect(headroom.need(.ideal(predictor: "Taylor of order 1"), 0.01)?.meanCount == 2)
    #expect(headroom.need(.fewerSteps, 0.01)!.meanCount! > 10)
    let verdict = HeadroomVerdict(headroom)
    #expect(verdict.outcome == .cachingCanPay)
    #expect(verdict.sentences[0].hasPrefix("Caching can pay: at 1.0 % error the best schedule"))
  }

  @Test("four calls of which none resembles another: nothing to skip")
  func nothing() throws {
    let (_, geometries) = try rollout(calls: 4) { [$0 < 0.3 ? 9 : $0 < 0.6 ? -7 : $0 < 0.8 ? 8 : -9] }
    let verdict = HeadroomVerdict(try headroom(geometries))
    #expect(verdict.outcome == .nothingToSkip)
    #expect(verdict.sentences[0].hasPrefix("Nothing to skip"))
  }

  @Test("step changes and the noise of storage, by hand")
  func storage() throws {
    // 4 → 5: a step of 1 / 5 of the value. bfloat16: 5 · 2⁻⁸ / √3 over a step of 1; a bound of 0.3 adds 0.3 / √3.
    let (trace, geometries) = try rollout(calls: 2) { [$0 > 0.7 ? 4 : 5] }
    _ = trace
    var noise = NoiseFloor()
    noise.add(geometries[0], StoredPrecision(dtype: .bfloat16))
    expectClose(noise.stepChanges[0], 0.2, relative: 1e-12)
    expectClose(noise.storageShares[0], 5 * 0x1p-8 / 3.0.squareRoot(), relative: 1e-12)
    var lossy = NoiseFloor()
    lossy.add(geometries[0], StoredPrecision(dtype: .float32, bounds: [.output: [0, 0.3]]))
    expectClose(lossy.storageShares[0], 0.3 / 3.0.squareRoot(), relative: 1e-6)
    #expect(lossy.isLossy && !noise.isLossy)
    // Weights 2, −1 and 2.5, −2, 0.5.
    expectClose(NoiseFloor.gain(HoldPredictor()), 1, relative: 1e-14)
    expectClose(NoiseFloor.gain(TaylorPredictor(order: 1)), 5.0.squareRoot(), relative: 1e-14)
    expectClose(NoiseFloor.gain(TaylorPredictor(order: 2)), 10.5.squareRoot(), relative: 1e-14)
    let coarse = try headroom(
      geometries, precision: StoredPrecision(dtype: .float32, bounds: [.output: [0, 0.3]]))
    #expect(
      HeadroomVerdict(coarse).sentences.contains {
        $0.contains("rounding is 17 % of what changes between calls")
      })
    let fine = try headroom(geometries, precision: StoredPrecision(dtype: .float32))
    #expect(!HeadroomVerdict(fine).sentences.contains { $0.contains("rounding") })
  }

  @Test("two runs of one rollout: differences by call and at the end, and a budget below them")
  func repeated() throws {
    let (trace, geometries) = try rollout(calls: 4) { [$0 > 0.5 ? 4 : 5, 0] }
    var other = trace
    other.path = "other"
    other.values[.output]![0][1] = [4, 1]
    other.finalLatent = [trace.finalLatent![0], trace.finalLatent![0] / 4]
    var survey = try HeadroomSurvey(budgets: [0.1])
    try survey.add(geometries)
    try survey.add(repeating: trace, other, geometries)
    let headroom = try survey.headroom()
    #expect(headroom.noise.repeatDifferences == [0, 0.25, 0, 0])
    #expect(headroom.noise.repeatShares == [0])
    expectClose(headroom.noise.finalDifferences[0], 0.25, relative: 1e-6)
    let verdict = HeadroomVerdict(headroom)
    #expect(verdict.outcome == .withinNoise)
    #expect(
      verdict.sentences[0].contains(
        "differ by 25 % in the final latent: an error of 10 % cannot be told from that"))
    var short = trace
    short.calls.removeLast()
    let error = #expect(throws: TraceError.self) {
      var survey = try HeadroomSurvey(budgets: [0.1])
      try survey.add(repeating: trace, short, geometries)
    }
    #expect(error?.code == .invalid)
    var guided = trace
    for place in guided.calls.indices { guided.calls[place].guidance = 2 }
    let scaled = #expect(throws: TraceError.self) {
      var noise = NoiseFloor()
      try noise.add(repeating: trace, guided, geometries)
    }
    #expect(scaled?.message.contains("it has other calls, guidance or tokens") == true)
  }

  @Test("a repetition is compared where both computed, and not in rows that pad the tensor")
  func compared() throws {
    let (trace, geometries) = try rollout(calls: 3) { [$0, 2] }
    var other = trace
    other.values[.output]![0][1] = [2 / 3, 7]
    let padded = Padded(base: trace), again = Padded(base: other)
    var noise = NoiseFloor()
    try noise.add(repeating: padded, again, geometries)
    // Only the second token differs, and that is no token.
    #expect(noise.repeatDifferences.allSatisfy { $0 < 1e-6 })
    let error = #expect(throws: TraceError.self) {
      var noise = NoiseFloor()
      try noise.add(repeating: padded, Padded(base: trace, cached: 2), geometries)
    }
    #expect(error?.message == "replay needs an uncached recording, but output is predicted here")
  }

  /// The same with its last row as padding, and a call that a cache predicted.
  private struct Padded: FeatureSource {
    var base: ScalarTrace
    var cached: Int?

    var path: String { base.path }
    var header: TraceHeader { base.header }
    var calls: [Call] { base.calls }
    var plannedCallCount: Int { base.plannedCallCount }
    var taps: [Tap] { base.taps }

    func layout(of tap: Tap) -> TokenTable {
      let table = base.layout(of: tap)
      var tokens = table.tokens
      tokens[tokens.count - 1].isValid = false
      return TokenTable(
        name: table.name, modalities: table.modalities, channelCount: table.channelCount, tokens: tokens)
    }
    func state(of tap: Tap, call: Int) -> TapState {
      call == cached ? .predicted : base.state(of: tap, call: call)
    }
    func rows(_ rows: Range<Int>, of tap: Tap, call: Int) -> [Float] {
      base.rows(rows, of: tap, call: call)
    }
    func rowCountOfBlock(of tap: Tap) -> Int { base.rowCountOfBlock(of: tap) }
    func stretchSeconds(of tap: Tap) -> [Double] { base.stretchSeconds(of: tap) }
    func `final`(chunk: Int) throws(TraceError) -> Tensor { try base.final(chunk: chunk) }
  }

  @Test("few hot tokens are counted: one of twenty that carries all the error")
  func hotTokens() throws {
    let (_, geometries) = try rollout(calls: 12) { sigma in
      (0..<20).map { $0 == 7 ? 10 * sigma * sigma : 1 }
    }
    let headroom = try headroom(geometries)
    #expect(headroom.halfErrorTokens == 0.05 && headroom.mostErrorTokens == 0.05)
    #expect(
      HeadroomVerdict(headroom).sentences.contains {
        $0.hasPrefix("Half of the error sits in 5.0 % of the tokens")
      })
  }

  @Test("a solver that is not Euler's is named; budgets are checked")
  func words() throws {
    var (trace, _) = try rollout(calls: 6) { [1 + $0] }
    trace.header.solver = "heun"
    let geometries = try GeometryBuilder.geometries(of: trace, GeometryRequest(.output))
    #expect(
      HeadroomVerdict(try headroom(geometries)).sentences.last!.hasPrefix(
        "The recorded solver is not Euler's"))
    expectPolicyError("budgets are 1 to 9 errors above 0") { _ = try HeadroomSurvey(budgets: [0]) }
    trace.finalLatent = nil
    let bare = try GeometryBuilder.geometries(of: trace, GeometryRequest(.output))
    expectPolicyError("edge costs are relative to the final latent, and the trace holds none") {
      _ = try HeadroomSample(bare)
    }
    #expect(HeadroomVerdict.percent(0.25) == "25 %" && HeadroomVerdict.percent(0.012) == "1.2 %")
  }
}
