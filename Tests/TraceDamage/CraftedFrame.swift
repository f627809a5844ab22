import TestSupport
import Trace

/// A zstd frame made by hand, right or wrong in one respect, with raw or repeated blocks.
struct CraftedFrame {
  var content: [UInt8]
  /// What the header claims; nil leaves it out.
  var claimedByteCount: UInt64?
  var hasChecksum = true
  var dictionary: UInt8?
  /// Set when the frame is not of a single segment.
  var window: UInt8?
  var isRepeated = false
  var blockType: UInt64 = 0

  init(_ content: [UInt8]) {
    self.content = content
    claimedByteCount = UInt64(content.count)
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]
    let isSingle = window == nil && claimedByteCount != nil
    bytes.append(
      (claimedByteCount == nil ? 0 : 0xc0) | (isSingle ? 0x20 : 0) | (hasChecksum ? 4 : 0)
        | (dictionary == nil ? 0 : 1))
    if !isSingle { bytes.append(window ?? 0x58) }
    if let dictionary { bytes.append(dictionary) }
    if let claimedByteCount { bytes.append(claimedByteCount, width: 8) }
    let most = 1 << 17
    var offset = 0
    repeat {
      let count = min(most, content.count - offset)
      let isLast: UInt64 = offset + count == content.count ? 1 : 0
      bytes.append(UInt64(count) << 3 | (isRepeated ? 1 : blockType) << 1 | isLast, width: 3)
      if isRepeated { bytes.append(content.first ?? 0) } else { bytes += content[offset..<offset + count] }
      offset += count
    } while offset < content.count
    if hasChecksum { bytes.append(content.withUnsafeBytes { xxh64($0) }, width: 4) }
    return bytes
  }

  /// A frame that goes wrong in one of many ways, for a block of `byteCount` bytes.
  static func wrong(for byteCount: Int, _ dice: inout Dice) -> [UInt8] {
    let byte = dice.pick([UInt8(0), 1, 2, 4, 0x7f, 0x80, 0xff])
    func frame(_ count: Int) -> CraftedFrame { CraftedFrame([UInt8](repeating: byte, count: count)) }
    var frame = frame(byteCount)
    switch dice.below(14) {
    case 0: frame.claimedByteCount = dice.interestingNumber(near: UInt64(byteCount), fileByteCount: byteCount)
    case 1: frame.claimedByteCount = nil
    case 2: frame.hasChecksum = false
    case 3: frame.dictionary = UInt8(dice.below(256))
    case 4: frame.window = dice.pick([0, 0x50, 0x58, 0xa0, 0xf8, 0xff])
    case 5: frame = CraftedFrame([UInt8](repeating: byte, count: byteCount + 1))
    case 6: frame = CraftedFrame([UInt8](repeating: byte, count: max(0, byteCount - 1)))
    case 7:
      // A few bytes that unpack to 64 MiB, and say so or not.
      frame = CraftedFrame([UInt8](repeating: byte, count: 64 << 20))
      frame.isRepeated = true
      if dice.below(2) == 0 { frame.claimedByteCount = UInt64(byteCount) }
    case 8: frame.blockType = 3
    case 9: frame.blockType = 2
    case 10: return [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4] + frame.bytes
    case 11: return frame.bytes + frame.bytes
    case 12: return frame.bytes + [0]
    default: return Array(frame.bytes.dropLast(1 + dice.below(8)))
    }
    return frame.bytes
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ number: UInt64, width: Int) {
    for byte in 0..<width { append(UInt8(truncatingIfNeeded: number >> UInt64(8 * byte))) }
  }
}
