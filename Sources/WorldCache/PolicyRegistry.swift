public import Trace

/// What the tool knows about a policy before it is made.
public struct PolicyEntry: Sendable {
  /// Who may see what: ordinary policies see only what a live run has; an oracle is handed the future.
  public enum Kind: Sendable {
    case ordinary(@Sendable (ParameterValues) throws -> any Policy)
    case oracle(
      predictor: @Sendable (ParameterValues) throws -> any Predictor,
      site: @Sendable (ParameterValues) -> Site,
      changes: @Sendable (ParameterValues, _ blockCount: Int) -> [ChangeRequest] = { _, _ in [] },
      make: @Sendable (ParameterValues, Geometry, _ place: Int) throws -> any Policy)
  }

  public var name: String
  public var summary: String
  /// Paper, code and version it follows, and where it differs.
  public var source: String
  /// Why a replay is only a stand-in for the published method, in one sentence; nil when it is the method.
  public var standIn: String?
  public var parameters: [Parameter]
  /// The parameters that signals are held against, the one that a search varies unless told otherwise first.
  public var thresholds: [Threshold]
  public var kind: Kind
  /// Reads the file, or asks the program, that a specification names; nil for policies that are all here, and
  /// answering nil for specifications that are.
  var load: (@Sendable (PolicySpec) throws -> Loaded?)?
  /// Of policies whose file says where it is valid.
  var writtenOut: WrittenOut?

  /// How a policy whose numbers are valid for some recordings is written for runtimes' files, which hold the numbers
  /// themselves.
  struct WrittenOut: Sendable {
    /// The file with the numbers.
    var source: String
    /// What the numbers are valid for, by chunk; a single one serves all.
    var domains: [ValidityDomain]
    /// Whether features decide, weighed by the numbers; otherwise the numbers alone do.
    var looksAtFeatures = false
    /// The same policy with a calibration's numbers in its settings, or allowed elsewhere; throws a ``PolicyError`` where
    /// settings cannot hold them.
    var spec: @Sendable (ParameterValues) throws -> PolicySpec
    /// The same with the numbers for calls of other noise levels; nil where numbers do not follow them.
    var resampled: (@Sendable (ParameterValues, _ sigmas: [Double]) throws -> PolicySpec)?

    init(
      source: String, domains: [ValidityDomain],
      spec: @escaping @Sendable (ParameterValues) throws -> PolicySpec
    ) {
      self.source = source
      self.domains = domains
      self.spec = spec
    }

    init(
      source: String, domain: ValidityDomain, looksAtFeatures: Bool = false,
      spec: @escaping @Sendable (ParameterValues) throws -> PolicySpec
    ) {
      self.init(source: source, domains: [domain], spec: spec)
      self.looksAtFeatures = looksAtFeatures
    }
  }

  /// What a file or a program says of the policy that it describes.
  struct Loaded: Sendable {
    /// All parameters, those that it declares among them.
    var parameters: [Parameter]
    var thresholds: [Threshold] = []
    var writtenOut: WrittenOut?
    var make: @Sendable (ParameterValues) throws -> any Policy
  }

  /// An entry that is described by a file or a program, read once for each plan.
  init(
    name: String, summary: String, source: String, parameters: [Parameter],
    load: @escaping @Sendable (PolicySpec) throws -> Loaded
  ) {
    self.init(
      name: name, summary: summary, source: source, parameters: parameters,
      kind: .ordinary { try load($0.spec).make($0) })
    self.load = load
  }

  /// The same entry, which a file takes over where a specification names one.
  func loading(_ load: @escaping @Sendable (PolicySpec) throws -> Loaded?) -> PolicyEntry {
    var entry = self
    entry.load = load
    return entry
  }

  public init(
    name: String, summary: String, source: String, standIn: String? = nil, parameters: [Parameter],
    thresholds: [Threshold] = [], kind: Kind
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.standIn = standIn
    self.parameters = parameters
    self.thresholds = thresholds
    self.kind = kind
  }
}

/// Every policy, one line each.
public enum PolicyRegistry {
  public static let entries: [PolicyEntry] = [
    AlwaysPolicy.entry,
    IntervalPolicy.entry,
    TaylorPolicy.entry,
    HiCachePolicy.entry,
    FoCaPolicy.entry,
    SpectrumPolicy.entry,
    FreqCaPolicy.entry,
    DMDPolicy.entry,
    MeanCachePolicy.entry,
    LeMiCaPolicy.entry,
    SmoothCachePolicy.entry,
    FasterCachePolicy.entry,
    PABPolicy.entry,
    SpeCaPolicy.entry,
    WorldCachePolicy.entry,
    SchedulePolicy.entry,
    MaskPolicy.entry,
    FittedPolicy.entry,
    SCMPolicy.entry,
    TeaCachePolicy.entry,
    MagCachePolicy.entry,
    EasyCachePolicy.entry,
    FirstBlockCachePolicy.entry,
    DBCachePolicy.entry,
    DiCachePolicy.entry,
    SeaCachePolicy.entry,
    SenCachePolicy.entry,
    AdaCachePolicy.entry,
    BWCachePolicy.entry,
    RulePolicy.entry,
    ProgramPolicy.entry,
    IdealPolicy.entry,
  ]

