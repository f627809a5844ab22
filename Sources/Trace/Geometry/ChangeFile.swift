import Foundation

/// The changes of one quantity over all chunks of a trace, kept in a file.
///
/// One line of JSON and, after it, its XXH64 in hexadecimal digits.
struct ChangeFile: Codable {
  static let suffix = ".changes"

  /// Digest of the trace that was measured.
  var digest: String
  var quantity: String
  var pairs: UInt8
  var filterPower: Int?
  var chunks: [ChangeTable.Sums]

  init(digest: String, _ request: ChangeRequest, _ tables: [ChangeTable]) {
    self.digest = digest
    quantity = request.quantity.description
    pairs = request.pairs.rawValue
    filterPower = request.filter?.power
    chunks = tables.map(\.sums)
  }

  static func name(of request: ChangeRequest) -> String {
    let filter = request.filter.map { ".filtered-float32-\($0.power)" } ?? ""
    return "\(request.quantity)\(request.pairs == .all ? "" : ".adjacent")\(filter)\(suffix)"
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = try encoder.encode(self)
    let hash = TraceDigest([UInt8](text).withUnsafeBytes { xxh64($0) }).description
    do {
      try (text + Data("\n\(hash)".utf8)).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be written")
    }
  }

  /// Reads the tables of a request; throws `corrupt` for what is not a whole file of this kind.
  static func read(
    _ path: String, _ request: ChangeRequest
  ) throws(TraceError) -> (digest: String, tables: [ChangeTable]) {
    let file = try RegularFile(opening: path)
    let lines = try file.bytes(file.byteCount, at: 0).split(separator: UInt8(ascii: "\n"))
    guard lines.count == 2,
      TraceDigest(lines[0].withUnsafeBytes { xxh64($0) }).description.utf8.elementsEqual(lines[1]),
      let contents = try? JSONDecoder().decode(ChangeFile.self, from: Data(lines[0])),
      contents.quantity == request.quantity.description, contents.pairs == request.pairs.rawValue,
      contents.filterPower == request.filter?.power,
      contents.chunks.allSatisfy({ $0.isSound(request) })
    else {
      throw TraceError(
        .corrupt, path: path,
        "the changes do not match their checksum; remove the file, it is made again from the trace")
    }
    return (contents.digest, contents.chunks.map { ChangeTable(request: request, $0) })
  }
}
