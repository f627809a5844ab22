import Trace

/// Where in an HDF5 file of the 1.10 format what lies: checksummed structures and stored blocks.
struct HDF5Map {
  /// A piece of metadata and where its checksum is.
  struct Structure {
    var kind: String
    var range: Range<Int>
    var checksum: Int
  }

  /// A zstd frame with the Fletcher checksum behind it.
  struct Block {
    /// Frame and checksum.
    var range: Range<Int>
    /// Bytes that the frame says it holds.
    var contentByteCount: Int
    /// Where the metadata keeps address, stored size (with its width) and filter mask.
    var address: Int
    var size: (offset: Int, width: Int)
    var mask: Int
  }

  private(set) var structures: [Structure] = []
  private(set) var blocks: [Block] = []

  private static let kinds = Dictionary(
    grouping: ["OHDR", "OCHK", "FRHP", "FHDB", "FHIB", "BTHD", "BTLF", "BTIN", "FAHD", "FADB"]
  ) { $0.utf8.first ?? 0 }
  private static let longest = 8192

  init(_ bytes: [UInt8]) {
    structures = [Structure(kind: "superblock", range: 0..<48, checksum: 44)]
    var ranges: [(Range<Int>, Int)] = []
    var offset = 48
    while offset + 8 <= bytes.count {
      if let kind = Self.kinds[bytes[offset]]?.first(where: { bytes.starts(Array($0.utf8), at: offset) }),
        let structure = Self.structure(kind, bytes, at: offset)
      {
        structures.append(structure)
        offset = structure.range.upperBound
      } else if let (end, content) = Self.frame(bytes, at: offset), end + 4 <= bytes.count {
        ranges.append((offset..<end + 4, content))
        offset = end + 4
      } else {
        offset += 1
      }
    }
    for (range, content) in ranges {
      if let block = block(range, content, bytes) { blocks.append(block) }
    }
  }

  /// What is no data: every byte outside of the stored blocks.
  func metadataOffsets(_ byteCount: Int) -> [Int] {
    let starts = [0] + blocks.map(\.range.upperBound)
    let ends = blocks.map(\.range.lowerBound) + [byteCount]
    return zip(starts, ends).flatMap { $0..<$1 }
  }

  /// Makes the checksum of a structure right again.
  static func seal(_ structure: Structure, in bytes: inout [UInt8]) {
    bytes.put(UInt64(sum(structure.range, structure.checksum, bytes)), 4, at: structure.checksum)
  }

  private static func sum(_ range: Range<Int>, _ checksum: Int, _ bytes: [UInt8]) -> UInt32 {
    if checksum + 4 == range.upperBound {
      return bytes.withUnsafeBufferPointer {
        lookup3(UnsafeBufferPointer(rebasing: $0[range.lowerBound..<checksum]))
      }
    }
    var copy = Array(bytes[range])
    copy.put(0, 4, at: checksum - range.lowerBound)
    return copy.withUnsafeBufferPointer(lookup3)
  }

  // Sizes are found by the checksum that fits, but for headers and heap blocks, which say theirs.
  private static func structure(_ kind: String, _ bytes: [UInt8], at start: Int) -> Structure? {
    func fits(_ end: Int, _ checksum: Int) -> Structure? {
      guard end <= bytes.count, checksum + 4 <= end else { return nil }
      let structure = Structure(kind: kind, range: start..<end, checksum: checksum)
      return bytes.number(4, at: checksum) == UInt64(sum(structure.range, checksum, bytes)) ? structure : nil
    }
    if kind == "FHDB" {
      // The block's offset in the heap takes 4 or 5 bytes before the checksum.
      for power in 9...16 {
        for width in [4, 5] { if let found = fits(start + 1 << power, start + 13 + width) { return found } }
      }
      return nil
    }
    for end in start + 8...min(bytes.count, start + longest) {
      if let found = fits(end, end - 4) { return found }
    }
    return nil
  }

  // The end of a sound zstd frame and the size of its content.
  private static func frame(_ bytes: [UInt8], at start: Int) -> (end: Int, contentByteCount: Int)? {
    guard bytes.starts([0x28, 0xb5, 0x2f, 0xfd], at: start), start + 16 < bytes.count else { return nil }
    let descriptor = bytes[start + 4]
    let isSingle = descriptor & 0x20 != 0
    let widths = [isSingle ? 1 : 0, 2, 4, 8]
    let width = widths[Int(descriptor >> 6)]
    var offset = start + 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][Int(descriptor & 3)]
    guard offset + width + 3 <= bytes.count else { return nil }
    let content = Int(bytes.number(width, at: offset)) + (width == 2 ? 256 : 0)
    offset += width
    var isLast = false
    while !isLast {
      guard offset + 3 <= bytes.count else { return nil }
      let head = bytes.number(3, at: offset)
      isLast = head & 1 == 1
      offset += 3 + (head >> 1 & 3 == 1 ? 1 : Int(head >> 3))
    }
    return (offset + 4, content)
  }

  private func block(_ range: Range<Int>, _ content: Int, _ bytes: [UInt8]) -> Block? {
    for structure in structures where structure.kind == "OHDR" || structure.kind == "FADB" {
      for offset in structure.range.dropLast(12) where bytes.number(8, at: offset) == UInt64(range.lowerBound)
      {
        if structure.kind == "OHDR", bytes.number(8, at: offset - 12) == UInt64(range.count) {
          return Block(
            range: range, contentByteCount: content, address: offset, size: (offset - 12, 8), mask: offset - 4
          )
        }
        for width in 1...4
        where structure.kind == "FADB" && bytes.number(width, at: offset + 8) == UInt64(range.count)
          && bytes.number(4, at: offset + 8 + width) == 0
        {
          return Block(
            range: range, contentByteCount: content, address: offset, size: (offset + 8, width),
            mask: offset + 8 + width)
        }
      }
    }
    return nil
  }
}