  /// A checked specification: known name, known keys, values in range.
  public static func plan(_ text: String) throws -> PolicyPlan { try plan(PolicySpec(parsing: text)) }

  /// The entry of a name; throws a ``PolicyError`` with the nearest known one.
  public static func entry(named name: String) throws -> PolicyEntry {
    if let entry = entries.first(where: { $0.name == name }) { return entry }
    if let undefined = UndefinedPolicy.all.first(where: { $0.name == name }) {
      throw PolicyError("'\(name)' is not defined on a trace: \(undefined.reason)")
    }
    let names = entries.map(\.name)
    throw PolicyError(
      "there is no policy '\(name)'\(Spelling.hint(for: name, in: names)); known are "
        + names.joined(separator: ", "))
  }

  public static func plan(_ spec: PolicySpec) throws -> PolicyPlan {
    try entry(for: spec).plan(spec)
  }

  /// The entry of a specification's policy with what the file or program that it names declares.
  static func entry(for spec: PolicySpec) throws -> PolicyEntry {
    var entry = try entry(named: spec.name)
    if let loaded = try entry.load?(spec) {
      entry.parameters = loaded.parameters
      entry.thresholds = loaded.thresholds
      entry.writtenOut = loaded.writtenOut
      entry.kind = .ordinary(loaded.make)
    }
    return entry
  }
}

extension PolicyEntry {
  /// Checked settings of this policy.
  func plan(_ spec: PolicySpec) throws -> PolicyPlan {
    let plan = PolicyPlan(entry: self, values: try ParameterValues(spec, parameters))
    // Settings that contradict one another show before any trace is opened.
    switch kind {
    case .ordinary(let make): _ = try make(plan.values)
    case .oracle(let predictor, _, _, _): _ = try predictor(plan.values)
    }
    return plan
  }
}

/// A policy with checked settings, to be made anew for every stream of calls.
public struct PolicyPlan: Sendable {
  public let entry: PolicyEntry
  let values: ParameterValues

  /// The canonical spelling.
  public var spec: PolicySpec { values.spec }

  /// How the policy predicts, whatever trace it runs on; nil when it never does.
  func predictor() throws -> (any Predictor)? {
    switch entry.kind {
    case .ordinary(let make): try make(values).predictor
    case .oracle(let predictor, _, _, _): try predictor(values)
    }
  }

  /// What the policy needs to know of a trace of a model with `blockCount` blocks; nil when it caches nothing.
  public func request(blockCount: Int) throws -> GeometryRequest? {
    switch entry.kind {
    case .ordinary(let make):
      let policy = try make(values)
      return policy.site.map {
        GeometryRequest($0, split: policy.split, changes: Set(policy.changes(blockCount: blockCount)))
      }
    case .oracle(_, let site, let changes, _):
      return GeometryRequest(site(values), changes: Set(changes(values, blockCount)))
    }
  }

  /// The geometries that the policy needs, chunk by chunk; those at the site `output` when it needs none.
  public func geometries(in catalog: GeometryCatalog) throws -> [Geometry] {
    try catalog.geometries(for: request(blockCount: catalog.blockCount) ?? GeometryRequest(.output))
  }

  /// Throws when settings were given chunk by chunk for another number of chunks.
  func checkChunkCount(_ count: Int) throws {
    if let given = values.chunkCount, given != count {
      throw PolicyError("\(spec) has numbers for \(given) chunks; the trace has \(count)")
    }
  }

  /// Makes the policy for a stream; throws when the stream is too short for it or has another site.
  ///
  /// `place` is the chunk's place among those that are replayed, from 0.
  func policy(for geometry: Geometry, place: Int = 0) throws -> any Policy {
    let policy: any Policy =
      switch entry.kind {
      case .ordinary(let make): try make(values)
      case .oracle(_, _, _, let make): try make(values, geometry, place)
      }
    guard policy.site == nil || policy.site == geometry.site, policy.split == geometry.split else {
      throw PolicyError(
        "\(spec) caches \(policy.site?.name ?? "nothing"), but this geometry was measured at \(geometry.site)"
      )
    }
    try policy.check(geometry)
    if geometry.callCount < policy.minimumCallCount {
      throw PolicyError(
        "\(spec) needs at least \(policy.minimumCallCount) calls in a chunk; this one has \(geometry.callCount)"
          + (geometry.chunk > 0 ? " (chunk \(geometry.chunk) of the rollout)" : ""))
    }
    return policy
  }
}
