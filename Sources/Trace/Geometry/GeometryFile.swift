import Foundation
import Synchronization

/// The geometry of a trace at one site, kept in a file: distances without the features.
///
/// Layout, numbers little-endian: the 8 bytes `WCTGEOM2`; for every chunk its distances (float64, pair by
/// pair, a pair's tokens in a row), the XXH64 of every tile of them (a tile is one pair over one block of
/// tokens), the distances summed over each token set, what the calls emit and the final latent as squared norms
/// (float64); then a JSON description of
/// all of it, and 24 bytes: the description's length, its XXH64 and `WCTGEOM2` again. The rest is derived
/// from a trace and made again from it when it is damaged or stale; nothing here is the only copy.
struct GeometryFile {
  static let suffix = ".wcg"
  static let magic = Array("WCTGEOM2".utf8)

  /// What the file says of itself.
  struct Description: Codable {
    /// Digest of the trace that was measured.
    var digest: String
    var model: String
    /// Of the measured trace; missing in older files.
    var header: TraceHeader?
    var site: String
    var split: Split?
    var blockCount: Int
    var branchCount: Int
    var modalities: [String]
    /// Modality, frame, row, column and valid channels of every token, one after the other.
    var tokens: [Int]
    var chunks: [Chunk]
    /// Hash of every chunk's numbers beside the distances, tile hashes included.
    var hashes: [UInt64]
  }

  struct Split: Codable {
    var kind: String
    var fraction: Double
  }

  struct Chunk: Codable {
    var chunk: Int
    var calls: [[Call]]
    var pointCount: Int
    /// Where the blocks of tokens end.
    var tileEnds: [Int]
    var hasEmission: Bool
    var hasFinal: Bool
    var stretchSeconds: [String: Double]
  }

  /// Rows of one chunk's distances, read and checked when first asked for and then kept.
  final class Rows: Sendable {
    private let file: RegularFile
    private let offset: Int
    private let tokenCount: Int
    private let tileEnds: [Int]
    private let hashes: [UInt64]
    private let state = Mutex((rows: [Int: [Double]](), failure: TraceError?.none))

    init(_ file: RegularFile, offset: Int, tokenCount: Int, tileEnds: [Int], hashes: [UInt64]) {
      self.file = file
      self.offset = offset
      self.tokenCount = tokenCount
      self.tileEnds = tileEnds
      self.hashes = hashes
    }

    var failure: TraceError? { state.withLock { $0.failure } }
    var heldByteCount: Int { state.withLock { 8 * tokenCount * $0.rows.count } }

    subscript(pair: Int) -> [Double] {
      if let row = state.withLock({ $0.rows[pair] }) { return row }
      do {
        let row = try read(pair)
        state.withLock { $0.rows[pair] = row }
        return row
      } catch {
        state.withLock { $0.failure = $0.failure ?? error }
        return [Double](repeating: .nan, count: tokenCount)
      }
    }

    private func read(_ pair: Int) throws(TraceError) -> [Double] {
      let row = try file.numbers(tokenCount, at: offset + 8 * tokenCount * pair)
      var first = 0
      for (tile, end) in tileEnds.enumerated() {
        guard GeometryFile.hash(row[first..<end]) == hashes[pair * tileEnds.count + tile] else {
          throw TraceError(
            .corrupt, path: file.path, at: "pair \(pair)",
            "the distances do not match their checksum; remove the file, it is made again from the trace")
        }
        first = end
      }
      return row
    }
  }

  static func hash(_ numbers: ArraySlice<Double>) -> UInt64 {
    numbers.withUnsafeBytes { xxh64($0) }
  }

  /// The name of the file for a request, within the folder of a trace's geometry.
  static func name(of request: GeometryRequest) -> String {
    let split =
      switch request.split {
      case nil: ""
      case .cosine(let fraction): ".cosine-\(fraction)"
      case .fourier(let fraction): ".fourier-\(fraction)"
      case .disc(let fraction): ".disc-\(fraction)"
      }
    return request.site.name + split + suffix
  }
}

