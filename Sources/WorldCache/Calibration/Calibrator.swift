public import Trace

/// Makes a calibration, recording by recording; only small sums of each are kept.
public struct Calibrator: Sendable {
  /// What is calibrated, and how.
  public struct Options: Sendable {
    public var methods: [Calibration.Method] = Calibration.Method.allCases
    public var signal = TeaCacheCalibration.Signal.modulated
    public var target = TeaCacheCalibration.Target.output
    /// Of the polynomial, from 1 to ``mostDegree``.
    public var degree = 4
    /// What SmoothCache holds.
    public var smoothCacheSite = Site.stack
    /// Rows of SmoothCache's errors: the longest streak that its scan can skip.
    public var lookahead = 3
    /// What LeMiCa's edges hold.
    public var edgeSite = Site.output
    /// Predicted calls of the longest edge; nil for any.
    public var longestEdge: Int?

    public init() {}
  }

  public static let mostDegree = 10

  private let options: Options
  private var domain: (of: String, value: ValidityDomain)?
  private var recordings: [(path: String, name: String)] = []
  private var chunkCount = 0
  // `[scope key]`, in the order first met.
  private var samples: [(branch: Int?, expert: Int, samples: [TeaCacheCalibration.Sample])] = []
  private var ratios: [(branch: Int?, samples: [MagCacheCalibration.Sample])] = []
  private var rows: [[[Double]]] = []
  private var edges: [EdgeCosts.Method: [[[[Double]]]]] = [:]

  public init(_ options: Options) {
    precondition((1...Calibrator.mostDegree).contains(options.degree) && options.lookahead > 0)
    self.options = options
  }

  /// What has to be measured of a recording for a method.
  public func request(_ method: Calibration.Method, blockCount: Int) -> GeometryRequest {
    switch method {
    case .teacache:
      GeometryRequest(
        .output,
        changes: [
          ChangeRequest(options.signal.quantity, .adjacent),
          ChangeRequest(options.target.quantity(blockCount: blockCount), .adjacent),
        ])
    case .magcache: GeometryRequest(.stack)
    case .smoothcache:
      GeometryRequest(
        options.smoothCacheSite,
        changes: Set(SmoothCachePolicy.changes(options.smoothCacheSite, blockCount: blockCount)))
    case .lemica: GeometryRequest(options.edgeSite)
    case .meancache: GeometryRequest(.guided)
    }
  }

  /// Takes a recording in.
  ///
  /// Throws a ``PolicyError`` when it is not of the same model, calls and solver as the ones before, when it
  /// is one of them again, or lacks what a method needs.
  public mutating func add(_ catalog: GeometryCatalog) throws {
    let path = catalog.path
    let name = catalog.digest ?? path
    if let twin = recordings.first(where: { $0.name == name }) {
      throw PolicyError("\(path) holds the same recording as \(twin.path); a recording counts once")
    }
    recordings.append((path, name))
    for method in options.methods {
      let geometries = try catalog.geometries(for: request(method, blockCount: catalog.blockCount))
      for geometry in geometries { try take(geometry, method, path, name) }
      if method == options.methods.first { chunkCount += geometries.count }
      for geometry in geometries { try geometry.distances.requireIntact() }
    }
  }

  private mutating func take(
    _ geometry: Geometry, _ method: Calibration.Method, _ path: String, _ name: String
  ) throws {
    let place = geometry.chunk > 0 ? "\(path), chunk \(geometry.chunk)" : path
    let found: ValidityDomain
    do {
      found = try ValidityDomain(geometry)
    } catch let error as PolicyError {
      throw PolicyError("\(place): \(error)")
    }
    if let domain {
      if let difference = domain.value.differences(from: found).first {
        throw PolicyError(
          "\(place) has \(difference.text) of \(domain.of); a calibration is made from recordings that agree "
            + "in this")
      }
    } else {
      domain = (place, found)
    }
    switch method {
    case .teacache: takeSamples(geometry, group: group(geometry, name))
    case .magcache:
      let branches = geometry.branchCount
      let scopes =
        [(Int?.none, 0..<branches)] + (branches > 1 ? (0..<branches).map { ($0, $0..<($0 + 1)) } : [])
      for (place, scope) in scopes.enumerated() {
        if ratios.count == place { ratios.append((scope.0, [])) }
        ratios[place].samples.append(MagCacheCalibration.sample(of: geometry, branches: scope.1))
      }
    case .smoothcache:
      let sample = SmoothCachePolicy.rows(
        of: geometry, at: options.smoothCacheSite, lookahead: min(options.lookahead, geometry.callCount - 1))
      guard sample.joined().allSatisfy(\.isFinite), !sample.isEmpty else {
        throw PolicyError(
          sample.isEmpty
            ? "\(place) has one call; errors of holding need two"
            : "\(place): what is held at the site \(options.smoothCacheSite) is zero at some call, so that relative "
              + "errors of holding are not defined")
      }
      rows.append(sample)
    case .lemica, .meancache:
      let kind = method == .lemica ? EdgeCosts.Method.lemica : .meancache
      do {
        edges[kind, default: []].append(
          try EdgeCosts.costs(kind, over: geometry, longest: options.longestEdge ?? geometry.callCount))
      } catch let error as PolicyError {
        throw PolicyError("\(place): \(error)")
      }
    }
  }

  private mutating func takeSamples(_ geometry: Geometry, group: String) {
    let branches = geometry.branchCount
    for branch in [Int?.none] + (branches > 1 ? (0..<branches).map { $0 } : []) {
      let found = TeaCacheCalibration.samples(
        of: geometry, options.signal, options.target, branch: branch, group: group)
      for (expert, sample) in found {
        if let place = samples.firstIndex(where: { $0.branch == branch && $0.expert == expert }) {
          samples[place].samples.append(sample)
        } else {
          samples.append((branch, expert, [sample]))
        }
      }
    }
  }

  // Scenes and prompts: what rollouts have in common that differ in their noise only.
  private func group(_ geometry: Geometry, _ name: String) -> String {
    guard let header = geometry.header else { return name }
    return "\(header.sceneSeed)"
      + header.conditions.map { condition in
        switch condition.value {
        case .text(let text): " \(condition.name)=\(text)"
        case .numbers(let numbers): " \(condition.name)=\(numbers)"
        }
      }.joined()
  }

  /// What has been taken in, as numbers for policies.
  ///
  /// Throws a ``PolicyError`` when there is too little to fit.
  public func calibration() throws -> Calibration {
    guard let domain else { throw PolicyError("there is no recording to calibrate from") }
    var calibration = Calibration(
      domain: domain.value, recordings: recordings.map(\.name), chunkCount: chunkCount)
    if !samples.isEmpty {
      calibration.teacache = TeaCacheCalibration(
        signal: options.signal, target: options.target,
        fits: try samples.map {
          try TeaCacheCalibration.fit(
            $0.samples, degree: options.degree, branch: $0.branch, expert: $0.expert)
        })
    }
    if !ratios.isEmpty {
      calibration.magcache = MagCacheCalibration(
        ratios: ratios.map { MagCacheCalibration.ratios($0.samples, branch: $0.branch) },
        undefinedCount: ratios[0].samples.reduce(0) { $0 + $1.undefinedCount })
    }
    if !rows.isEmpty { calibration.smoothcache = SmoothCacheCalibration(site: options.smoothCacheSite, rows) }
    calibration.lemica = edges[.lemica].map { EdgeCosts(.lemica, options.edgeSite, $0) }
    calibration.meancache = edges[.meancache].map { EdgeCosts(.meancache, .guided, $0) }
    return calibration
  }
}
