import Synchronization

/// The geometries of one trace, measured when first asked for and kept: in memory, or in a folder beside the
/// trace, from which they can be had without the trace.
///
/// May be used from several threads; one request is answered at a time.
public final class GeometryCatalog: Sendable {
  /// Tells the trace from others by its contents; nil when the trace has no digest.
  public var digest: String? { origin.digest }
  /// Names the trace, or the folder where there is no trace, in errors.
  public let path: String
  /// Blocks of the recorded model.
  public let blockCount: Int
  /// What the trace says about itself; nil in folders made before it was kept there.
  public let header: TraceHeader?
  private let origin: Origin
  private let known = Mutex(Known())

  private struct Known: Sendable {
    /// Without changes.
    var geometries: [GeometryRequest: [Geometry]] = [:]
    var changes: [ChangeRequest: [ChangeTable]] = [:]
  }

  /// What is told while something is measured.
  public struct Progress: Sendable {
    /// `site stack` or `changes of modulated`.
    public var what: String
    /// Bytes that the result takes in memory or in its file.
    public var byteCount: Int
    public var done: Int
    public var total: Int
  }

  private struct Origin: Sendable {
    var digest: String?
    var folder: String?
    var measure: (@Sendable (GeometryRequest) throws -> [Geometry])?
    var measureChanges: (@Sendable (ChangeRequest, Site) throws -> [ChangeTable])?
    var write: (@Sendable (GeometryRequest, _ path: String) throws -> Void)?
  }

  /// Measures from a recorded rollout whose digest is `digest`.
  ///
  /// With a folder, geometries are read from there when they were measured from the same trace, and written
  /// there when they were not; without one, or without a digest to tell by, they stay in memory.
  public init(
    _ source: some FeatureSource, digest: TraceDigest? = nil, folder: String? = nil,
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    path = source.path
    blockCount = source.header.blockCount
    header = source.header
    let told = { @Sendable (request: GeometryRequest) in
      let bytes = (try? GeometryBuilder.byteCount(of: source, at: request)) ?? 0
      return { @Sendable (done: Int, total: Int) in
        progress(Progress(what: "site \(request.site)", byteCount: bytes, done: done, total: total))
      }
    }
    origin = Origin(
      digest: digest?.description, folder: digest == nil ? nil : folder,
      measure: { try GeometryBuilder.geometries(of: source, $0, progress: told($0)) },
      measureChanges: { change, site in
        progress(Progress(what: "changes of \(change.quantity)", byteCount: 0, done: 0, total: 1))
        let tables = try GeometryBuilder.changes(of: source, change, at: site)
        progress(Progress(what: "changes of \(change.quantity)", byteCount: 0, done: 1, total: 1))
        return tables
      },
      write: { [digest] request, path in
        try GeometryFileWriter.write(
          source, digest: digest?.description ?? "", request, to: path, progress: told(request))
      })
  }

  /// Opens a folder of geometries without the trace they were measured from.
  public init(folder: String) throws(TraceError) {
    path = folder
    let names = try FileSystem.names(in: folder).filter { $0.hasSuffix(GeometryFile.suffix) }
    guard let first = names.first else {
      throw TraceError(
        .notATrace, path: folder, "the folder holds no geometry (*\(GeometryFile.suffix)) of a trace")
    }
    let contents = try GeometryFile.read(folder + "/" + first)
    blockCount = contents.geometries[0].blockCount
    header = contents.geometries[0].header
    origin = Origin(digest: contents.digest, folder: folder)
  }

  /// One geometry per chunk, with the requested changes.
  public func geometries(for request: GeometryRequest) throws -> [Geometry] {
    try known.withLock { known in
      let bare = GeometryRequest(request.site, split: request.split)
      var geometries = try known.geometries[bare] ?? table(bare)
      // Files from before headers were kept do not say; the trace does.
      for place in geometries.indices where geometries[place].header == nil {
        geometries[place].header = header
      }
      known.geometries[bare] = geometries
      var changes: [ChangeRequest: [ChangeTable]] = [:]
      for change in request.changes {
        // All pairs hold the neighbouring ones, but a table answers for its own request only.
        let tables = try known.changes[change] ?? table(change, at: request.site)
        known.changes[change] = tables
        changes[change] = tables
      }
      guard !changes.isEmpty else { return geometries }
      return try geometries.enumerated().map { place, geometry in
        try geometry.adding(
          changes.mapValues { tables in
            guard tables.indices.contains(place), tables[place].callCount == geometry.callCount,
              tables[place].branchCount >= geometry.branchCount
            else {
              throw TraceError(
                .corrupt, path: path, "the changes were measured over other calls than the distances")
            }
            return tables[place]
          })
      }
    }
  }

  private func table(_ request: GeometryRequest) throws -> [Geometry] {
    guard let folder = origin.folder else { return try origin.measure!(request) }
    let path = folder + "/" + GeometryFile.name(of: request)
    if let found = try current(
      path,
      { () throws(TraceError) in
        let contents = try GeometryFile.read(path)
        return (contents.digest, contents.geometries)
      })
    {
      return found
    }
    guard let write = origin.write else { throw missing(path) }
    try FileSystem.makeFolder(folder)
    try write(request, path)
    return try GeometryFile.read(path).geometries
  }

  private func table(_ change: ChangeRequest, at site: Site) throws -> [ChangeTable] {
    guard let folder = origin.folder else { return try origin.measureChanges!(change, site) }
    let path = folder + "/" + ChangeFile.name(of: change)
    if let found = try current(
      path,
      { () throws(TraceError) in
        let contents = try ChangeFile.read(path, change)
        return (contents.digest, contents.tables)
      })
    {
      return found
    }
    guard let measure = origin.measureChanges else { throw missing(path) }
    try FileSystem.makeFolder(folder)
    let tables = try measure(change, site)
    try ChangeFile(digest: origin.digest ?? "", change, tables).write(to: path)
    return tables
  }

  // What a file holds, when it belongs to this trace. Where the trace is at hand, a stale or damaged file is
  // as good as none: it is made again.
  private func current<Contents>(
    _ path: String, _ read: () throws(TraceError) -> (digest: String, contents: Contents)
  ) throws -> Contents? {
    guard FileSystem.kind(of: path) == .file else { return nil }
    do {
      let (digest, contents) = try read()
      if digest == origin.digest { return contents }
      guard origin.measure == nil else { return nil }
      throw TraceError(
        .corrupt, path: path, "this was measured from another trace than the rest of the folder")
    } catch {
      guard (error as? TraceError)?.code == .corrupt, origin.measure != nil else { throw error }
      return nil
    }
  }

  private func missing(_ path: String) -> TraceError {
    TraceError(
      .missing, path: path,
      "this has not been measured; run 'wctrace index' with the trace at hand")
  }
}
