import Trace

/// SmoothCache's schedules: for each component the list of calls, 1 computed and 0 cached
/// (Roblox/SmoothCache edeb4ed).
enum SmoothCacheRuntime {
  static let runtime = Runtime(
    name: "smoothcache", summary: "JSON with a 0/1 list for each component, as SmoothCacheHelper takes it",
    endings: ["json"], write: write, read: read)

  private static func write(_ request: RuntimeRequest) throws -> RuntimeFile {
    let components = request.components
    guard !components.isEmpty, !components.contains(""), Set(components).count == components.count else {
      throw PolicyError(
        "the components are '\(components.joined(separator: ","))'; SmoothCache takes the names of one or more, "
          + "each once")
    }
    let site = try request.plan.policySite
    guard site == .stack else {
      throw PolicyError(
        "SmoothCache holds the outputs of all modules, for which the stack stands in, and \(request.typedSpec) caches "
          + "\(site?.name ?? "nothing")\(request.hint(site: "stack"))")
    }
    guard let predictor = try request.plan.predictor(), predictor.anchorCount == 1 else {
      throw PolicyError("SmoothCache holds what it skips; \(request.typedSpec) predicts it")
    }
    let bits = try request.timetable(for: "SmoothCache").single(for: "SmoothCache")
    guard bits.last == true else {
      throw PolicyError(
        "SmoothCache computes the last call; \(request.typedSpec) predicts call \(bits.count - 1) of \(bits.count)"
      )
    }
    return RuntimeFile(JSONValue.object(components.map { ($0, RuntimeText.bits(bits)) }).text)
  }

  private static func read(_ path: String) throws -> PolicySpec? {
    let whole = try Document.read(path)
    guard whole.isMapping else { return nil }
    let entries = try whole.entries()
    // Keys of plain schedules are none of a model's components.
    guard !entries.isEmpty, entries.allSatisfy({ $0.field.isList }),
      !entries.contains(where: { ScheduleFile.keys.contains($0.key) || $0.key == "chunks" })
    else { return nil }
    let lists = try entries.map { entry in try entry.field.items().map { try $0.integer(in: 0...1) } }
    guard Set(lists).count == 1 else {
      throw whole.fault(
        "the components \(entries.map(\.key).joined(separator: ", ")) have schedules of their own; replay knows one "
          + "for all")
    }
    guard lists[0].first == 1 else { throw entries[0].field.fault("call 0 must be computed") }
    return PolicySpec(
      name: "mask",
      settings: [.init("calls", lists[0].map(String.init).joined()), .init("site", "stack")])
  }
}
