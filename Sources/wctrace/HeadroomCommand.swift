import ArgumentParser
import Foundation
import Trace
import WorldCache

/// `wctrace headroom`: whether caching can pay at all.
struct HeadroomCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "headroom",
    abstract: "Say whether caching can pay on these traces, before any policy is tried.",
    discussion: """
      How many calls the best schedules need to keep the error of the final latent within three budgets, how many \
      simply taking fewer steps would need, how much of what changes between calls is noise, how few tokens carry the \
      error, and a verdict in plain words. Ideal schedules know the recording: they bound what policies of the same \
      predictor can reach. Holding the output is exactly taking a larger Euler step, so fewer steps are read off the \
      same recording. All of it is open loop; docs/headroom.md explains the numbers.
      """)

  @OptionGroup var input: TracesInput

  @Option(help: "The largest allowed errors of the final latent, relative, joined by commas.")
  var budgets = "0.01,0.03,0.1"

  @Option(help: "What is cached: output, or guided.")
  var site = "output"

  @Option(
    name: .customLong("repeat"), parsing: .singleValue,
    help:
      "Another uncached recording of one of the rollouts, to see how far two runs differ; repeat for several."
  )
  var repeats: [String] = []

  @OptionGroup var output: FormatOption

  mutating func validate() throws {
    _ = try allowedErrors()
    guard ["output", "guided"].contains(site) else {
      throw ValidationError("--site is \(site); it takes output or guided")
    }
  }

  private func allowedErrors() throws -> [Double] {
    let allowed = "1 to 9 numbers above 0"
    let errors = try NumberList.read(budgets, of: "--budgets", allowed: allowed) {
      Double($0).flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
    }
    guard errors.count <= 9 else {
      throw ValidationError("--budgets has \(errors.count) numbers; it takes \(allowed) joined by commas")
    }
    return errors
  }

  mutating func run() throws {
    let paths = try input.paths()
    var survey = try HeadroomSurvey(budgets: allowedErrors())
    var seen: Set<String> = []
    var others = try repeats.filter { seen.insert($0).inserted }.map { try TraceReader(path: $0) }
    let bar = Progress(total: paths.count, unit: "traces")
    var model = ""
    for (place, path) in paths.enumerated() {
      let (catalog, trace) = try GeometryCatalog.openingTrace(path)
      let geometries = try catalog.geometries(for: GeometryRequest(Site(name: site)!))
      // A geometry alone says neither how numbers were stored nor what the tensors are.
      if trace == nil, let header = catalog.header,
        others.contains(where: { header.isSameRollout(as: $0.header) })
      {
        throw TraceError(
          .invalid, path: path, "--repeat compares tensors; name the trace itself, not its geometry")
      }
      let mine = try others.filter { other in
        try trace.map { try HeadroomCommand.isRepetition($0, other) } ?? false
      }
      others.removeAll { other in mine.contains { $0.path == other.path } }
      do {
        try survey.add(geometries, precision: trace.map { try StoredPrecision($0) })
      } catch let error as PolicyError {
        throw PolicyError("\(path): \(error)")
      }
      if let trace { for other in mine { try survey.add(repeating: trace, other, geometries) } }
      model = catalog.header?.model ?? model
      bar.update(place + 1)
    }
    if let other = others.first {
      throw TraceError(
        .invalid, path: other.path,
        "this is a recording of no rollout that is looked at: none has its model, solver, seeds, steps and conditions"
      )
    }
    let headroom = try survey.headroom()
    let verdict = HeadroomVerdict(headroom)
    switch output.format {
    case .json: try Terminal.show(HeadroomTable.json(headroom, verdict).text)
    case .csv: try Terminal.show(HeadroomTable.needs(headroom).formatted(.csv))
    case .table, .markdown:
      try Terminal.show(
        "\(headroom.traceCount) traces\(model.isEmpty ? "" : " of \(model)"), "
          + "\(Table.decimal(headroom.callCount, 0)) calls, site \(site)\n")
      try Terminal.show(HeadroomTable.needs(headroom).formatted(output.format))
      try Terminal.show("\n" + HeadroomTable.noise(headroom.noise).formatted(output.format))
      if let half = headroom.halfErrorTokens, let most = headroom.mostErrorTokens {
        try Terminal.show(
          "\nHalf of the error sits in \(Table.decimal(half * 100, 1)) % of the tokens, 90 % of it in "
            + "\(Table.decimal(most * 100, 1)) %.")
      }
      try Terminal.show("\n" + verdict.sentences.joined(separator: "\n"))
    }
  }

  // The same rollout, recorded another time.
  private static func isRepetition(_ trace: TraceReader, _ other: TraceReader) throws -> Bool {
    guard trace.header.isSameRollout(as: other.header) else { return false }
    let places = [trace, other].map { URL(filePath: $0.path).resolvingSymlinksInPath().path }
    // Times are part of a digest: two recordings never share one.
    guard places[0] != places[1], trace.digest == nil || trace.digest != other.digest else {
      throw TraceError(
        .invalid, path: other.path,
        "this is the same recording as \(trace.path); --repeat wants the rollout recorded another time")
    }
    return true
  }
}
