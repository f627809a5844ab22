import Foundation
import Synchronization

/// Measures a trace's geometry at one site into a file, which gets its name when it is whole.
///
/// Distances go to the file tile by tile, so that memory does not grow with the table.
struct GeometryFileWriter {
  /// Distances of one chunk on their way into the file.
  private final class Tiles: PairSink {
    private let file: RegularFile
    private let offset: Int
    private let tokenCount: Int
    private let pairCount: Int
    // Hashes of every pair by the tile's first token.
    private let hashes = Mutex([Int: (end: Int, hashes: [UInt64])]())

    init(_ file: RegularFile, offset: Int, tokenCount: Int, pairCount: Int) {
      self.file = file
      self.offset = offset
      self.tokenCount = tokenCount
      self.pairCount = pairCount
    }

    func store(_ tile: [Double], at places: Range<Int>) throws(TraceError) {
      var found: [UInt64] = []
      for pair in 0..<pairCount {
        let row = tile[(pair * places.count)..<((pair + 1) * places.count)]
        found.append(GeometryFile.hash(row))
        try file.write(row, at: offset + 8 * (pair * tokenCount + places.lowerBound))
      }
      hashes.withLock { [found] in $0[places.lowerBound] = (places.upperBound, found) }
    }

    /// Ends of the tiles in order, and the hashes pair by pair, tile by tile.
    var summary: (ends: [Int], hashes: [UInt64]) {
      let tiles = hashes.withLock { $0 }.sorted { $0.key < $1.key }.map(\.value)
      return (tiles.map(\.end), (0..<pairCount).flatMap { pair in tiles.map { $0.hashes[pair] } })
    }
  }

  /// Measures `request`'s site, without changes, into `path`.
  static func write(
    _ source: some FeatureSource, digest: String, _ request: GeometryRequest, to path: String,
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
  ) throws {
    // Several programs may measure the same trace at once; each has a file of its own until it is whole.
    let partial = "\(path).\(ProcessInfo.processInfo.processIdentifier)\(TraceFormat.unfinishedSuffix)"
    do {
      let file = try RegularFile(creating: partial)
      try file.write(GeometryFile.magic[...], at: 0)
      var offset = 8
      var description: GeometryFile.Description?
      let chunks = try GeometryBuilder.chunks(of: source, GeometryRequest(request.site, split: request.split))
      for (place, chunk) in chunks.enumerated() {
        let shape = try chunk.shape()
        let pairCount = DistanceTable.pairCount(shape.pointCount)
        let tiles = Tiles(file, offset: offset, tokenCount: shape.tokenCount, pairCount: pairCount)
        let geometry = try chunk.geometry(into: tiles, rows: { .memory([]) }) { done, total in
          progress(place * total + done, chunks.count * total)
        }
        offset += 8 * pairCount * shape.tokenCount
        let (ends, hashes) = tiles.summary
        let rest =
          hashes.map { Double(bitPattern: $0) } + geometry.distances.totals.flatMap { $0 }
          + (geometry.emissionSquaredNorms ?? []).flatMap { $0 }
          + geometry.finalSquaredNorms
        try file.write(rest[...], at: offset)
        offset += 8 * rest.count
        var text = description ?? start(geometry, digest: digest, model: source.header.model)
        text.chunks.append(
          GeometryFile.Chunk(
            chunk: geometry.chunk, calls: geometry.calls, pointCount: shape.pointCount, tileEnds: ends,
            hasEmission: geometry.emissionSquaredNorms != nil, hasFinal: !geometry.finalSquaredNorms.isEmpty,
            stretchSeconds: Dictionary(
              uniqueKeysWithValues: geometry.stretchSeconds.map { ($0.key.name, $0.value) })))
        text.hashes.append(GeometryFile.hash(rest[...]))
        description = text
      }
      let text = try [UInt8](JSONEncoder().encode(description))
      var end = text
      for word in [UInt64(text.count), text.withUnsafeBytes { xxh64($0) }] {
        end += withUnsafeBytes(of: word.littleEndian) { Array($0) }
      }
      end += GeometryFile.magic
      try file.write(end[...], at: offset)
      try FileSystem.move(partial, to: path)
    } catch {
      FileSystem.remove(partial)
      throw error
    }
  }

  private static func start(_ geometry: Geometry, digest: String, model: String) -> GeometryFile.Description {
    let split: GeometryFile.Split? =
      switch geometry.split {
      case .cosine(let fraction): .init(kind: "cosine", fraction: fraction)
      case .fourier(let fraction): .init(kind: "fourier", fraction: fraction)
      case .disc(let fraction): .init(kind: "disc", fraction: fraction)
      case nil: nil
      }
    return GeometryFile.Description(
      digest: digest, model: model, header: geometry.header, site: geometry.site.name, split: split,
      blockCount: geometry.blockCount, branchCount: geometry.recordedBranchCount,
      modalities: geometry.modalities,
      tokens: geometry.tokens.flatMap { [$0.modality, $0.frame, $0.row, $0.column, $0.validChannels] },
      chunks: [], hashes: [])
  }
}
