import Synchronization

/// The geometries of one trace, measured when first asked for and kept.
///
/// May be used from several threads; one request is measured at a time.
public final class GeometryCatalog: Sendable {
  /// Names the trace in errors.
  public let path: String
  /// Blocks of the recorded model.
  public let blockCount: Int
  private let measure: @Sendable (GeometryRequest) throws -> [Geometry]
  private let measured: Mutex<[GeometryRequest: [Geometry]]>

  /// Measures from a recorded rollout; `progress` is told what is measured and how many token blocks of
  /// how many are done.
  public init(
    _ source: some FeatureSource,
    progress: @escaping @Sendable (GeometryRequest, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
  ) {
    path = source.path
    blockCount = source.header.blockCount
    measured = Mutex([:])
    measure = { request in
      try GeometryBuilder.geometries(of: source, request) { progress(request, $0, $1) }
    }
  }

  /// One geometry per chunk, with at least the requested changes.
  public func geometries(for request: GeometryRequest) throws -> [Geometry] {
    try measured.withLock { measured in
      let fitting = measured.keys.first {
        $0.site == request.site && $0.split == request.split && $0.changes.isSuperset(of: request.changes)
      }
      if let fitting { return measured[fitting]! }
      let geometries = try measure(request)
      measured[request] = geometries
      return geometries
    }
  }
}
