import Testing
import Trace

@testable import WorldCache

@Suite("meancache")
struct MeanCachePolicyTests {
  /// A policy at work on a stream with given noise levels, without a trace.
  private func predictions(_ spec: String, sigmas: [Double]) throws -> [Combination?] {
    let geometry = Synthetic(.still, seed: 1, calls: sigmas.count - 1, tokens: 1).geometry
    var stream = CallStream(geometry, segment: 0..<(sigmas.count - 1), branch: 0)
    stream.sigmas = Array(sigmas.dropLast())
    stream.nextSigmas = Array(sigmas.dropFirst())
    let plan = try PolicyRegistry.plan(spec)
    guard case .ordinary(let make) = plan.entry.kind else { return [] }
    var policy = try make(plan.values)
    policy.begin(stream)
    let signals = GeometrySignals.open(geometry)
    return stream.positions.map { position in
      switch policy.decide(at: position, signals: signals).action {
      case .compute:
        policy.computed(at: position, signals: signals)
        return nil
      case .predict: return policy.prediction(at: position, signals: signals).combinations[0]
      }
    }
  }

  @Test("order 2 and a prediction within the next average, worked by hand")
  func recursion() throws {
    // σ = 10, 8, 6, 5, 3: calls 0 and 1 computed. Call 2: avg = (−2 v0 − 2 v1) / −4 = (v0 + v1)/2,
    // jvp = (v0 − avg) / −4 = (v1 − v0)/8, v̂ = v1 − jvp · (−1) = v1 + (v1 − v0)/8.
    // Call 3, over calls 1 and 2: avg = (−2 v1 − 1 v̂2) / −3,
    // v1 − avg = (v1 − v̂2)/3, jvp = (v̂2 − v1)/9, v̂3 = v̂2 − jvp · (−2) = v̂2 + 2 (v̂2 − v1)/9.
    let found = try predictions(
      "meancache:list=own,computed=0+1+4,orders=1+2", sigmas: [10, 8, 6, 5, 3, 0])
    #expect(found.map { $0 == nil } == [true, true, false, false, true])
    expectWeights(try #require(found[2]), [0: -1.0 / 8, 1: 9.0 / 8])
    expectWeights(try #require(found[3]), [0: -1.0 / 8 - 2.0 / 72, 1: 9.0 / 8 + 2.0 / 72])
  }

  @Test("order 1 holds the last value, and orders reach back to the beginning at most")
  func orders() throws {
    let sigmas = [1, 0.9, 0.7, 0.4, 0.2, 0]
    let held = try predictions("meancache:list=own,computed=0+4,orders=1", sigmas: sigmas)
    for position in 1...3 { expectWeights(try #require(held[position]), [0: 1]) }
    // One value only: its average is itself, whatever the order.
    let short = try predictions("meancache:list=own,computed=0+4,orders=5", sigmas: sigmas)
    expectWeights(try #require(short[1]), [0: 1])
  }

  @Test("every published list is ascending from 0 to 49, with as many computed calls as its name says")
  func lists() {
    #expect(MeanCacheLists.published.count == 11)
    for (name, list) in MeanCacheLists.published {
      #expect(Int(name.split(separator: "-").last!) == list.computed.count)
      #expect(list.computed == Set(list.computed).sorted() && list.computed.first == 0)
      #expect(list.computed.last == 49 && list.orders.count == list.computed.count - 1)
    }
  }

  @Test("Qwen-Image at 10 of 50, and the order of each edge's predicted calls")
  func qwen() throws {
    let replay = try StreamReplay("meancache:list=qwen-10", Synthetic(.smooth, seed: 2, calls: 50))
    #expect(replay.computedPositions == [0, 1, 3, 7, 14, 21, 28, 35, 42, 49])
    let list = MeanCacheLists.published.first { $0.name == "qwen-10" }!.list
    let orders = MeanCachePolicy.orders(list, callCount: 50, isStretched: true)
    #expect(orders[2] == 2 && orders[4] == 1 && orders[41] == 1 && orders[43] == 4 && orders[48] == 4)
    #expect(list.computed.allSatisfy { orders[$0] == nil })
  }

  @Test("lists are stretched to other numbers of calls")
  func stretched() throws {
    // c · 24 / 49: 0, .49, 1.47, 3.43, 6.86, 10.29, 13.71, 17.14, 20.57, 24.
    let replay = try StreamReplay("meancache:list=qwen-10", Synthetic(.smooth, seed: 2, calls: 25))
    #expect(replay.computedPositions == [0, 1, 3, 7, 10, 14, 17, 21, 24])
  }

  // Differences that fall by 4 from call to call: over even noise levels the velocity's average over two calls
  // foretells the next (v̂ = v1 + (v1 − v0)/4), until the jump at call 5, and holding never does.
  private static func planted(_ scene: Int) -> ScalarTrace {
    var values = [1 + 0.1 * Double(scene)]
    var difference = 1.0
    for call in 1..<10 {
      values.append(values.last! + (call == 5 ? 2 : difference))
      difference = call == 5 ? 0.5 : difference / 4
    }
    let rows = [values.map { [$0] }]
    return ScalarTrace(
      [.guided: rows, .output: rows], path: "planted \(scene)", scene: scene, finalLatent: [3])
  }

  @Test("a planted timetable and its orders come out of a calibration and back from its file")
  func calibrated() throws {
    let calibration = try Calibrator.calibration((1...3).map(Self.planted), .meancache)
    let edges = try #require(calibration.meancache)
    // Calls 2, 3, 4 after 0 and 1, and 6, 7, 8 after 5: K = 2 predicts all, and nothing else does so well.
    #expect(edges.orders![1][3] == 2 && edges.orders![5][3] == 2)
    #expect(edges.costs[1][3] < 1e-6 && edges.costs[5][3] < 1e-6)
    #expect(edges.costs[0][1] > 0.01 && edges.costs[1][4] > 0.01 && edges.costs[4][1] > 0.01)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      #expect(try CalibrationFile.read(path).meancache == edges)
      let plan = try PolicyRegistry.plan("meancache:calibration=\(path),calls=4")
      #expect(plan.spec.description == "meancache:calibration=\(path),calls=4")
      let geometry = try GeometryBuilder.geometries(
        of: Self.planted(4), plan.request(blockCount: 2)!)[0]
      let replay = StreamReplay(try plan.policy(for: geometry), over: geometry)
      #expect(replay.picture == "CCpppCpppC")
      #expect(replay.callErrors.joined().allSatisfy { $0 < 1e-6 }, "it holds for a scene that was left out")
      let written = StreamReplay(
        try PolicyRegistry.plan("meancache:list=own,computed=0+1+5+9,orders=1+2+2").policy(for: geometry),
        over: geometry)
      #expect(written.callErrors == replay.callErrors)
      // Unless told otherwise a third of the calls.
      #expect(try PolicyRegistry.plan("meancache:calibration=\(path)").spec.description.hasSuffix("calls=3"))
    }
  }

  @Test("edges add up as powers, by hand: 3 + 0 is less than 2 + 2, and 9 more than 4 + 4")
  func power() throws {
    var calibration = try CalibrationFileTests.calibration(experts: false)
    let nothing = Array(repeating: 0.0, count: 1)
    // Between the ends of five calls one is computed: 1 costs 3, 2 costs 2 + 2, 3 costs 3.5.
    let costs = [[0, 2, 3.5], [0, 1, 3], [0, 2], nothing, nothing]
    calibration.meancache = EdgeCosts(
      method: .meancache, site: .guided, costs: costs, orders: [[1, 1, 1], [1, 2, 3], [1, 4], [1], [1]])
    calibration.domain.sigmas = [1, 0.8, 0.6, 0.4, 0.2]
    calibration.domain.experts = [0, 0, 0, 0, 0]
    (calibration.magcache, calibration.smoothcache, calibration.lemica) = (nil, nil, nil)
    try Fixture.with("calibration.json", CalibrationFile.json(calibration).text) { path in
      func written(_ power: String) throws -> String {
        let plan = try PolicyRegistry.plan("meancache:calibration=\(path),calls=3,power=\(power)")
        return try plan.entry.writtenOut!.spec(plan.values).description
      }
      let found = try ["2", "1"].map(written)
      #expect(found[0] == "meancache:list=own,computed=0+2+4,orders=1+4")
      #expect(found[1] == "meancache:list=own,computed=0+1+4,orders=1+3")
    }
  }

  @Test("lists of one's own must fit")
  func refusals() {
    for setting in ["computed=1+4,orders=1", "computed=0+4+2,orders=1+1", "computed=0+4,orders=1+1"] {
      expectPolicyError(
        "computed and orders of policy 'meancache' do not fit: calls ascend from 0, and every one but the last has "
          + "an order"
      ) { _ = try PolicyRegistry.plan("meancache:list=own,\(setting)") }
    }
    expectPolicyError("orders of policy 'meancache' belongs to list=own, not to qwen-17") {
      _ = try PolicyRegistry.plan("meancache:orders=1")
    }
  }
}
