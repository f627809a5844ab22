import TestSupport
import Trace

/// Traces changed with knowledge of the format: every checksum is right, and something is wrong.
struct CraftedTrace {
  let base: [UInt8]
  let map: HDF5Map

  func mutant(_ dice: inout Dice) -> [UInt8] {
    var bytes = base
    switch dice.below(20) {
    case 0..<11:
      for _ in 0..<dice.pick([1, 1, 1, 2]) { change(dice.pick(map.structures), in: &bytes, &dice) }
    case 11..<14: changeFrame(dice.pick(map.blocks), in: &bytes, &dice)
    case 14..<17: replace(dice.pick(map.blocks), in: &bytes, &dice)
    default:
      for _ in 0..<dice.pick([1, 1, 2]) { changeContents(dice.pick(map.blocks), in: &bytes, &dice) }
    }
    for structure in map.structures { HDF5Map.seal(structure, in: &bytes) }
    return bytes
  }

  // Fields that are too large, too small or those of something else.
  private func change(_ structure: HDF5Map.Structure, in bytes: inout [UInt8], _ dice: inout Dice) {
    let range = structure.range
    for _ in 0..<dice.pick([1, 1, 2, 3]) {
      let offset = range.lowerBound + dice.below(range.count - 4)
      let width = min(dice.pick([1, 2, 4, 8]), range.upperBound - offset)
      switch dice.below(8) {
      case 0: bytes[offset] = UInt8(dice.below(256))
      case 1: bytes[offset] ^= 1 << UInt8(dice.below(8))
      case 2..<5:
        let number = dice.interestingNumber(near: bytes.number(width, at: offset), fileByteCount: bytes.count)
        bytes.put(number, width, at: offset)
      case 5:
        // The address of something else, where addresses are kept as well as where they are not.
        let other = dice.pick(map.structures).range.lowerBound
        let addresses = range.dropLast(8).filter { place in
          map.structures.contains { bytes.number(8, at: place) == UInt64($0.range.lowerBound) }
        }
        bytes.put(UInt64(other), 8, at: addresses.isEmpty ? offset : dice.pick(Array(addresses)))
      case 6:
        let source = dice.pick(map.structures).range
        let count = min(1 + dice.below(32), source.count, range.upperBound - offset)
        let start = source.lowerBound + dice.below(source.count - count + 1)
        bytes.replaceSubrange(offset..<offset + count, with: base[start..<start + count])
      default:
        // All of another structure of the kind, as far as it fits.
        let source = dice.pick(map.structures.filter { $0.kind == structure.kind }).range
        let count = min(source.count, range.count)
        bytes.replaceSubrange(
          range.lowerBound..<range.lowerBound + count, with: base[source.prefix(count)])
      }
    }
  }

  // Bytes of a frame, with the Fletcher checksum made right.
  private func changeFrame(_ block: HDF5Map.Block, in bytes: inout [UInt8], _ dice: inout Dice) {
    let count = block.range.count - 4
    for _ in 0..<dice.pick([1, 1, 2, 4]) {
      // Half of the changes hit the frame's and first block's headers.
      let offset = block.range.lowerBound + dice.below(dice.below(2) == 0 ? min(count, 18) : count)
      bytes[offset] = UInt8(dice.below(256))
    }
    let sum = bytes[block.range.dropLast(4)].withUnsafeBytes { fletcher32($0) }
    bytes.put(UInt64(sum), 4, at: block.range.upperBound - 4)
  }

  // Another frame at the end of the file, or the old one under another size or filter mask.
  private func replace(_ block: HDF5Map.Block, in bytes: inout [UInt8], _ dice: inout Dice) {
    guard dice.below(4) > 0 else {
      if dice.below(3) == 0 {
        bytes.put(UInt64(1 + dice.below(7)), 4, at: block.mask)
      } else {
        let size = dice.interestingNumber(near: UInt64(block.range.count), fileByteCount: bytes.count)
        bytes.put(size, block.size.width, at: block.size.offset)
      }
      return
    }
    move(block, to: CraftedFrame.wrong(for: block.contentByteCount, &dice), in: &bytes)
  }

  // Numbers that contradict the rest, packed as a recorder would.
  private func changeContents(_ block: HDF5Map.Block, in bytes: inout [UInt8], _ dice: inout Dice) {
    let stored = Array(base[block.range])
    let count = block.contentByteCount
    var content = [UInt8](repeating: 0, count: count)
    let isDecoded = content.withUnsafeMutableBytes {
      BlockDecoder().decode(stored, elementByteCount: 1, blockByteCount: count, into: $0)
    }
    precondition(isDecoded, "the base's block at \(block.range) is sound")
    for _ in 0..<dice.pick([1, 1, 2, 4]) {
      content[dice.below(count)] = dice.pick([0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xf0, 0xff])
    }
    guard
      let packed = content.withUnsafeBytes({
        BlockEncoder().encode($0, elementByteCount: 1, blockByteCount: count)
      })
    else { return }
    move(block, to: Array(packed.dropLast(4)), in: &bytes)
  }

  private func move(_ block: HDF5Map.Block, to frame: [UInt8], in bytes: inout [UInt8]) {
    let sum = frame.withUnsafeBytes { fletcher32($0) }
    bytes.put(UInt64(bytes.count), 8, at: block.address)
    bytes.put(UInt64(frame.count + 4), block.size.width, at: block.size.offset)
    bytes += frame
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt32($0))) }
    bytes.put(UInt64(bytes.count), 8, at: 28)
  }
}
