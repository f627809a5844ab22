public import Foundation

/// A file of named float32 arrays, read whole and checked strictly.
///
/// Layout (github.com/huggingface/safetensors): eight bytes little-endian header length, a JSON object
/// of name → dtype, shape and data_offsets, then the arrays one after the other without gaps.
public struct Safetensors: Sendable {
  /// Where an array lies: its shape, row-major, and its bytes within the data section.
  public struct Entry: Sendable, Equatable {
    public var shape: [Int]
    public var bytes: Range<Int>
  }

  /// Longest header accepted, in bytes; those of weights and feedback have some 10 KB.
  public static let headerLimit = 1 << 20

  public let path: String
  public let entries: [String: Entry]
  /// The string map under `__metadata__`.
  public let metadata: [String: String]
  private let file: Data
  private let dataStart: Int

  /// Throws ``TraceError``: `missing` or `inputOutput` when the file cannot be read, `corrupt` when it
  /// is no safetensors file, `invalid` when it holds another element type than F32.
  public init(path: String) throws {
    self.path = path
    guard FileManager.default.fileExists(atPath: path) else {
      throw TraceError(.missing, path: path, "there is no such file; a safetensors file is needed")
    }
    do {
      file = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be read: \(error.localizedDescription)")
    }
    guard file.count >= 8 else {
      throw TraceError(
        .corrupt, path: path, "\(file.count) bytes are too few; a safetensors file has at least 8")
    }
    let length = file.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= Safetensors.headerLimit else {
      throw TraceError(
        .corrupt, path: path, at: "header",
        "a header of \(length) bytes is announced and at most \(Safetensors.headerLimit) are allowed; this is no safetensors file"
      )
    }
    dataStart = 8 + Int(length)
    guard dataStart <= file.count else {
      throw TraceError(
        .corrupt, path: path, at: "header",
        "the header ends at byte \(dataStart), but the file has only \(file.count) bytes")
    }
    let header: Header
    do {
      header = try JSONDecoder().decode(Header.self, from: file[8..<dataStart])
    } catch {
      throw TraceError(
        .corrupt, path: path, at: "header",
        "the header is no JSON object of arrays with dtype, shape and data_offsets")
    }
    metadata = header.metadata
    entries = try Safetensors.check(header.arrays, dataCount: file.count - dataStart, path: path)
  }

  /// The values of an array, row-major; throws `lacking` when there is none of that name.
  public func values(_ name: String) throws -> [Float] {
    guard let entry = entries[name] else {
      throw TraceError(.lacking, path: path, at: name, "the file has no array of this name")
    }
    let count = entry.bytes.count / 4
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      let start = dataStart + entry.bytes.lowerBound
      initialized = file.copyBytes(to: buffer, from: start..<(start + entry.bytes.count)) / 4
    }
  }

  /// ``digest(of:)`` of the whole file.
  public var digest: String { Safetensors.digest(of: file) }

  /// FNV-1a (64 bit) in 16 hexadecimal digits: tells files apart, protects against nothing.
  public static func digest(of bytes: Data) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    bytes.withUnsafeBytes { bytes in
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    let text = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }

  // Every array must be F32 and as long as its shape says; together they must fill the data section.
  private static func check(
    _ arrays: [String: Announced], dataCount: Int, path: String
  ) throws(TraceError) -> [String: Entry] {
    var entries: [String: Entry] = [:]
    var end = 0
    for (name, array) in arrays.sorted(by: { ($0.value.start, $0.key) < ($1.value.start, $1.key) }) {
      guard array.dtype == "F32" else {
        throw TraceError(
          .invalid, path: path, at: name, "the element type is \(array.dtype); only F32 is allowed")
      }
      var byteCount = 4
      for size in array.shape {
        let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
        guard size >= 0, !overflow else {
          throw TraceError(.corrupt, path: path, at: name, "the shape \(array.shape) is not that of an array")
        }
        byteCount = product
      }
      if array.offsets.count == 2, array.offsets[1] > dataCount {
        throw TraceError(
          .corrupt, path: path, at: name,
          "the array ends at byte \(array.offsets[1]) of the data, but the file has only \(dataCount) bytes of data: it is cut off"
        )
      }
      guard array.offsets.count == 2, array.start == end, array.offsets[1] >= end else {
        throw TraceError(
          .corrupt, path: path, at: name,
          "data_offsets are \(array.offsets); arrays must follow each other from byte 0 to \(dataCount), "
            + "and this one must start at \(end)")
      }
      guard array.offsets[1] - end == byteCount else {
        throw TraceError(
          .corrupt, path: path, at: name,
          "\(array.offsets[1] - end) bytes are given; the shape \(array.shape) needs \(byteCount)")
      }
      entries[name] = Entry(shape: array.shape, bytes: end..<array.offsets[1])
      end = array.offsets[1]
    }
    guard end == dataCount else {
      throw TraceError(.corrupt, path: path, "the arrays end at byte \(end) of \(dataCount) data bytes")
    }
    return entries
  }
}

extension Safetensors {
  /// An array as the head of a file tells it.
  struct Announced: Decodable {
    var dtype: String
    var shape: [Int]
    /// First byte in the data section and the byte after the last.
    var offsets: [Int]

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }

    var start: Int { offsets.first ?? 0 }
  }
}

// The JSON object at the head of a file: `__metadata__` beside any number of arrays.
private struct Header: Decodable {

  private struct Name: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  var metadata: [String: String] = [:]
  var arrays: [String: Safetensors.Announced] = [:]

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    for name in container.allKeys {
      if name.stringValue == "__metadata__" {
        metadata = try container.decode([String: String].self, forKey: name)
      } else {
        arrays[name.stringValue] = try container.decode(Safetensors.Announced.self, forKey: name)
      }
    }
  }
}
