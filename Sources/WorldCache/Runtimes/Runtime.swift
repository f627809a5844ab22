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
  /// What the decisions were found on, where they are a trace's or a calibration's.
  public let domain: ValidityDomain?
  /// Where the numbers are from, in sentences.
  public let remarks: [String]

  /// The number of calls is that of the trace or of the calibration where it is not told.
  ///
  /// Throws a ``PolicyError`` where a calibration is of another number of calls, or no setting can hold it.
  public init(
    _ plan: PolicyPlan, callCount: Int?, recorded: Timetable? = nil, on recording: ValidityDomain? = nil,
    components: [String] = ["attn1"]
  ) throws {
    // A plan's files have been read once before.
    func own(_ count: Int?) -> Timetable? { (try? plan.ownTimetable(callCount: count)) ?? nil }
    let known = recorded ?? own(callCount)
    if known == nil, plan.entry.writtenOut == nil, let callCount, let other = own(nil)?.callCount {
      throw PolicyError("\(plan.spec) names \(other) calls, and \(callCount) are asked for")
    }
    var count = callCount ?? known?.callCount
    self.known = known
    self.components = components
    guard let written = plan.entry.writtenOut else {
      (self.plan, self.callCount, domain, remarks) = (plan, count, recording, [])
      return
    }
    let domain = written.domain
    self.domain = recording ?? domain
    count = count ?? domain.callCount
    guard count == domain.callCount else {
      throw PolicyError(
        "\(written.source) has numbers for \(domain.callCount) calls, and \(count!) are asked for; make them from recordings of as "
          + "many")
    }
    self.plan = try PolicyRegistry.plan(written.spec(plan.values))
    self.callCount = count
    remarks = ["the numbers are those of \(written.source), valid for \(domain)"]
  }

  var spec: PolicySpec { plan.spec }
  var name: String { spec.name }

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
    return try Timetable(plan, callCount: calls(for: target))
  }
}
