import Synchronization
import Testing
import Trace

@testable import WorldCache

@Suite("Many replays at once")
struct ReplayBatchTests {
  private static let traces = (UInt64(1)...3).map {
    Synthetic(.smooth, seed: $0, calls: 14, tokens: 5).geometry
  }

  private func batch(
    _ specs: [String], _ traces: [Geometry] = ReplayBatchTests.traces, bounds: ReplayBatch.Bounds = .ideals,
    workers: Int = 2
  ) throws -> ReplayBatch {
    ReplayBatch(
      plans: try PolicySweep.plans(specs, limit: 1000),
      traces: traces.enumerated().map { place, geometry in ("trace \(place)", { { _ in [geometry] } }) },
      bounds: bounds, figures: .details, workerCount: workers)
  }

  @Test("rows stand trace after trace in the order asked for, each ideal below its policy")
  func order() throws {
    let rows = try batch(["interval:every=2|4", "taylor:interval=4,order=1"]).run { trace, role, _ in
      "\(trace) \(role)"
    }.rows
    #expect(
      rows
        == (0..<3).flatMap { trace in
          ["always", "policy(0)", "ideal(of: 0)", "policy(1)", "ideal(of: 1)", "policy(2)", "ideal(of: 2)"]
            .map {
              "\(trace) \($0)"
            }
        })
  }

  @Test("bounds: none, always alone, ideals")
  func bounds() throws {
    func names(_ bounds: ReplayBatch.Bounds) throws -> [String] {
      try batch(["interval"], [ReplayBatchTests.traces[0]], bounds: bounds).run { $2.spec.name }.rows
    }
    #expect(try names(.none) == ["interval"])
    #expect(try names(.always) == ["always", "interval"])
    #expect(try names(.ideals) == ["always", "interval", "ideal"])
  }

  @Test("the result does not depend on how many are made at a time")
  func workers() throws {
    let specs = ["worldcache:eta=0.05|0.5,n-max=2..4", "interval:every=2..5", "taylor:order=0|1|2"]
    func text(_ workers: Int) throws -> String {
      let request = ReplayRow.Request(
        columns: ReplayColumn.all, options: FigureOptions(), slicing: nil, json: true)
      let rows = try batch(specs, workers: workers).run { ReplayRow(request, trace: $0, $1, $2) }.rows
      return ReplayTable.json(rows, traces: ["a", "b", "c"], sites: [:], summary: nil).text
    }
    let one = try text(1)
    #expect(one.count > 100_000)
    #expect(try text(2) == one)
    #expect(try text(7) == one)
  }

  @Test("policies that cannot run are told in the order asked for, and the others run")
  func misfits() throws {
    let short = Synthetic(.smooth, seed: 1, calls: 4, tokens: 2).geometry
    for workers in [1, 2, 5] {
      let batch = try batch(
        ["worldcache:warmup=5|6", "interval"], [ReplayBatchTests.traces[0], short, short], bounds: .always,
        workers: workers)
      let result = try batch.run { trace, role, _ in "\(trace) \(role)" }
      #expect(
        result.rows == [
          "0 always", "0 policy(0)", "0 policy(1)", "0 policy(2)", "1 always", "1 policy(2)", "2 always",
          "2 policy(2)",
        ])
      #expect(result.misfits.map(\.trace) == ["trace 1", "trace 1", "trace 2", "trace 2"])
      let names = batch.plans.map(\.spec.description)
      #expect(
        Misfit.sentences(result.misfits)
          == zip(names, [7, 8]).map { name, count in
            "\(name) cannot run on trace 1, trace 2: needs at least \(count) calls in a chunk; this one has 4"
          })
      try Misfit.check(result.misfits, of: 9, traceCount: 3)
      do {
        try Misfit.check(result.misfits, of: 4, traceCount: 3)
        Issue.record("nothing was thrown")
      } catch {
        #expect("\(error)".hasPrefix("trace 1: \(names[0]) needs at least 7 calls"), "\(error)")
      }
    }
  }

  @Test("what is wrong with a trace itself is thrown, the first in the order asked for")
  func errors() throws {
    for workers in [1, 2, 5] {
      var batch = try batch(["interval", "taylor"], workers: workers)
      batch.traces[1].open = { throw TraceError(.missing, path: "x", "there is no such file") }
      batch.traces[2].open = { throw TraceError(.corrupt, path: "y", "damaged") }
      #expect(throws: TraceError(.missing, path: "x", "there is no such file")) {
        try batch.run { _, _, _ in 0 }
      }
    }
  }

  @Test("a summary counts every trace of an ideal, also where two policies share it")
  func sharedIdeals() throws {
    // Of 14 calls K = 5 and 6 both compute 4, so that their ideals are one on every trace.
    let batch = try batch(["interval:every=5|6", "always"])
    let request = ReplayRow.Request(columns: [], options: FigureOptions(), slicing: nil, json: false)
    let result = try batch.run { ReplayRow(request, trace: $0, $1, $2) }
    #expect(result.rows.count == 3 * 4 && result.repeats.count == 3 * 2)
    let table = ReplaySummary.table(result.rows + result.repeats, plans: batch.plans)
    let specs = batch.plans.map(\.spec.description)
    #expect(
      table.rows.map { $0.last }
        == ["always", specs[0], "ideal of \(specs[0])", specs[1], "ideal of \(specs[1])"].map { .text($0) })
    #expect(table.rows.allSatisfy { $0[0] == .integer(3) })
    #expect(table.rows[2].dropLast() == table.rows[4].dropLast())
  }

  @Test("a trace is opened once, and progress counts every policy")
  func opening() throws {
    let opened = Mutex([0, 0])
    let told = Mutex([Int]())
    var batch = try batch(["interval:every=2..6"], Array(ReplayBatchTests.traces.prefix(2)))
    batch.traces = batch.traces.enumerated().map { place, trace in
      (
        trace.name,
        {
          opened.withLock { $0[place] += 1 }
          return try trace.open()
        }
      )
    }
    let result = try batch.run(progress: { done, total in told.withLock { $0.append(done * 100 + total) } }) {
      _, _, _ in 0
    }
    // K = 5 and 6 both compute 4 of 14 calls, so that they share their ideal.
    #expect(result.rows.count == 2 * (1 + 5 + 4))
    #expect(opened.withLock { $0 } == [1, 1])
    #expect(told.withLock { $0 } == (1...12).map { $0 * 100 + 12 })
  }

  @Test("mean, worst and spread over traces, worked by hand")
  func summary() throws {
    // Held 1 for 2, 4 and 1: relative errors 1/2, 3/4 and 0; weights 1, final latents 1, 4 and 1: direct 1, 3/2, 0.
    let traces = [(2, 1.0), (4, 4), (1, 1)].map { value, final in
      Synthetic(tokens: [[1, Float(value)]], weights: [1, 1], finalSquaredNorms: [final]).geometry
    }
    let batch = try batch(["interval:every=2,phase=up"], traces, bounds: .none)
    let request = ReplayRow.Request(columns: [], options: FigureOptions(), slicing: nil, json: false)
    let rows = try batch.run { ReplayRow(request, trace: $0, $1, $2) }.rows
    let table = ReplaySummary.table(rows, plans: batch.plans)
    let cells = Dictionary(uniqueKeysWithValues: zip(table.columns.map(\.key), table.rows[0]))
    #expect(table.rows.count == 1)
    #expect(cells["traces"] == .integer(3))
    #expect(cells["computed_fraction_mean"] == .number(0.5, decimals: 3))
    for (key, expected) in [
      ("direct_error_mean", 2.5 / 3), ("direct_error_worst", 1.5), ("direct_error_spread", 1.5),
      ("worst_call_error_worst", 0.75), ("mean_call_error_mean", 1.25 / 3),
    ] {
      guard case .number(let value, _) = cells[key] else {
        Issue.record("\(key) is no number")
        continue
      }
      expectClose(value, expected, relative: 1e-12, absolute: 0, "\(key)")
    }
  }

  @Test("columns by name; an unknown one is named with its neighbour")
  func columns() throws {
    #expect(try ReplayColumn.named(["cosine", "policy"]).map(\.key) == ["cosine", "policy"])
    #expect(Set(ReplayColumn.all.map(\.key)).count == ReplayColumn.all.count)
    do {
      _ = try ReplayColumn.named(["cosin"])
      Issue.record("nothing was thrown")
    } catch {
      #expect(
        "\(error)".hasPrefix(
          "there is no column 'cosin' (did you mean 'cosine'?); known are computed_calls, "))
    }
  }

  @Test("bytes: what is kept and moved at two bytes a number")
  func bytes() throws {
    // Hold of 4 numbers, CpCp: each computed call reads and writes 4, and so does each predicted one.
    let geometry = Synthetic([[[[1, 2, 3, 4]], [[1, 2, 3, 4]], [[1, 2, 3, 4]], [[1, 2, 3, 4]]]]).geometry
    var options = FigureOptions()
    options.bytesPerSecond = 64
    let replay = try Replay(
      PolicyRegistry.plan("interval:every=2,phase=up"), over: [geometry], figures: .details)
    let keys = ["predictor_bytes", "predictor_seconds", "cache_bytes", "branch_cache_bytes"]
    let cells = try ReplayColumn.named(keys).map { $0.cell(replay, options) }
    #expect(cells == [.bytes(64), .number(1, decimals: 4), .bytes(8), .bytes(8)])
  }
}
