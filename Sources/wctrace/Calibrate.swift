import ArgumentParser
import Foundation
import Trace
import WorldCache

/// `wctrace calibrate`: numbers that policies need, from traces of one's own model.
struct Calibrate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make the numbers that policies need from traces of your model, and say how far to trust them.",
    discussion: """
      TeaCache's polynomial with its cross-validation over scenes, MagCache's ratios with their spread, SmoothCache's \
      errors of holding, and the open-loop edge costs of LeMiCa and MeanCache with the timetables that follow. With \
      --output all of it goes to a file that says which model, calls and solver it is valid for, to be used as \
      teacache:calibration=FILE, and likewise by magcache, smoothcache, and lemica and meancache, which take calls=12 \
      or so beside it. docs/calibration.md explains every number. Exit codes: 0 done, 3 done with findings.
      """)

  @OptionGroup var input: TracesInput

  @Option(
    name: .shortAndLong, parsing: .singleValue,
    help: """
      Calibrate only this method (\(Calibration.Method.allCases.map(\.rawValue).joined(separator: ", "))); repeat \
      for several. All whose taps were recorded when left out.
      """)
  var method: [Calibration.Method] = []

  @Option(help: "TeaCache's signal: modulated or timestep.")
  var signal = TeaCacheCalibration.Signal.modulated

  @Option(help: "What TeaCache's signal is to foretell: output, hidden or residual.")
  var target = TeaCacheCalibration.Target.output

  @Option(parsing: .unconditional, help: "Degree of TeaCache's polynomial.")
  var degree = 4

  @Option(help: "What SmoothCache holds.")
  var site = "stack"

  @Option(parsing: .unconditional, help: "The longest streak of predicted calls that SmoothCache considers.")
  var lookahead = 3

  @Option(help: "Show SmoothCache's timetable at these errors, joined by commas.")
  var alpha = "0.15"

  @Option(
    help:
      "Show LeMiCa's and MeanCache's timetables with so many computed calls, joined by commas; a third, a half."
  )
  var computed: String?

  @Option(
    parsing: .unconditional,
    help: "Predicted calls of the longest edge of LeMiCa and MeanCache; any when left out.")
  var longest: Int?

  @Option(parsing: .unconditional, help: "Also show MagCache's ratios for this number of calls.")
  var calls: Int?

  @Option(name: .shortAndLong, help: "The calibration file to write (.json).")
  var output: String?

  @Flag(help: "Replace the output if it exists.")
  var force = false

  @OptionGroup var results: FormatOption

  mutating func validate() throws {
    guard (1...Calibrator.mostDegree).contains(degree) else {
      throw ValidationError("--degree is \(degree); it must be from 1 to \(Calibrator.mostDegree)")
    }
    if lookahead < 1 { throw ValidationError("--lookahead is \(lookahead); it must be at least 1") }
    if let longest, longest < 1 { throw ValidationError("--longest is \(longest); it must be at least 1") }
    if let calls, calls < 1 { throw ValidationError("--calls is \(calls); it must be at least 1") }
    if calls != nil {
      guard results.format == .table || results.format == .markdown else {
        throw ValidationError(
          "--calls shows ratios in table and markdown; json and csv hold the recorded ones")
      }
      guard method.isEmpty || method.contains(.magcache) else {
        throw ValidationError("--calls shows MagCache's ratios, and --method leaves magcache out")
      }
    }
    guard Site(name: site) != nil else {
      throw ValidationError("--site is \(site); it takes \(Parameter.site().allowed)")
    }
    _ = try alphas()
    _ = try computedCounts()
  }

  private func alphas() throws -> [Double] {
    try NumberList.read(alpha, of: "--alpha", allowed: "numbers of at least 0") {
      Double($0).flatMap { $0 >= 0 && $0.isFinite ? $0 : nil }
    }
  }

  private func computedCounts() throws -> [Int]? {
    try computed.map {
      try NumberList.read($0, of: "--computed", allowed: "whole numbers of at least 1") {
        Int($0).flatMap { $0 > 0 ? $0 : nil }
      }
    }
  }

  mutating func run() throws {
    if let output { try Terminal.checkTarget(output, force: force, remedy: "--force replaces it") }
    let paths = try input.paths()
    let first = try GeometryCatalog.opening(paths[0])
    var options = Calibrator.Options()
    (options.signal, options.target, options.degree) = (signal, target, degree)
    (options.smoothCacheSite, options.lookahead) = (Site(name: site)!, lookahead)
    options.longestEdge = longest
    var named: Set<Calibration.Method> = []
    options.methods =
      method.isEmpty
      ? try recordedMethods(options, first) : method.filter { named.insert($0).inserted }
    guard !options.methods.isEmpty else {
      throw TraceError(
        .lacking, path: paths[0], "nothing can be calibrated: the taps of no method were recorded")
    }
    var calibrator = Calibrator(options)
    let bar = Progress(total: paths.count, unit: "traces")
    for (place, path) in paths.enumerated() {
      try calibrator.add(place == 0 ? first : GeometryCatalog.opening(path))
      bar.update(place + 1)
    }
    let calibration = try calibrator.calibration()
    try show(calibration)
    if let output {
      try CalibrationFile.write(calibration, to: output)
      Terminal.remark("\(output): \(calibration.methods.map(\.rawValue).joined(separator: ", "))")
    }
    if !calibration.findings.isEmpty { throw ExitCode(3) }
  }

  // The methods that the first trace holds the taps for; the others are named.
  private func recordedMethods(_ options: Calibrator.Options, _ catalog: GeometryCatalog) throws
    -> [Calibration.Method]
  {
    let calibrator = Calibrator(options)
    return try Calibration.Method.allCases.filter { method in
      do {
        _ = try catalog.geometries(for: calibrator.request(method, blockCount: catalog.blockCount))
        return true
      } catch let error as TraceError where error.code == .lacking || error.code == .missing {
        Terminal.remark("\(method.rawValue) is left out: \(error.message)")
        return false
      }
    }
  }

  private func show(_ calibration: Calibration) throws {
    // First, so that wrong usage shows before any result.
    let timetables = try timetables(calibration)
    switch results.format {
    case .json: try Terminal.show(CalibrationReport.json(calibration, timetables).text)
    case .csv: try Terminal.show(CalibrationTable.numbers(calibration).formatted(.csv))
    case .table, .markdown:
      let domain = calibration.domain
      try Terminal.show(
        "\(domain.model), \(domain.callCount) calls of \(domain.branchCount) branches, \(domain.solver), shift "
          + "\(Table.decimal(domain.shift, 3)); \(calibration.recordings.count) recordings")
      if let teacache = calibration.teacache {
        try Terminal.show(
          "\nTeaCache: change of \(teacache.signal.rawValue) to change of \(teacache.target.rawValue)")
        try Terminal.show(CalibrationTable.polynomials(teacache).formatted(results.format))
      }
      if let magcache = calibration.magcache {
        try Terminal.show("\nMagCache: ratios of the residual's norm")
        try Terminal.show(CalibrationTable.ratios(magcache).formatted(results.format))
        if let calls { try Terminal.show(CalibrationReport.ratios(magcache, domain, callCount: calls)) }
      }
      if !timetables.rows.isEmpty {
        try Terminal.show("\nTimetables (edge costs are open loop, relative to the final latent)")
        try Terminal.show(timetables.formatted(results.format))
      }
      let findings = calibration.findings
      if !findings.isEmpty {
        try Terminal.show("\nFindings\n" + findings.map(\.paragraph).joined(separator: "\n"))
      }
    }
  }

  private func timetables(_ calibration: Calibration) throws -> Table {
    let count = calibration.domain.callCount
    let fewest = [calibration.lemica, calibration.meancache].compactMap { $0?.fewestComputed }.max() ?? 1
    let standard = Set([count / 3, count / 2].map { max(fewest, $0) }).sorted()
    let counts = try computedCounts() ?? standard
    if let beyond = counts.first(where: { $0 > count }) {
      throw Terminal.usage("--computed is \(beyond); the recordings have \(count) calls")
    }
    for remark in CalibrationTable.missing(calibration, computing: counts) { Terminal.remark(remark) }
    return CalibrationTable.schedules(
      calibration, alphas: try alphas(), computing: counts)
  }
}
