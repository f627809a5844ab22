import Foundation

/// The members of a zip archive such as NumPy's .npz, by name.
///
/// Follows PKWARE's APPNOTE 6.3 as far as NumPy writes it: stored or deflated members, with or without the
/// 64-bit extensions, no encryption, one volume.
struct ZipArchive {
  struct Member {
    var name: String
    var isDeflated: Bool
    var checksum: UInt32
    var storedByteCount: Int
    var byteCount: Int
    /// Where the member's own head begins.
    var offset: Int
  }

  let members: [Member]

  /// Most members, and most bytes of their list.
  private static let mostMembers = 1 << 16

  /// Reads the list of members; throws `corrupt` when it is none, `invalid` for kinds that are not read.
  init(_ handle: FileHandle, path: String, byteCount: Int) throws(TraceError) {
    func corrupt(_ message: String) -> TraceError { TraceError(.corrupt, path: path, message) }
    func bytes(_ offset: Int, _ count: Int) throws(TraceError) -> ByteFields {
      guard offset >= 0, count >= 0, count <= byteCount - min(offset, byteCount) else {
        throw corrupt("the archive names a place beyond its end")
      }
      return ByteFields(try ArrayFile.read(handle, path, count, at: offset))
    }
    // The end record is the last thing but a comment of at most 65535 bytes.
    let tailByteCount = min(byteCount, 65_557)
    let tail = try bytes(byteCount - tailByteCount, tailByteCount)
    guard
      let end = stride(from: tailByteCount - 22, through: 0, by: -1).first(where: {
        tail.word($0) == 0x0605_4b50
      })
    else { throw corrupt("this is not a zip archive, or it is cut off") }
    var (count, size, start) = (tail.half(end + 10), tail.word(end + 12), tail.word(end + 16))
    if end >= 20, tail.word(end - 20) == 0x0706_4b50 {
      let wide = try bytes(tail.long(end - 12), 56)
      guard wide.word(0) == 0x0606_4b50 else { throw corrupt("the archive's end is damaged") }
      (count, size, start) = (wide.long(32), wide.long(40), wide.long(48))
    }
    guard count <= Self.mostMembers, size <= ArrayFile.headLimit else {
      throw corrupt("the archive's list of members is too long")
    }
    let list = try bytes(start, size)
    var members: [Member] = []
    var place = 0
    for _ in 0..<count {
      guard place + 46 <= size, list.word(place) == 0x0201_4b50 else {
        throw corrupt("the archive's list of members is damaged")
      }
      let (nameCount, extraCount) = (list.half(place + 28), list.half(place + 30))
      let next = place + 46 + nameCount + extraCount + list.half(place + 32)
      guard next <= size else { throw corrupt("the archive's list of members is damaged") }
      let name = String(decoding: list.bytes[place + 46..<place + 46 + nameCount], as: UTF8.self)
      let method = list.half(place + 10)
      guard method == 0 || method == 8, list.half(place + 8) & 1 == 0 else {
        throw TraceError(
          .invalid, path: path, at: name, "the array is encrypted or packed in a way other than NumPy's")
      }
      var sizes = [list.word(place + 24), list.word(place + 20), list.word(place + 42)]
      let extra = place + 46 + nameCount..<place + 46 + nameCount + extraCount
      guard list.widen(&sizes, from: extra) else { throw corrupt("the archive's list of members is damaged") }
      guard sizes[2] <= byteCount - 30, sizes[1] <= byteCount else {
        throw corrupt("the archive names a place beyond its end")
      }
      members.append(
        Member(
          name: name, isDeflated: method == 8, checksum: UInt32(list.word(place + 16)),
          storedByteCount: sizes[1],
          byteCount: sizes[0], offset: sizes[2]))
      place = next
    }
    self.members = members
  }
}

/// Little-endian numbers in some bytes.
struct ByteFields {
  let bytes: [UInt8]

  init(_ data: Data) { bytes = [UInt8](data) }

  func half(_ offset: Int) -> Int { number(offset, 2) }
  func word(_ offset: Int) -> Int { number(offset, 4) }
  /// What does not fit is beyond any file.
  func long(_ offset: Int) -> Int { number(offset + 4, 4) > Int32.max ? Int.max : number(offset, 8) }

  private func number(_ offset: Int, _ count: Int) -> Int {
    bytes[offset..<offset + count].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// Replaces those of three sizes that are full by their 64-bit forms; false when these are not there.
  fileprivate func widen(_ sizes: inout [Int], from extra: Range<Int>) -> Bool {
    guard sizes.contains(0xffff_ffff) else { return true }
    var place = extra.lowerBound
    while place + 4 <= extra.upperBound {
      let (id, count) = (half(place), half(place + 2))
      guard place + 4 + count <= extra.upperBound else { return false }
      if id == 1 {
        var value = place + 4
        for index in sizes.indices where sizes[index] == 0xffff_ffff {
          guard value + 8 <= place + 4 + count else { return false }
          sizes[index] = long(value)
          value += 8
        }
        return true
      }
      place += 4 + count
    }
    return false
  }
}
