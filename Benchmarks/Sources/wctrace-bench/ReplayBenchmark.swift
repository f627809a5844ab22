import ArgumentParser
import Foundation
import Trace
import WorldCache

/// WorldCache replayed from distances, beside NumPy that replays it from the features; one core each, in processor
/// seconds, to which neighbours on a busy machine do not add.
struct ReplayBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "WorldCache replays beside NumPy, and what the geometry costs.")

  @Option(help: "Repetitions of ours and of NumPy's replay, which take turns.")
  var repetitions = 5

  @Option(help: "Where the files go; they take about 1.5 GB.")
  var folder = FileManager.default.temporaryDirectory.path

  @Option(help: "A Python with NumPy.")
  var python = ".build/python/bin/python"

  @Option(help: "The Python side of this benchmark.")
  var peer = "Benchmarks/python/replay_peer.py"

  private struct Shape {
    let name: String
    let calls: Int
    let tokens: Int
    let channels: Int
    /// How many times as fast as NumPy a replay has to be.
    let bar: Double
  }

  private static let shapes = [
    Shape(name: "wide", calls: 50, tokens: 4096, channels: 1024, bar: 300),
    Shape(name: "narrow", calls: 50, tokens: 40560, channels: 64, bar: 20),
  ]

  // A fixed grid of 1000.
  private static let grid =
    "worldcache:p-stable=0.1|0.2|0.3|0.4,p-chaotic=0.5|0.6|0.7|0.8|0.9,n-max=2|4|6|8|10,"
    + "eta=0.1|0.2|0.3|0.4|0.5|0.6|0.7|0.8|0.9|1"

  func run() throws {
    let folder = folder + "/wctrace-bench-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (place, shape) in Self.shapes.enumerated() {
      if place > 0 { print() }
      try run(shape, folder)
    }
  }

  private func run(_ shape: Shape, _ folder: String) throws {
    let path = "\(folder)/\(shape.name).h5"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let rollout = MadeUpRollout(calls: shape.calls, tokens: shape.tokens, channels: shape.channels)
    try rollout.write(to: path)
    let peer = try PythonPeer(
      python: python, script: self.peer, "\(shape.calls)", "\(shape.tokens)", "\(shape.channels)")
    defer { peer.end() }
    let versions = try peer.ask("versions")
    print("\(shape.name): (\(shape.calls), \(shape.tokens), \(shape.channels)) float32; \(versions)")

    let geometries = try measured(path)
    let plan = try PolicyRegistry.plan("worldcache")
    var ours = Series("decisions and errors of all calls")
    var whole = Series("with token and final-latent figures")
    var other = Series("NumPy")
    var answer = Answer(schedule: [], meanError: 0, seconds: 0, processorSeconds: 0)
    var replay = try Replay(plan, over: geometries, figures: [])
    for _ in 0..<repetitions {
      answer = try JSONDecoder.snakeCase.decode(Answer.self, from: Data(peer.ask("replay").utf8))
      other.add((answer.seconds, answer.processorSeconds))
      // Short ones are repeated, each from nothing: no replay remembers another.
      for _ in 0..<5 {
        replay = try ours.measure { try Replay(plan, over: geometries, figures: []) }
        _ = try whole.measure { try Replay(plan, over: geometries) }
      }
    }
    for series in [ours, whole, other] { print("  " + line(series)) }
    let ratio = other.processorMedian / ours.processorMedian
    print("  \(text(ratio, 0)) x NumPy (bar \(text(shape.bar, 0)): \(ratio >= shape.bar ? "met" : "missed"))")
    try compare(replay, answer)
    if shape.name == "wide" {
      try sweep(geometries)
    } else {
      try compareSources(rollout, geometries[0].distances, ours, answer)
    }
  }

  // Where channels are few the distances of all pairs are no smaller than the features.
  private func compareSources(
    _ rollout: MadeUpRollout, _ distances: DistanceTable, _ ours: Series, _ answer: Answer
  ) throws {
    let tensors = TensorReplay(rollout)
    var series = Series("the same from features in memory")
    for _ in 0..<3 {
      let run = series.measure { tensors.run() }
      _ = try difference(run.schedule, run.meanError, answer)
    }
    print("  " + line(series))
    print(
      "  from distances \(text(series.processorMedian / ours.processorMedian, 1)) x as fast; MB: features \(megabytes(tensors.byteCount)), "
        + "distances \(megabytes(distances.byteCount)), of which replays touched \(megabytes(distances.heldByteCount))"
    )
  }

  private func megabytes(_ byteCount: Int) -> String { text(Double(byteCount) / 1e6, 0) }

  private struct Answer: Decodable {
    let schedule: [Int]
    let meanError: Double
    let seconds: Double
    let processorSeconds: Double
  }

  /// Measures the geometry as `wctrace index` does and tells what that cost.
  private func measured(_ path: String) throws -> [Geometry] {
    let reader = try TraceReader(path: path)
    let source = ClockedSource(reader)
    let catalog = GeometryCatalog(source, digest: reader.digest, folder: path + ".geometry")
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let before = Series.usedProcessorSeconds
    var build = Series("geometry")
    let geometries = try build.measure { try catalog.geometries(for: GeometryRequest(.output)) }
    let total = Series.usedProcessorSeconds - before
    let limit = 1.25 * total / Double(cores)
    print(
      "  geometry in \(text(build.median, 2)) s on \(cores) cores; processor seconds: reading "
        + "\(text(source.readingSeconds, 2)), distances and writing \(text(total - source.readingSeconds, 2))"
    )
    print(
      "  \(text(build.median * Double(cores) / total, 2)) x processor seconds over cores (bar 1.25: "
        + "\(build.median <= limit ? "met" : "missed"))")
    return geometries
  }

  private func compare(_ replay: Replay, _ answer: Answer) throws {
    let (schedule, meanError) = (replay.streams[0].computedPositions(lane: 0), replay.meanCallError)
    let difference = try difference(schedule, meanError, answer)
    print(
      "  same schedule on both sides, \(schedule.count) of \(replay.callCount) computed; mean error "
        + "\(text(answer.meanError, 6)), \(String(format: "%.0e", difference)) of it apart")
  }

  /// Throws unless the schedule is NumPy's and the mean error as good as.
  private func difference(_ schedule: [Int], _ meanError: Double, _ answer: Answer) throws -> Double {
    let difference = abs(meanError / answer.meanError - 1)
    // NumPy takes its sums in single precision.
    guard schedule == answer.schedule, difference < 1e-4 else {
      print("  NumPy computes \(answer.schedule) with mean error \(answer.meanError),")
      print("  wctrace \(schedule) with \(meanError): not the same")
      throw ExitCode.failure
    }
    return difference
  }

  private func sweep(_ geometries: [Geometry]) throws {
    let plans = try PolicySweep.plans([Self.grid], limit: 1000)
    guard Set(plans.map(\.spec)).count == 1000 else { throw ExitCode.failure }
    let parts: [(name: String, figures: Figures, bar: Double?)] = [
      ("decisions and errors of all calls", [], 1), ("with all figures of a table", .table, nil),
    ]
    for (name, figures, bar) in parts {
      let batch = ReplayBatch(
        plans: plans, traces: [(name: "wide", open: { { _ in geometries } })], bounds: .none,
        figures: figures,
        workerCount: 1)
      var series = Series("1000 settings on one core, \(name)")
      for _ in 0..<repetitions {
        let count = try series.measure { try batch.run { _, _, replay in replay.computedCount } }.rows.count
        guard count == 1000 else { throw ExitCode.failure }
      }
      let verdict =
        bar.map { " (bar \(text($0, 0)) s: \(series.processorMedian <= $0 ? "met" : "missed"))" } ?? ""
      print("  \(padded(series.name, 62)) \(text(series.processorMedian, 3)) s\(verdict)")
    }
  }

  private func line(_ series: Series) -> String {
    let all = series.processorSeconds.map { $0 * 1e3 }
    let range = "\(text(all.min() ?? 0, 2)) to \(text(all.max() ?? 0, 2))"
    return
      "\(padded(series.name, 44)) \(text(series.processorMedian * 1e3, 2)) ms (\(range)), by the clock "
      + "\(text(series.median * 1e3, 2)) ms"
  }
}

extension JSONDecoder {
  fileprivate static var snakeCase: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }
}
