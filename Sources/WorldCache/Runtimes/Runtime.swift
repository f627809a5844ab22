import Foundation

/// A program that runs models with a cache, by the file from which it takes the cache's settings.
///
/// Only what the file can say is written: a setting that it has no word for is refused, in one sentence.
public struct Runtime: Sendable {
  public let name: String
  /// What the file is, in a few words.
  public let summary: String
  /// Endings of its files' names; the first is the usual one.
  public let endings: [String]
  let write: @Sendable (RuntimeRequest) throws -> RuntimeFile
  /// Reads a file of the path; answers nil where the file is one of another runtime.
  let read: @Sendable (_ path: String) throws -> PolicySpec?

  /// All that are known, in the order in which a file is offered to them.
  public static let all: [Runtime] = [
    CacheDitRuntime.runtime, DiffusersRuntime.runtime, WorldCacheRuntime.runtime, TeaCacheRuntime.runtime,
    MagCacheRuntime.runtime, SmoothCacheRuntime.runtime, ScheduleRuntime.json, ScheduleRuntime.csv,
  ]

  public static func named(_ name: String) throws -> Runtime {
    guard let runtime = all.first(where: { $0.name == name }) else {
      let names = all.map(\.name)
      throw PolicyError(
        "there is no target '\(name)'\(Spelling.hint(for: name, in: names)); known are "
          + names.joined(separator: ", "))
    }
    return runtime
  }

  /// The file's text for a policy, and what must be said about it.
  public func file(for request: RuntimeRequest) throws -> RuntimeFile { try write(request) }

  /// The policy that a runtime's file describes, and which runtime's it is.
  public static func policy(in path: String) throws -> (runtime: Runtime, spec: PolicySpec) {
    let ending = URL(filePath: path).pathExtension.lowercased()
    for runtime in all where runtime.endings.contains(ending) {
      if let spec = try runtime.read(path) {
        do {
          return (runtime, try PolicyRegistry.plan(spec).spec)
        } catch let error as PolicyError {
          throw PolicyError("\(path): \(error)")
        }
      }
    }
    let endings = all.flatMap { runtime in runtime.endings.map { ".\($0)" } }
    throw PolicyError(
      "\(path): this is no file of \(all.map(\.name).joined(separator: ", ")), whose names end in "
        + Set(endings).sorted().joined(separator: ", "))
  }
}

/// A file for a runtime.
public struct RuntimeFile: Sendable {
  public var text: String
  /// What the file leaves to whoever loads it, in sentences.
  public var remarks: [String]

  init(_ text: String, remarks: [String] = []) {
    self.text = text.hasSuffix("\n") ? text : text + "\n"
    self.remarks = remarks
  }
}

/// A policy that is to be written for a runtime.
public struct RuntimeRequest: Sendable {
  /// The policy, a calibrated one with the calibration's numbers written out.
  public let plan: PolicyPlan
  /// Calls of a rollout; nil when they were not told.
  public let callCount: Int?
  /// The calls that the policy computes on a trace, or names itself; nil where neither says.
  public let known: Timetable?
  /// What SmoothCache calls the modules that share a schedule.
  public let components: [String]
  /// What the decisions are valid for, by chunk; a single one serves all, none where nothing says so.
  ///
  /// Those of a file are valid where the file is, whatever trace they were replayed on; those that features decide
  /// where they were recorded.
  public let domains: [ValidityDomain]
  /// Where the numbers are from, and how they differ from the trace, in sentences.
  public let remarks: [String]
  /// The policy as it was given.
  private let typed: PolicyPlan

