import CZstd
import TestSupport
import Testing
import Trace

@Suite struct BlockCodecTests {
  @Test func fletcherByHand() {
    // Words 0x0102, then 0x03 as the high byte of a last word 0x0300.
    // low: 0x0102, 0x0402; high, the sum of the lows: 0x0102, 0x0504.
    #expect([1, 2, 3].withUnsafeBytesOfUInt8(fletcher32) == 0x0504_0402)
    // Two words 0xffff: low 0x1fffe folds to 0xffff; high 0xffff + 0x1fffe = 0x2fffd folds to 0xffff.
    #expect([255, 255, 255, 255].withUnsafeBytesOfUInt8(fletcher32) == 0xffff_ffff)
    #expect([].withUnsafeBytesOfUInt8(fletcher32) == 0)
  }

  @Test(arguments: [1, 14, 15, 16, 17, 719, 720, 721, 736, 5000])
  func fletcherByDefinition(count: Int) {
    // Ones complement sums, word by word; all bytes 255 come closest to overflowing.
    for bytes in [
      (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ $0 >> 3) },
      Array(repeating: 255, count: count),
    ] {
      var (low, high): (UInt64, UInt64) = (0, 0)
      for start in stride(from: 0, to: count, by: 2) {
        low += UInt64(bytes[start]) << 8 + (start + 1 < count ? UInt64(bytes[start + 1]) : 0)
        high += low
      }
      func fold(_ sum: UInt64) -> UInt32 { sum == 0 ? 0 : UInt32((sum - 1) % 65535 + 1) }
      #expect(bytes.withUnsafeBytesOfUInt8(fletcher32) == fold(high) << 16 | fold(low))
    }
  }

  @Test func shuffleByHand() {
    // Two 4-byte numbers 01 02 03 04 and 11 12 13 14: all first bytes, all second bytes, ...
    var planes = [UInt8](repeating: 0, count: 8)
    let numbers: [UInt8] = [0x01, 0x02, 0x03, 0x04, 0x11, 0x12, 0x13, 0x14]
    numbers.withUnsafeBytes { numbers in
      planes.withUnsafeMutableBytes { ByteShuffle.scatter(numbers, into: $0, elementByteCount: 4) }
    }
    #expect(planes == [0x01, 0x11, 0x02, 0x12, 0x03, 0x13, 0x04, 0x14])
    // One number in planes made for two: each plane keeps its second place free.
    planes = [UInt8](repeating: 0, count: 8)
    numbers.prefix(4).withUnsafeBytes { numbers in
      planes.withUnsafeMutableBytes { ByteShuffle.scatter(numbers, into: $0, elementByteCount: 4) }
    }
    #expect(planes == [0x01, 0, 0x02, 0, 0x03, 0, 0x04, 0])
  }

  @Test(arguments: [1, 2, 4, 8], [0, 1, 7, 16])
  func shuffleComesBack(elementByteCount: Int, missing: Int) {
    let numbers = (0..<(16 - missing) * elementByteCount).map { UInt8($0 * 37 % 256) }
    var planes = [UInt8](repeating: 0, count: 16 * elementByteCount)
    var back = [UInt8](repeating: 0, count: numbers.count)
    numbers.withUnsafeBytes { numbers in
      planes.withUnsafeMutableBytes {
        ByteShuffle.scatter(numbers, into: $0, elementByteCount: elementByteCount)
      }
    }
    planes.withUnsafeBytes { planes in
      back.withUnsafeMutableBytes { ByteShuffle.gather(planes, into: $0, elementByteCount: elementByteCount) }
    }
    #expect(back == numbers)
  }

  // Frames written by hand: magic number, descriptor, content size, one raw block, checksum.
  //
  // Descriptor 0x20: one segment, content size in one byte, no checksum; 0x24: with checksum; 0x25:
  // with a dictionary id of one byte. A raw last block of n bytes has the header 8n + 1.
  @Test(arguments: [
    // The checksum is missing.
    [0x28, 0xb5, 0x2f, 0xfd, 0x20, 4, 33, 0, 0, 1, 2, 3, 4],
    // The checksum is wrong.
    [0x28, 0xb5, 0x2f, 0xfd, 0x24, 4, 33, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9],
    // The content is shorter than the block.
    [0x28, 0xb5, 0x2f, 0xfd, 0x20, 2, 17, 0, 0, 1, 2],
    // A dictionary is asked for.
    [0x28, 0xb5, 0x2f, 0xfd, 0x25, 7, 4, 33, 0, 0, 1, 2, 3, 4, 9, 9, 9, 9],
    // A frame to skip.
    [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4],
    // Not zstd at all, and nothing.
    [1, 2, 3, 4, 5, 6, 7, 8], [],
  ])
  func framesThatTheEncoderWouldNotMake(frame: [UInt8]) {
    #expect(decode(frame + checksum(frame)) == nil)
  }

  @Test func onlyTheExactBlockIsAccepted() throws {
    let block: [UInt8] = [1, 2, 3, 4]
    let stored = try #require(
      block.withUnsafeBytes { BlockEncoder().encode($0, elementByteCount: 1, blockByteCount: 4) })
    #expect(decode(stored) == block)
    let frame = stored.dropLast(4)
    // A second frame behind the first, a cut frame and a wrong last checksum.
    #expect(decode(frame + frame + checksum(frame + frame)) == nil)
    #expect(decode(frame.dropLast() + checksum(Array(frame.dropLast()))) == nil)
    #expect(decode(frame + [0, 0, 0, 0]) == nil)
    // The same frame where a block of another size belongs.
    var target = [UInt8](repeating: 0, count: 8)
    let isDecoded = target.withUnsafeMutableBytes {
      BlockDecoder().decode(stored, elementByteCount: 1, blockByteCount: 8, into: $0)
    }
    #expect(!isDecoded)
  }

  // Dense numbers whose mantissas are noise, and whose top byte takes one of 8 values: Huffman codes of 3 bits for
  // that byte alone are the best there is.
  @Test func denseNumbersAreCodedByteByByte() throws {
    var generator = Dice(seed: 3)
    let numbers = (0..<65536).flatMap { _ -> [UInt8] in
      let bits = UInt32.random(in: 0...0xff_ffff, using: &generator)
      let top = UInt32.random(in: 0..<8, using: &generator) + 0x3b
      return [UInt8(bits & 0xff), UInt8(bits >> 8 & 0xff), UInt8(bits >> 16), UInt8(top)]
    }
    let stored = try #require(comesBack(numbers))
    #expect(Double(stored) < 1.01 * Double(numbers.count) * (3 + 3.0 / 8) / 4)
  }

  // The same with every fourth row of 64 numbers new and the others equal to it, and with three of four channels
  // padding: the repeats are found.
  @Test(arguments: [0, 1])
  func repeatsAreFound(kind: Int) throws {
    var generator = Dice(seed: 4)
    var numbers: [UInt8] = []
    for _ in 0..<256 {
      let row: [UInt8] = (0..<256).map { _ in .random(in: 0...255, using: &generator) }
      let others: [UInt8] = kind == 0 ? row : [UInt8](repeating: 0, count: row.count)
      numbers += row + others + others + others
    }
    let stored = try #require(comesBack(numbers))
    #expect(Double(stored) < 0.3 * Double(numbers.count))
  }

  // A block without a byte, one whose numbers all lie beyond the last, and a last block that is not full; with planes of
  // one byte to those that get codes of their own, 1024 bytes and more. What zstd itself unpacks is the planes, one after
  // the other.
  @Test(
    arguments: [1, 2, 4, 8],
    [(0, 0), (1, 0), (1, 1), (1023, 1000), (1024, 0), (1024, 1024), (5000, 4999), (70_001, 3)])
  func blocksOfEverySize(elementByteCount: Int, counts: (block: Int, numbers: Int)) throws {
    for isNoise in [true, false] {
      var dice = Dice(seed: UInt64(counts.block))
      let numbers = (0..<counts.numbers * elementByteCount).map { place -> UInt8 in
        // The top byte of each number takes few values; the rest is noise, or repeats itself.
        if place % elementByteCount == elementByteCount - 1 { return UInt8.random(in: 60..<64, using: &dice) }
        return isNoise ? .random(in: 0...255, using: &dice) : UInt8(place / elementByteCount % 7)
      }
      let byteCount = counts.block * elementByteCount
      let stored = try #require(
        comesBack(numbers, elementByteCount: elementByteCount, blockByteCount: byteCount))
      #expect(stored.count <= BlockCodec.largestStoredByteCount(of: byteCount))
      var planes = [UInt8](repeating: 0, count: byteCount)
      for (place, byte) in numbers.enumerated() {
        planes[place % elementByteCount * counts.block + place / elementByteCount] = byte
      }
      let frame = Array(stored.dropLast(4))
      var plain = [UInt8](repeating: 1, count: byteCount)
      #expect(ZSTD_decompress(&plain, byteCount, frame, frame.count) == byteCount)
      #expect(plain == planes)
      #expect(Array(stored.suffix(4)) == checksum(frame))
      // Any part of the block, as a reader of some rows takes it.
      for start in [0, 1, numbers.count / elementByteCount / 2]
      where start * elementByteCount <= numbers.count {
        let rest = Array(numbers[(start * elementByteCount)...])
        var part = [UInt8](repeating: 1, count: rest.count)
        let isDecoded = part.withUnsafeMutableBytes {
          BlockDecoder().decode(
            stored, elementByteCount: elementByteCount, blockByteCount: byteCount,
            from: start * elementByteCount, into: $0)
        }
        #expect(isDecoded && part == rest, "from \(start)")
      }
    }
  }

  // Each byte takes one of 16 values, other ones in each plane: 4 bits with a code for each plane, 5 or 7 with one for
  // all.
  @Test(arguments: [2, 8])
  func planesHaveCodesOfTheirOwn(elementByteCount: Int) throws {
    var dice = Dice(seed: 5)
    let numbers = (0..<8192 * elementByteCount).map {
      UInt8($0 % elementByteCount * 16) + UInt8.random(in: 0..<16, using: &dice)
    }
    let stored = try #require(
      comesBack(numbers, elementByteCount: elementByteCount, blockByteCount: numbers.count))
    #expect(Double(stored.count) < 1.05 * Double(numbers.count) / 2)
  }

  // Bytes of a block of 4-byte numbers when stored; nil unless it is read back exactly.
  private func comesBack(_ block: [UInt8]) -> Int? {
    comesBack(block, elementByteCount: 4, blockByteCount: block.count)?.count
  }

  // The stored form of a block that begins with these numbers; nil unless they are read back exactly.
  private func comesBack(_ numbers: [UInt8], elementByteCount: Int, blockByteCount: Int) -> [UInt8]? {
    let stored = numbers.withUnsafeBytes {
      BlockEncoder().encode($0, elementByteCount: elementByteCount, blockByteCount: blockByteCount)
    }
    guard let stored else { return nil }
    var back = [UInt8](repeating: 0, count: numbers.count)
    let isDecoded = back.withUnsafeMutableBytes {
      BlockDecoder().decode(
        stored, elementByteCount: elementByteCount, blockByteCount: blockByteCount, into: $0)
    }
    return isDecoded && back == numbers ? stored : nil
  }

  private func decode(_ stored: [UInt8]) -> [UInt8]? {
    var target = [UInt8](repeating: 0, count: 4)
    let isDecoded = target.withUnsafeMutableBytes {
      BlockDecoder().decode(stored, elementByteCount: 1, blockByteCount: 4, into: $0)
    }
    return isDecoded ? target : nil
  }

  private func checksum(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let sum = Array(bytes).withUnsafeBytesOfUInt8(fletcher32)
    return (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
  }
}

extension [UInt8] {
  fileprivate func withUnsafeBytesOfUInt8<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(body)
  }
}
