import Trace

/// What a search goes through: a setting of a policy with thresholds left open.
public struct SearchSpace: Hashable, Sendable {
  /// The canonical spelling, with `*` for every threshold that is open: `easycache:…,threshold=*`.
  public var spec: PolicySpec
  /// The open thresholds, the outermost first, and what each of them takes.
  public var keys: [String]
  public var ranges: [ClosedRange<Double>]
  /// Whether it sees what a live run would not have; such a setting is a bound, and is never chosen.
  public var isOracle: Bool

  public init(spec: PolicySpec, keys: [String], ranges: [ClosedRange<Double>], isOracle: Bool) {
    precondition(keys.count == ranges.count)
    self.spec = spec
    self.keys = keys
    self.ranges = ranges
    self.isOracle = isOracle
  }

  /// The setting with values of its open thresholds.
  public func spec(at values: [Double]) -> PolicySpec {
    var spec = spec
    for (key, value) in zip(keys, values) {
      spec.settings[spec.settings.firstIndex { $0.key == key }!].value = value.shortest
    }
    return spec
  }
}

/// One setting of a policy, some of whose thresholds are left open for a search.
public struct TuningSetting: Sendable {
  public let entry: PolicyEntry
  public let space: SearchSpace
  /// The open thresholds, as the space has them.
  let thresholds: [Threshold]

  static let mark = "*"

  /// Settings of several texts as ``PolicySweep`` reads them; what is asked for twice stands once.
  ///
  /// `*` opens a threshold; without any, the policy's first one is open unless it is given a value.
  public static func settings(_ texts: [String], limit: Int) throws -> [TuningSetting] {
    var seen: Set<PolicySpec> = []
    return try PolicySweep.specs(texts, limit: limit).map { try TuningSetting($0) }
      .filter { seen.insert($0.space.spec).inserted }
  }

  public init(_ written: PolicySpec) throws {
    let entry = try PolicyRegistry.entry(for: written)
    self.entry = entry
    var keys = written.settings.filter { $0.value == TuningSetting.mark }.map(\.key)
    if let strange = keys.first(where: { key in !entry.thresholds.contains { $0.key == key } }) {
      let known = entry.thresholds.map(\.key)
      throw PolicyError(
        "\(strange)=* of policy '\(written.name)' cannot be searched: "
          + (known.isEmpty
            ? "the policy has no threshold; write values, such as \(strange)=2..6"
            : "its thresholds are \(known.joined(separator: ", "))"))
    }
    if keys.isEmpty, let main = entry.thresholds.first?.key,
      !written.settings.contains(where: { $0.key == main })
    {
      keys = [main]
    }
    thresholds = keys.map { key in entry.thresholds.first { $0.key == key }! }
    let ranges = keys.map { key in
      if case .real(let range) = entry.parameters.first(where: { $0.key == key })!.kind { return range }
      // A file's own, which may be any number.
      return -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    }
    var start = written
    start.settings.removeAll { keys.contains($0.key) }
    start.settings += zip(keys, ranges).map { .init($0, $1.lowerBound.shortest) }
    var canonical = try entry.plan(start).spec
    for place in canonical.settings.indices where keys.contains(canonical.settings[place].key) {
      canonical.settings[place].value = TuningSetting.mark
    }
    let isOracle = if case .oracle = entry.kind { true } else { false }
    space = SearchSpace(spec: canonical, keys: keys, ranges: ranges, isOracle: isOracle)
  }

  func plan(at values: [Double]) throws -> PolicyPlan { try entry.plan(space.spec(at: values)) }

  /// One replay at values of the open thresholds, with where it would have gone another way; `replayed` is shown it.
  func record(
    at values: [Double], over geometries: [Geometry], slicing: Bool = false, memories: [ReplayMemo] = [],
    replayed: (Replay) -> Void = { _ in }
  ) throws -> TuningRecord {
    let plan = try plan(at: values)
    let replay = try Replay(
      plan, over: geometries, figures: slicing ? .details : .table, memories: memories)
    replayed(replay)
    let isEither = try plan.policy(for: geometries[0]).coupling == .either
    return TuningRecord(
      policy: plan.spec.description, values: values,
      next: zip(thresholds, values).map {
        $0.next(after: $1, plan.values, replay.streams.map(\.lanes), isEither: isEither)
      },
      figures: TuningFigures(replay))
  }
}
