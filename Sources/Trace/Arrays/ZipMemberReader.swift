import Foundation

/// Reads one member of a zip archive from its start to its end, and checks its checksum there.
final class ZipMemberReader {
  private let handle: FileHandle
  private let path: String
  private let member: ZipArchive.Member
  private let inflater: Inflater?
  private var input = Data()
  private var unreadByteCount: Int
  private var doneByteCount = 0
  private var checksum: UInt32 = 0

  /// Bytes that are read from the file at a time.
  private static let pieceByteCount = 1 << 20

  /// The handle is its own: nobody else may move it.
  init(_ handle: FileHandle, path: String, _ member: ZipArchive.Member) throws(TraceError) {
    self.handle = handle
    self.path = path
    self.member = member
    inflater = member.isDeflated ? Inflater() : nil
    unreadByteCount = member.storedByteCount
    let head = ByteFields(try ArrayFile.read(handle, path, 30, at: member.offset))
    guard head.word(0) == 0x0403_4b50, member.isDeflated || member.storedByteCount == member.byteCount else {
      throw TraceError(.corrupt, path: path, at: member.name, "the archive's member is damaged")
    }
    do {
      try handle.seek(toOffset: UInt64(member.offset + 30 + head.half(26) + head.half(28)))
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be read: \(error.localizedDescription)")
    }
  }

  /// Bytes that are left.
  var remainingByteCount: Int { member.byteCount - doneByteCount }

  /// The next bytes; throws `corrupt` when there are fewer or, at the end, when the checksum is not theirs.
  func read(_ count: Int) throws(TraceError) -> Data {
    guard count <= remainingByteCount else { throw damaged("it ends after \(member.byteCount) bytes") }
    var output = Data(count: count)
    var filled = 0
    while filled < count {
      // Without input the inflater may still hold output: what was asked for before ended within a match.
      if input.isEmpty, unreadByteCount > 0 || inflater == nil { try refill() }
      guard let inflater else {
        let part = input.prefix(count - filled)
        output.replaceSubrange(filled..<filled + part.count, with: part)
        filled += part.count
        input = input.dropFirst(part.count)
        continue
      }
      let (outcome, consumed, produced) = input.withUnsafeBytes { from in
        output.withUnsafeMutableBytes { to in
          inflater.step(from, into: UnsafeMutableRawBufferPointer(rebasing: to[filled...]))
        }
      }
      filled += produced
      input = input.dropFirst(consumed)
      guard outcome != .damaged, filled == count || outcome == .more else {
        throw damaged("its packed bytes are damaged")
      }
      guard consumed + produced > 0 else { throw damaged("its packed bytes end too early") }
    }
    doneByteCount += count
    checksum = output.withUnsafeBytes { crc32($0, after: checksum) }
    guard remainingByteCount > 0 || checksum == member.checksum else {
      throw damaged("it fails its checksum")
    }
    return output
  }

  /// Passes over bytes, which the checksum needs all the same.
  func skip(_ count: Int) throws(TraceError) {
    var left = count
    while left > 0 {
      let part = min(left, Self.pieceByteCount)
      _ = try read(part)
      left -= part
    }
  }

  private func refill() throws(TraceError) {
    let count = min(unreadByteCount, Self.pieceByteCount)
    guard count > 0 else { throw damaged("its packed bytes end too early") }
    do {
      guard let bytes = try handle.read(upToCount: count), bytes.count == count else {
        throw damaged("the file is cut off in it")
      }
      input = bytes
      unreadByteCount -= count
    } catch let error as TraceError {
      throw error
    } catch {
      throw TraceError(.inputOutput, path: path, "the file cannot be read: \(error.localizedDescription)")
    }
  }

  private func damaged(_ message: String) -> TraceError {
    TraceError(.corrupt, path: path, at: member.name, "the array is damaged: \(message)")
  }
}
