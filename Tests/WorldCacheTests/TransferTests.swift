import Testing
import Trace

@testable import WorldCache

/// What was chosen on one set, on another: planted timetables, and naive loops over settings.
@Suite struct TransferTests {
  private func set(_ name: String, _ traces: [Synthetic]) -> TransferSet {
    TransferSet(
      name: name,
      traces: traces.enumerated().map { place, trace in
        ("\(name) \(place)", { { plan in [try trace.geometry(for: plan)] } })
      })
  }

  /// One token of one channel that holds still between jumps; every call has the same weight, and the final latent
  /// the norm 2.
  private func steps(_ values: [Float]) -> Synthetic {
    Synthetic(
      tokens: [values], weights: Array(repeating: -0.125, count: values.count), finalSquaredNorms: [4])
  }

  private func rows(
    _ policy: String, _ sets: [TransferSet], speedup: Double? = nil, maxError: Double? = nil,
    sources: [Int] = [0], metric: TuningMetric = .direct, cost: TuningCost = .calls
  ) throws -> (rows: [Transfer.Row], unmet: [(family: Int, source: Int)], table: TransferTable) {
    let transfer = Transfer(
      families: [try TransferFamily(policy, limit: 1000)],
      goal: TuningGoal(
        metric: metric, statistic: .worst, cost: cost, speedup: speedup, largestError: maxError),
      workerCount: 2)
    let result = try transfer.rows(sets, from: sources, to: Array(sets.indices))
    return (result.rows, result.unmet, TransferTable(transfer, sets))
  }

