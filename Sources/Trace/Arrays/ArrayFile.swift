import Foundation

/// An array of (entries, rows, channels) in a .npy, .npz or .safetensors file, read entry by entry.
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
  private let numbers: Numbers

  private enum Numbers {
    /// From a byte of the file on.
    case plain(FileHandle, offset: Int)
    /// In an archive, which is read from the front.
    case packed(ZipMemberReader)
  }

  /// Longest head accepted, in bytes.
  static let headLimit = 16 << 20

  /// Opens a .npy file, or the array `name` of a .npz or .safetensors file.
  ///
  /// Throws `missing`, `invalid` for number types and shapes that are not allowed, `lacking` when there
  /// is no such array, `corrupt` when the file contradicts itself.
  init(path: String, name: String?) throws(TraceError) {
    self.path = path
    guard FileSystem.kind(of: path) == .file, let handle = FileHandle(forReadingAtPath: path) else {
      throw TraceError(.missing, path: path, "there is no such file, or it cannot be read")
    }
    let (_, fileByteCount) = try FileSystem.head(of: path, 1)
    let head: ArrayHead
    let found: Int
    switch URL(fileURLWithPath: path).pathExtension {
    case "npy":
      var offset = 0
      head = try ArrayHead(numPy: path) { (count) throws(TraceError) in
        offset += count
        return try Self.read(handle, path, count, at: offset - count)
      }
      numbers = .plain(handle, offset: offset)
      found = fileByteCount - offset
    case "npz":
      let archive = try ZipArchive(handle, path: path, byteCount: fileByteCount)
      let member = try Self.member(name, of: archive, path)
      let reader = try ZipMemberReader(handle, path: path, member)
      head = try ArrayHead(numPy: path, reader.read)
      numbers = .packed(reader)
      found = reader.remainingByteCount
    case "safetensors":
      let (safe, bytes) = try ArrayHead.safetensors(handle, path, name)
      guard bytes.upperBound <= fileByteCount else {
        throw TraceError(.corrupt, path: path, "the file ends before its numbers do")
      }
      head = safe
      numbers = .plain(handle, offset: bytes.lowerBound)
      found = bytes.count
    default: throw TraceError(.invalid, path: path, "arrays are read from .npy, .npz and .safetensors files")
    }
    (element, shape) = (head.element, head.shape)
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
    guard found == byteCount else {
      throw TraceError(
        .corrupt, path: path, "\(found) bytes of numbers are there; the shape needs \(byteCount)")
    }
  }

  /// The numbers of one entry, row-major; in archives, entries must be asked for in ascending order.
  func values(at entry: Int) throws(TraceError) -> [Float] {
    let count = shape[1] * shape[2]
    let byteCount = count * element.byteCount
    let bytes: Data
    switch numbers {
    case .plain(let handle, let offset):
      bytes = try Self.read(handle, path, byteCount, at: offset + entry * byteCount)
    case .packed(let reader):
      let gap = reader.remainingByteCount - (shape[0] - entry) * byteCount
      precondition(gap >= 0, "archives are read from the front")
      try reader.skip(gap)
      bytes = try reader.read(byteCount)
    }
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

  /// Reads what is left of an archive's array, so that all of it has met its checksum.
  func finish() throws(TraceError) {
    guard case .packed(let reader) = numbers else { return }
    try reader.skip(reader.remainingByteCount)
  }

  static func read(
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

  // NumPy adds .npy to the names of the arrays.
  private static func member(
    _ name: String?, of archive: ZipArchive, _ path: String
  ) throws(TraceError) -> ZipArchive.Member {
    let members = archive.members
    if let name, let member = members.first(where: { $0.name == name + ".npy" || $0.name == name }) {
      return member
    }
    if name == nil, members.count == 1 { return members[0] }
    let names = members.map { $0.name.hasSuffix(".npy") ? String($0.name.dropLast(4)) : $0.name }
    throw lacking(name, names, path)
  }

  static func lacking(_ name: String?, _ names: [String], _ path: String) -> TraceError {
    let list = names.sorted().prefix(20).joined(separator: ", ")
    guard let name else {
      return TraceError(.lacking, path: path, "name one of its arrays with \"array\"; the file has \(list)")
    }
    return TraceError(.lacking, path: path, "there is no array '\(name)'; the file has \(list)")
  }
}
