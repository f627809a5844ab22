import Testing
import Trace

@testable import WorldCache

@Suite("Near ties")
struct NearTieTests {
  private let synthetic = Synthetic(.smooth, seed: 5, branches: 1, calls: 25, tokens: 9)

  private func replay(_ spec: String, _ synthetic: Synthetic) throws -> StreamReplay {
    let plan = try PolicyRegistry.plan(spec)
    let geometry = try synthetic.geometry(for: plan)
    return StreamReplay(try plan.policy(for: geometry), over: geometry, figures: [.table, .nearTies])
  }

  /// A threshold equal to a signal that occurs: `>=` computes, and the last digit of the signal decides that.
  @Test(
    "a threshold that the signal just reaches is one; a threshold a millionth away is none, with a filter in single precision a thousandth",
    arguments: [
      ("worldcache:n-max=40,warmup=3", "eta", 1e-6), ("easycache:warmup=2", "threshold", 1e-6),
      ("teacache", "threshold", 1e-6), ("first-block", "threshold", 1e-6), ("dicache", "threshold", 1e-6),
      ("seacache", "threshold", 1e-3),
    ])
  func justReached(spec: String, parameter: String, away: Double) throws {
    func spelled(_ threshold: Double) -> String {
      "\(spec)\(spec.contains(":") ? "," : ":")\(parameter)=\(threshold)"
    }
    let free = try replay(spelled(1e9), synthetic)
    let signals = free.decisions.map { $0.signal ?? 0 }
    // The last signal that is larger than all before it: nothing is decided otherwise until then.
    let position = try #require(
      signals.indices.last { place in place > 0 && signals[place] > signals[..<place].max()! * (1 + 1e-3) })
    let signal = signals[position]
    let hit = try replay(spelled(signal), synthetic)
    #expect(hit.nearTies![0][0...position].map { $0 } == Array(repeating: false, count: position) + [true])
    for factor in [1 - away, 1 + away] {
      let clear = try replay(spelled(signal * factor), synthetic)
      #expect(clear.nearTies![0][0...position].allSatisfy { !$0 }, "\(factor)")
    }
  }

  @Test("where next to nothing passes a filter, its bound makes no magnitude negative")
  func cancelled() throws {
    // Two tokens of opposite sign: their mean, all that passes at the first call's noise level of 1, is 0.
    let opposite = (0..<12).map { [1 + 0.1 * Double($0), -1 - 0.1 * Double($0)] }
    let trace = ScalarTrace([
      .modulated: [opposite], .hidden(0): [opposite.map { _ in [1, 1] }], .hidden(2): [opposite],
      .output: [opposite],
    ])
    let plan = try PolicyRegistry.plan("seacache:threshold=0.3")
    let geometry = try GeometryBuilder.geometries(of: trace, try #require(try plan.request(blockCount: 2)))[0]
    let replay = StreamReplay(
      try plan.policy(for: geometry), over: geometry, figures: [.table, .nearTies])
    #expect(replay.decisions[1].action == .compute && replay.decisions[1].signal! > 1e6)
    #expect(replay.nearTies![0].allSatisfy { !$0 })
  }

  @Test("timetables have none; what a program decides is not asked a second time")
  func others() throws {
    for spec in ["interval:every=3", "taylor", "schedule:file=\(Fixture.path("schedule.json"))"] {
      #expect(try replay(spec, synthetic).nearTies!.joined().allSatisfy { !$0 }, "\(spec)")
    }
    let program = try replay("program:command=\(Fixture.argument(of: "program"))", synthetic)
    #expect(program.nearTies == nil)
  }

  @Test(
    "asking for them changes nothing else", arguments: ["worldcache", "teacache:threshold=2", "adacache"])
  func unchanged(spec: String) throws {
    for seed in UInt64(1)...4 {
      let synthetic = Synthetic(.random, seed: seed, branches: 2, calls: 17, tokens: 5)
      let plain = try StreamReplay(spec, synthetic)
      let watched = try replay(spec, synthetic)
      #expect(plain.lanes == watched.lanes && plain.callErrors == watched.callErrors, "seed \(seed)")
      #expect(plain.nearTies == nil && watched.nearTies!.map(\.count) == watched.lanes.map(\.count))
    }
  }

  @Test("a straight line's acceleration is rounding, and is moved by no more than its bound")
  func bounds() {
    let geometry = Synthetic(.straight, seed: 2, calls: 9).geometry
    let velocities = Velocities(anchors: [8, 5, 3])
    func norms(_ combination: Combination, _ deviation: Deviation) -> [Double] {
      GeometrySignals.open(geometry, deviation: deviation).norms(of: combination)
    }
    #expect(norms(velocities.acceleration, .none).allSatisfy { $0 == 0 })
    let (low, plain, high) = (
      norms(velocities.newest, .down), norms(velocities.newest, .none), norms(velocities.newest, .up)
    )
    for token in plain.indices {
      #expect(low[token] < plain[token] && plain[token] < high[token])
      // A single distance: 32 units of its square are 16 of itself.
      expectClose(high[token] / plain[token] - 1, 16 * Double.ulpOfOne, relative: 0.1)
      // The terms of the acceleration are as large as the velocity squared.
      let acceleration = norms(velocities.acceleration, .up)[token]
      #expect(acceleration > 0 && acceleration < 1e-6 * plain[token])
    }
    for (token, norm) in norms(velocities.newest, .scattered).enumerated() {
      #expect(norm == low[token] || norm == high[token])
    }
  }
}