  /// By hand. On the source, holding is exact with the calls 0, 3 and 6 computed. On the target, 0, 2 and 6 leave an
  /// error of -1 at call 5, 1/8 of which reaches a final latent of norm 2: 0.0625. Carried, 0, 3 and 6 err by -1 at calls 2
  /// and 5: 0.125, twice as much.
  @Test("a planted timetable is found on the source, and its regret on the target is known")
  func planted() throws {
    let sets = [
      set("source", [steps([0, 0, 0, 1, 1, 1, 5, 5]), steps([2, 2, 2, 4, 4, 4, 3, 3])]),
      set("target", [steps([0, 0, 1, 1, 1, 2, 5, 5])]),
    ]
    let (rows, unmet, table) = try rows("ideal:predictor=hold", sets, speedup: 2.6)
    #expect(unmet.isEmpty)
    #expect(
      rows.map(\.spec.description)
        == Array(repeating: "mask:calls=0+3+6,predictor=hold,site=output", count: 2))
    #expect(rows.map { $0.figures.map { $0.errors[.direct] } } == [[0, 0], [0.125]])
    #expect(rows[1].own?.spec.description == "mask:calls=0+2+6,predictor=hold,site=output")
    #expect(rows[1].own?.figures[0].errors[.direct] == 0.0625)
    #expect(rows[1].carriedFrom == nil)
    let cells = table.table(rows).formatted(.csv).split(separator: "\n").map { $0.split(separator: ",") }
    #expect(cells[0].firstIndex(of: "regret").map { cells[1][$0] } == "1.0")
    #expect(cells[0].firstIndex(of: "regret").map { cells[2][$0] } == "2.0")
    #expect(cells[0].firstIndex(of: "goal").map { cells[2][$0] } == "kept")
  }

  /// By hand. With call x computed beside call 0 the errors of the first trace add up to 4, 0, 1, 2, 3 for x = 1 to 5, those
  /// of the second to 4, 4, 4, 2, 1: each has a best x of its own, 2 and 5, and the sum of squares is least at 4.
  @Test("a timetable is ideal for the traces together, under the constraints that are written")
  func together() throws {
    let sets = [set("source", [steps([0, 0, 1, 1, 1, 1]), steps([0, 0, 0, 0, 1, 3])])]
    func mask(_ rest: String) throws -> String {
      try rows("ideal:predictor=hold,calls=2\(rest)", sets, speedup: 2).rows[0].spec.description
    }
    #expect(try mask("") == "mask:calls=0+4,predictor=hold,site=output")
    #expect(try mask(",last=computed") == "mask:calls=0+5,predictor=hold,site=output")
    #expect(try mask(",warmup=2") == "mask:calls=0+1,predictor=hold,site=output")
    #expect(try mask(",longest-streak=2") == "mask:calls=0+3,predictor=hold,site=output")
    // Fourth powers: 16 + 16 at x = 4, 81 + 1 at 5.
    #expect(try mask(",power=4") == "mask:calls=0+4,predictor=hold,site=output")
  }

  @Test("traces without times have no speed-up in seconds")
  func times() throws {
    let sets = [set("source", [steps([0, 0, 1, 1]), steps([0, 1, 1, 1])])]
    expectPolicyError("source 0: the trace holds no times; use --cost calls") {
      _ = try rows("interval:every=2", sets, speedup: 1.5, cost: .seconds)
    }
  }

  /// By hand in ScheduleCarryTests' way: 2 of 8 calls, 0 and 4, are 4 of 16, at 0, 2.9, 5.7 and 8.6.
  @Test("a timetable is carried to another number of steps")
  func carried() throws {
    let sets = [
      set("8", [steps([0, 0, 0, 0, 1, 1, 1, 1])]),
      set("16", [steps((0..<16).map { $0 < 8 ? 0 : 1 })]),
    ]
    let (rows, _, _) = try rows("ideal:predictor=hold,calls=2", sets, speedup: 2)
    #expect(rows[0].spec.description == "mask:calls=0+4,predictor=hold,site=output")
    #expect(rows[1].spec.description == "mask:calls=0+3+6+9,predictor=hold,site=output")
    #expect(rows[1].carriedFrom == rows[0].spec)
    // Held from call 6, call 8 errs by 1 and 1/8 of that reaches the norm 2.
    #expect(rows[1].figures[0].errors[.direct] == 0.0625)
    #expect(rows[1].figures[0].computedCount == 4)
  }

  @Test("a mask that was written down is carried too, and chunks of several lengths are refused")
  func masks() throws {
    let sets = [
      set("8", [steps([0, 0, 0, 0, 1, 1, 1, 1])]), set("16", [steps((0..<16).map { $0 < 8 ? 0 : 1 })]),
      set("both", [steps([0, 0, 0, 0, 1, 1, 1, 1]), steps((0..<16).map { $0 < 8 ? 0 : 1 })]),
    ]
    let (rows, _, table) = try rows("mask:calls=0+4,predictor=hold", sets, speedup: 2)
    #expect(rows[1].spec.description == "mask:calls=0+3+6+9,predictor=hold,site=output")
    #expect(rows[2].figures.isEmpty)
    #expect(rows[2].refusals.last?.contains("its chunks have 8 and 16 calls") == true, "\(rows[2].refusals)")
    #expect(!table.remarks(.init(rows: rows, unmet: [])).isEmpty)
  }

  @Test("choices and figures are those of naive loops over the settings")
  func naive() throws {
    let sets = (0..<3).map { place in
      set(
        "set \(place)",
        (0..<3).map { Synthetic(.smooth, seed: UInt64(10 * place + $0 + 1), calls: 14, tokens: 5) })
    }
    let every = 2...6
    func figures(_ set: TransferSet, _ every: Int) throws -> (speedup: Double, error: Double) {
      let plan = try PolicyRegistry.plan("interval:every=\(every)")
      let replays = try set.geometries(for: plan).map { try Replay(plan, over: [$0]) }
      let (calls, computed) = (
        replays.reduce(0) { $0 + $1.callCount }, replays.reduce(0) { $0 + $1.computedCount }
      )
      return (Double(calls) / Double(computed), replays.compactMap(\.directError).max()!)
    }
    func best(_ set: TransferSet) throws -> Int {
      try every.filter { try figures(set, $0).speedup >= 2.5 }
        .min { try figures(set, $0).error < figures(set, $1).error }!
    }
    let (rows, _, _) = try rows("interval:every=2..6", sets, speedup: 2.5, sources: [0, 1, 2])
    #expect(rows.count == 9)
    for row in rows {
      let chosen = try best(sets[row.source])
      #expect(
        row.spec.description == "interval:every=\(chosen)"
          || row.spec.description.hasPrefix("interval:every=\(chosen),"))
      #expect(
        row.figures.compactMap { $0.errors[.direct] }.max() == (try figures(sets[row.target], chosen).error))
      let own = try best(sets[row.target])
      #expect(
        row.own?.figures.compactMap { $0.errors[.direct] }.max() == (try figures(sets[row.target], own).error)
      )
    }
  }

  @Test("with an error bound, regret is a matter of cost; goals that are missed are said")
  func bounded() throws {
    let sets = [
      set("source", [steps([0, 0, 0, 1, 1, 1, 5, 5])]), set("target", [steps([0, 0, 1, 1, 1, 2, 5, 5])]),
    ]
    // No error at all: 3 of 8 on the source; the target needs 4.
    let (rows, unmet, table) = try rows("ideal:predictor=hold", sets, maxError: 0)
    #expect(unmet.isEmpty)
    #expect(rows[0].figures[0].computedCount == 3)
    #expect(rows[1].own?.figures[0].computedCount == 4)
    let cells = table.table(rows).formatted(.csv).split(separator: "\n").map { $0.split(separator: ",") }
    #expect(cells[0].firstIndex(of: "regret").map { cells[2][$0] } == "0.75")
    #expect(cells[0].firstIndex(of: "goal").map { cells[2][$0] } == "missed")
    #expect(
      table.remarks(.init(rows: rows, unmet: unmet)) == [
        "on target the goal is missed by mask:calls=0+3+6,predictor=hold,site=output"
      ])

    let none = try self.rows("interval:every=2", sets, speedup: 5)
    #expect(none.rows.isEmpty)
    #expect(
      none.table.remarks(.init(rows: none.rows, unmet: none.unmet)) == [
        "nothing that 'interval:every=2' stands for keeps to the goal on source"
      ])
  }

  @Test("a setting that cannot run on a target has no figures there, and the reason is told")
  func impossible() throws {
    let sets = [
      set("long", [Synthetic(.smooth, seed: 1, calls: 20)]),
      set("short", [Synthetic(.smooth, seed: 2, calls: 8)]),
    ]
    let (rows, _, table) = try rows("worldcache:eta=100,warmup=9", sets, speedup: 1.1)
    #expect(!rows[0].figures.isEmpty)
    #expect(rows[1].figures.isEmpty)
    #expect(rows[1].own == nil)
    #expect(
      table.remarks(.init(rows: rows, unmet: [])).contains { $0.contains("needs at least 11 calls") },
      "\(table.remarks(.init(rows: rows, unmet: [])))")
    // Where some settings run, the target chooses among them.
    let some = try self.rows("worldcache:eta=100,warmup=9|3", sets, speedup: 1.1)
    #expect(some.rows[1].own?.spec.description.contains("warmup=3") == true)
    // On the source it is an error.
    #expect(throws: PolicyError.self) {
      try self.rows("worldcache:eta=100,warmup=9", [sets[1], sets[0]], speedup: 1.1)
    }
  }

  @Test(
    "families that make no sense are refused",
    arguments: [
      ("ideal:predictor=hold|taylor", "sweeps more than calls"), ("ideal:calls=0", "calls=0"),
      ("ideal:calls=3+4", "is not one whole number"), ("nothing", "there is no policy 'nothing'"),
      ("smoothcache", "'smoothcache' looks at the very trace that it runs on"),
    ])
  func refused(text: String, words: String) {
    let error = #expect(throws: PolicyError.self) { try TransferFamily(text, limit: 100) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test("facts of a header tell traces apart")
  func facts() {
    var header = TraceHeader(model: "m", solver: "s", shift: 3, stepCount: 20, blockCount: 1, recorder: "r")
    (header.chunkCount, header.sceneSeed, header.noiseSeed) = (3, 7, 8)
    let call = Call(ordinal: 0, step: 0, position: 0, timestep: 1, sigma: 1, guidance: 4, weight: -1)
    let values = TransferFact.allCases.map { $0.values(of: header, [call]) }
    #expect(
      values == [
        [.whole(20)], [.real(4)], [.whole(0), .whole(1), .whole(2)], [.whole(7)], [.whole(8)], [.real(3)],
      ])
    #expect(values.joined().map(\.description) == ["20", "4", "0", "1", "2", "7", "8", "3"])
    // One more than a Double tells apart.
    let seeds = [1 << 53, 1 << 53 + 1, Int.max].map { seed in
      header.noiseSeed = seed
      return TransferFact.noise.values(of: header, [call])[0].description
    }
    #expect(seeds == ["9007199254740992", "9007199254740993", "9223372036854775807"])
  }
}