  /// The number of calls is that of the trace or of the calibration where it is not told.
  ///
  /// Throws a ``PolicyError`` where a calibration is of another number of calls, or no setting can hold it.
  public init(
    _ plan: PolicyPlan, callCount: Int?, recorded: RuntimeRecording? = nil, components: [String] = ["attn1"]
  ) throws {
    // A plan's files have been read once before.
    func own(_ count: Int?) -> Timetable? { (try? plan.ownTimetable(callCount: count)) ?? nil }
    let known = recorded?.timetable ?? own(callCount)
    if plan.entry.writtenOut == nil, known == nil, let callCount, let other = own(nil)?.callCount {
      throw PolicyError("\(plan.spec) names \(other) calls, and \(callCount) are asked for")
    }
    let domains = try RuntimeRequest.domains(plan, callCount: known?.callCount ?? callCount, recorded)
    self.domains = Set(domains).count == 1 ? [domains[0]] : domains
    self.known = known
    self.components = components
    typed = plan
    let count = callCount ?? known?.callCount
    guard let written = plan.entry.writtenOut else {
      (self.plan, self.callCount, remarks) = (plan, count, recorded?.remarks ?? [])
      return
    }
    let longest = (written.looksAtFeatures ? written.domains : domains).map(\.callCount).max()!
    guard count == nil || count == longest else {
      throw PolicyError(
        "\(written.source) has numbers for \(longest) calls, and \(count!) are asked for; make them from recordings of as "
          + "many")
    }
    self.callCount = count ?? longest
    let levels = try recorded.flatMap { try RuntimeRequest.otherLevels(written, $0) }
    self.plan = try PolicyRegistry.plan(
      levels.map { try written.resampled!(plan.values, $0) } ?? written.spec(plan.values))
    var valid: [String] = []
    for domain in written.domains where !valid.contains("\(domain)") { valid.append("\(domain)") }
    remarks =
      [
        "the numbers are those of \(written.source), valid for " + valid.joined(separator: " and ")
          + (levels == nil ? "" : ", and multiplied up to the noise levels of the trace")
      ] + (recorded?.remarks ?? [])
  }

  private static func domains(
    _ plan: PolicyPlan, callCount: Int?, _ recorded: RuntimeRecording?
  ) throws -> [ValidityDomain] {
    if let own = try plan.ownDomains(callCount: callCount, on: recorded) { return own }
    let written = plan.entry.writtenOut
    guard let recorded else { return written?.domains ?? [] }
    guard let written, !written.looksAtFeatures else {
      return recorded.decided(for: plan) ? recorded.domains : []
    }
    guard written.resampled != nil else { return written.domains }
    // The same numbers, for the calls that they were multiplied up to.
    return recorded.domains.map { recording in
      var domain = written.domains[0]
      guard !domain.hasLevels(recording.sigmas) else { return domain }
      (domain.shift, domain.sigmas, domain.experts) = (
        recording.shift, recording.sigmas, recording.experts
      )
      return domain
    }
  }

  /// The recording's noise levels where numbers follow them and were made at others; nil where they are the same.
  private static func otherLevels(
    _ written: PolicyEntry.WrittenOut, _ recorded: RuntimeRecording
  ) throws -> [Double]? {
    let levels = recorded.chunkDomains.map(\.sigmas)
    guard written.resampled != nil, !levels.allSatisfy(written.domains[0].hasLevels) else { return nil }
    guard recorded.chunkDomains.allSatisfy({ $0.hasLevels(levels[0]) }) else {
      throw PolicyError(
        "the numbers of \(written.source) can be written for one list of noise levels, and the chunks of the trace differ"
      )
    }
    return levels[0]
  }

  /// As it is written: of a calibrated policy with its numbers.
  var spec: PolicySpec { plan.spec }
  /// As it was given, for messages.
  var typedSpec: PolicySpec { typed.spec }
  var name: String { typedSpec.name }

  /// `; give it site=…` for a policy that can be given one.
  func hint(site: String) -> String {
    typed.entry.parameters.contains { $0.kind == .site } ? "; give it site=\(site)" : ""
  }

  /// A setting's canonical text; nil for one that the policy does not have with its other settings.
  subscript(key: String) -> String? { spec.settings.first { $0.key == key }?.value }

  /// The number of calls, for files that hold it.
  func calls(for target: String) throws -> Int {
    guard let callCount else {
      throw PolicyError("\(target) wants to know the number of calls: give --calls or --trace")
    }
    return callCount
  }

  /// Throws unless a setting is one of those that the target has.
  func require(_ key: String, _ values: String..., for target: String) throws {
    guard let value = self[key], !values.contains(value) else { return }
    throw PolicyError(
      "\(target) has no word for \(key)=\(value) of \(name), only for \(key)=\(values.joined(separator: " or "))"
    )
  }

  /// Which calls are computed: as known, or without looking at anything but the number of calls.
  func timetable(for target: String) throws -> Timetable {
    if let known { return known }
    return try Timetable(plan, callCount: calls(for: target), typed: typedSpec)
  }
}
