import ArgumentParser
import Foundation
import Trace
import WorldCache

/// `wctrace index`: measures what replay needs of a trace, once.
struct Index: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure the geometry that replay needs, into a folder beside the trace.",
    discussion: """
      Replay works on distances between features, not on features. They go to TRACE.geometry, one file for each site \
      and each quantity that decisions look at, and are used as long as the trace's digest is the same. Other commands \
      measure what is missing themselves. The folder can be copied and replayed without the trace.

      A policy whose taps were not recorded is named on standard error, and the others are measured. Exit codes: 0 done, 3 \
      done but a policy of --policy cannot run, 1 failed, as when none can.
      """)

  @Argument(help: "A recorded trace (.h5).")
  var trace: String

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help:
      "Measure what this policy needs; repeat for several. All policies whose taps were recorded when left out."
  )
  var policy: [String] = []

  @Option(name: .shortAndLong, help: "The folder to write; TRACE.geometry when left out.")
  var output: String?

  @Flag(help: "Only say how large it would be.")
  var estimate = false

  @OptionGroup var results: FormatOption

  mutating func run() throws {
    let reader = try TraceReader(path: trace)
    guard reader.digest != nil else {
      throw TraceError(
        .lacking, path: trace, "the trace has no digest to know its geometry by; record or import it anew")
    }
    let folder = output ?? GeometryCatalog.folder(of: trace)
    let catalog = try GeometryCatalog.opening(trace, folder: folder)
    var requests: [(policies: [String], request: GeometryRequest)] = []
    var misfits: [Misfit] = []
    for plan in try plans() {
      guard let request = try plan.request(blockCount: reader.header.blockCount) else { continue }
      do {
        try request.check(reader)
        if !estimate { _ = try catalog.geometries(for: request) }
      } catch {
        guard let misfit = Misfit(error, plan.spec, on: trace) else { throw error }
        misfits.append(misfit)
        continue
      }
      if let place = requests.firstIndex(where: {
        $0.request.site == request.site && $0.request.split == request.split
      }) {
        requests[place].policies.append(plan.entry.name)
        requests[place].request.changes.formUnion(request.changes)
      } else {
        requests.append(([plan.entry.name], request))
      }
    }
    if requests.isEmpty { try Misfit.check(misfits, of: misfits.count, traceCount: 1) }
    var table = Table(columns: [
      .init("site", key: "site"), .init("quantities", key: "quantity_count"), .init("MB", key: "megabytes"),
      .init("policies", key: "policies"),
    ])
    for (policies, request) in requests {
      let bytes = try GeometryBuilder.byteCount(of: reader, at: request)
      table.append([
        .text(request.site.name), .integer(request.changes.count), .number(Double(bytes) / 1e6, decimals: 1),
        .text(policies.joined(separator: " ")),
      ])
    }
    try Terminal.show(table.formatted(results.format))
    Misfit.sentences(misfits).forEach(Terminal.remark)
    // What was not asked for by name is no loss.
    if !policy.isEmpty, !misfits.isEmpty { throw ExitCode(3) }
  }

  // Every policy that needs no settings, unless some are named.
  private func plans() throws -> [PolicyPlan] {
    guard policy.isEmpty else { return try policy.map { try PolicyRegistry.plan($0) } }
    return try PolicyRegistry.entries.compactMap { entry in
      entry.parameters.contains { $0.defaultValue == nil } ? nil : try PolicyRegistry.plan(entry.name)
    }
  }
}