extension GeometryFile {
  /// Reads all but the distances; throws `corrupt` for what is not a whole file of this kind.
  static func read(_ path: String) throws(TraceError) -> (
    digest: String, model: String, geometries: [Geometry]
  ) {
    let file = try RegularFile(opening: path)
    func corrupt(_ what: String) -> TraceError {
      TraceError(.corrupt, path: path, "\(what); remove the file, it is made again from the trace")
    }
    guard file.byteCount >= 32, try file.bytes(8, at: 0) == magic else {
      throw corrupt("this is not the geometry of a trace")
    }
    let end = try file.bytes(24, at: file.byteCount - 24)
    let (length, hash) = (word(end, 0), word(end, 8))
    guard Array(end[16...]) == magic, length <= UInt64(file.byteCount - 32) else {
      throw corrupt("the file is cut off")
    }
    let text = try file.bytes(Int(length), at: file.byteCount - 24 - Int(length))
    guard text.withUnsafeBytes({ xxh64($0) }) == hash,
      let description = try? JSONDecoder().decode(Description.self, from: Data(text))
    else { throw corrupt("the description does not match its checksum") }
    guard let site = Site(name: description.site), description.tokens.count % 5 == 0,
      !description.chunks.isEmpty, description.hashes.count == description.chunks.count
    else { throw corrupt("the description contradicts itself") }
    let split: BandSplit? =
      switch (description.split?.kind, description.split?.fraction) {
      case ("cosine", let fraction?): .cosine(fraction: fraction)
      case ("fourier", let fraction?): .fourier(fraction: fraction)
      case ("disc", let fraction?): .disc(fraction: fraction)
      default: nil
      }
    let tokens = stride(from: 0, to: description.tokens.count, by: 5).map { first in
      let numbers = description.tokens[first..<(first + 5)].map { $0 }
      return TokenTable.Token(
        modality: numbers[0], frame: numbers[1], row: numbers[2], column: numbers[3],
        validChannels: numbers[4])
    }
    guard !tokens.isEmpty, tokens.allSatisfy({ description.modalities.indices.contains($0.modality) }) else {
      throw corrupt("the description contradicts itself")
    }
    let setCount = TokenSet.sets(of: tokens, modalities: description.modalities).count
    var offset = 8
    var geometries: [Geometry] = []
    for (chunk, expected) in zip(description.chunks, description.hashes) {
      let bands = description.split == nil ? 1 : 2
      let positions = chunk.calls.first?.count ?? 0
      guard positions > 0, chunk.calls.allSatisfy({ $0.count == positions }),
        chunk.pointCount == bands * positions * chunk.calls.count, chunk.tileEnds.last == tokens.count,
        zip(chunk.tileEnds, chunk.tileEnds.dropFirst()).allSatisfy({ $0 < $1 }), chunk.tileEnds[0] > 0
      else { throw corrupt("the description contradicts itself") }
      let pairs = DistanceTable.pairCount(chunk.pointCount)
      let distances = offset
      offset += 8 * pairs * tokens.count
      let emissionRows = chunk.hasEmission ? chunk.calls.count * positions : 0
      let hashCount = pairs * chunk.tileEnds.count
      let count =
        hashCount + pairs * setCount + (emissionRows + (chunk.hasFinal ? 1 : 0)) * tokens.count
      guard offset + 8 * count <= file.byteCount - 24 - Int(length) else {
        throw corrupt("the file is cut off")
      }
      let numbers = try file.numbers(count, at: offset)
      guard self.hash(numbers[...]) == expected else {
        throw corrupt("the numbers do not match their checksum")
      }
      offset += 8 * count
      let hashes = numbers[..<hashCount].map(\.bitPattern)
      let totals = (0..<setCount).map { set in
        Array(numbers[(hashCount + set * pairs)..<(hashCount + (set + 1) * pairs)])
      }
      let rest = Array(numbers[(hashCount + pairs * setCount)...])
      let emission = (0..<emissionRows).map { Array(rest[($0 * tokens.count)..<(($0 + 1) * tokens.count)]) }
      var stretchSeconds: [Tap: Double] = [:]
      for (name, seconds) in chunk.stretchSeconds {
        guard let tap = Tap(name: name) else { throw corrupt("there is no tap '\(name)'") }
        stretchSeconds[tap] = seconds
      }
      geometries.append(
        Geometry(
          site: site, split: split, chunk: chunk.chunk, blockCount: description.blockCount,
          calls: chunk.calls,
          tokens: tokens, modalities: description.modalities,
          distances: DistanceTable(
            pointCount: chunk.pointCount, tokenCount: tokens.count,
            rows: .file(
              Rows(
                file, offset: distances, tokenCount: tokens.count, tileEnds: chunk.tileEnds, hashes: hashes)),
            totals: totals),
          emissionSquaredNorms: chunk.hasEmission ? emission : nil,
          finalSquaredNorms: chunk.hasFinal ? Array(rest.suffix(tokens.count)) : [],
          stretchSeconds: stretchSeconds, recordedBranchCount: description.branchCount,
          header: description.header))
    }
    guard offset == file.byteCount - 24 - Int(length) else { throw corrupt("the file has bytes too many") }
    return (description.digest, description.model, geometries)
  }

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
  }
}
