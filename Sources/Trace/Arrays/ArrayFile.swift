import Foundation

/// An array of (entries, rows, channels) in a .npy or .safetensors file, read entry by entry.
struct ArrayFile {
  enum Element: String {
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float32 = "F32"

    var byteCount: Int { self == .float32 ? 4 : 2 }
  }

  let path: String
  let element: Element
  let shape: [Int]
  private let dataOffset: Int
  private let handle: FileHandle

  /// Longest head accepted, in bytes.
  static let headLimit = 16 << 20

  /// Opens a .npy file, or the array `name` of a .safetensors file.
  ///
  /// Throws `missing`, `invalid` for number types and shapes that are not allowed, `lacking` when there
  /// is no such array, `corrupt` when the file contradicts itself.
  init(path: String, name: String?) throws(TraceError) {
    self.path = path
    guard FileSystem.kind(of: path) == .file, let handle = FileHandle(forReadingAtPath: path) else {
      throw TraceError(.missing, path: path, "there is no such file, or it cannot be read")
    }
    self.handle = handle
    let head =
      switch URL(fileURLWithPath: path).pathExtension {
      case "npy": try Self.numPyHead(handle, path)
      case "safetensors": try Self.safetensorsHead(handle, path, name)
      default: throw TraceError(.invalid, path: path, "arrays are read from .npy and .safetensors files")
      }
    (element, shape, dataOffset) = (head.element, head.shape, head.offset)
    var byteCount = element.byteCount
    for size in shape {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      guard size > 0, !overflow else {
        throw TraceError(.invalid, path: path, "the shape \(shape) is empty or too large")
      }
      byteCount = product
    }
    guard shape.count == 3 else {
      throw TraceError(.invalid, path: path, "the shape must be (calls, tokens, channels), it is \(shape)")
    }
    let (_, fileByteCount) = try FileSystem.head(of: path, 1)
    let end = head.end ?? fileByteCount
    guard end <= fileByteCount, end - dataOffset == byteCount else {
      throw TraceError(
        .corrupt, path: path, "\(end - dataOffset) bytes of numbers are there; the shape needs \(byteCount)")
    }
  }

  /// The numbers of one entry, row-major.
  func values(at entry: Int) throws(TraceError) -> [Float] {
    let count = shape[1] * shape[2]
    let bytes = try Self.read(
      handle, path, count * element.byteCount, at: dataOffset + entry * count * element.byteCount)
    return bytes.withUnsafeBytes { bytes in
      switch element {
      case .float32: (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      case .float16: (0..<count).map { Float(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: Float16.self)) }
      case .bfloat16:
        (0..<count).map {
          Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) << 16)
        }
      }
    }
  }

  private typealias Head = (element: Element, shape: [Int], offset: Int, end: Int?)

  private static func read(
    _ handle: FileHandle, _ path: String, _ count: Int, at offset: Int
  ) throws(TraceError) -> Data {
    do {
      try handle.seek(toOffset: UInt64(offset))
      if let bytes = try handle.read(upToCount: count), bytes.count == count { return bytes }
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be read: \(error.localizedDescription)")
    }
    throw TraceError(.corrupt, path: path, "the file ends before byte \(offset + count)")
  }

  // numpy.org/doc/stable/reference/generated/numpy.lib.format.html
  private static func numPyHead(_ handle: FileHandle, _ path: String) throws(TraceError) -> Head {
    let start = [UInt8](try read(handle, path, 12, at: 0))
    guard start.starts(with: [0x93] + Array("NUMPY".utf8)), (1...3).contains(start[6]) else {
      throw TraceError(.corrupt, path: path, "this is not a NumPy file")
    }
    let isShort = start[6] == 1
    let length = start[8..<(isShort ? 10 : 12)].reversed().reduce(0) { $0 << 8 | Int($1) }
    let offset = isShort ? 10 : 12
    guard length <= headLimit else { throw TraceError(.corrupt, path: path, "the head is too long") }
    let text = String(decoding: try read(handle, path, length, at: offset), as: UTF8.self)
    guard let type = text.firstMatch(of: /'descr': *'([^']*)'/)?.output.1,
      let order = text.firstMatch(of: /'fortran_order': *(True|False)/)?.output.1,
      let sizes = text.firstMatch(of: /'shape': *\(([0-9, ]*)\)/)?.output.1
    else { throw TraceError(.corrupt, path: path, "the head says no descr, fortran_order and shape") }
    let element: Element? = type == "<f4" ? .float32 : type == "<f2" ? .float16 : nil
    guard let element else {
      throw TraceError(.invalid, path: path, "the numbers are '\(type)'; only '<f4' and '<f2' are read")
    }
    guard order == "False" else {
      throw TraceError(.invalid, path: path, "the array is in Fortran order; save it with order='C'")
    }
    let parts = sizes.split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
    let shape = parts.compactMap { Int($0) }
    guard shape.count == parts.count else { throw TraceError(.corrupt, path: path, "the shape is damaged") }
    return (element, shape, offset + length, nil)
  }

  private struct Entry: Decodable {
    var dtype: String
    var shape: [Int]
    var offsets: [Int]

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  // github.com/huggingface/safetensors: length, JSON, arrays.
  private static func safetensorsHead(
    _ handle: FileHandle, _ path: String, _ name: String?
  ) throws(TraceError) -> Head {
    let length = try read(handle, path, 8, at: 0).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(headLimit) else { throw TraceError(.corrupt, path: path, "the head is too long") }
    let text = try read(handle, path, Int(length), at: 8)
    guard let all = try? JSONSerialization.jsonObject(with: text) as? [String: Any] else {
      throw TraceError(.corrupt, path: path, "the head is not JSON")
    }
    let names = all.keys.filter { $0 != "__metadata__" }.sorted()
    guard let name = name ?? (names.count == 1 ? names[0] : nil), names.contains(name), let value = all[name]
    else {
      let list = names.prefix(20).joined(separator: ", ")
      throw TraceError(.lacking, path: path, "there is no array '\(name ?? "")'; the file has \(list)")
    }
    guard JSONSerialization.isValidJSONObject(value),
      let bytes = try? JSONSerialization.data(withJSONObject: value),
      let entry = try? JSONDecoder().decode(Entry.self, from: bytes), entry.offsets.count == 2,
      entry.offsets.allSatisfy({ (0...Int.max / 2).contains($0) })
    else { throw TraceError(.corrupt, path: path, at: name, "the array needs dtype, shape and data_offsets") }
    guard let element = Element(rawValue: entry.dtype) else {
      throw TraceError(
        .invalid, path: path, at: name, "the numbers are \(entry.dtype); only F32, F16 and BF16 are read")
    }
    let start = 8 + Int(length)
    return (element, entry.shape, start + entry.offsets[0], start + entry.offsets[1])
  }
}
