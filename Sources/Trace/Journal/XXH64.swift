/// The checksum of journals: xxHash's 64-bit hash, as zstd uses it in its frames.
///
/// Detects accidents, not forgers. One pass over the bytes.
package func xxh64(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
  var hash = XXH64(seed: seed)
  hash.add(bytes)
  return hash.value
}

/// The hash of bytes that come in pieces.
package struct XXH64: Sendable {
  private let seed: UInt64
  private var lanes: (UInt64, UInt64, UInt64, UInt64)
  private var byteCount = 0
  // Bytes that make no 32 yet.
  private var rest = SIMD32<UInt8>()
  private var restCount = 0

  package init(seed: UInt64 = 0) {
    self.seed = seed
    lanes = (seed &+ prime1 &+ prime2, seed &+ prime2, seed, seed &- prime1)
  }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    byteCount += bytes.count
    var bytes = bytes
    if restCount > 0 {
      keep(bytes.prefix(32 - restCount), &bytes)
      guard restCount == 32 else { return }
      lanes = withUnsafeBytes(of: rest) { Self.mixed(lanes, $0) }
      restCount = 0
    }
    lanes = Self.mixed(lanes, bytes)
    keep(bytes.suffix(bytes.count % 32), &bytes)
  }

  // Puts bytes with the rest; `bytes` becomes what follows them.
  private mutating func keep(_ part: Slice<UnsafeRawBufferPointer>, _ bytes: inout UnsafeRawBufferPointer) {
    for byte in part {
      rest[restCount] = byte
      restCount += 1
    }
    bytes = UnsafeRawBufferPointer(rebasing: bytes[part.endIndex...])
  }

  @inline(__always)
  private static func mixed(
    _ lanes: (UInt64, UInt64, UInt64, UInt64), _ bytes: UnsafeRawBufferPointer
  ) -> (UInt64, UInt64, UInt64, UInt64) {
    var lanes = lanes
    var offset = 0
    while offset + 32 <= bytes.count {
      lanes.0 = stirred(lanes.0, word(bytes, offset))
      lanes.1 = stirred(lanes.1, word(bytes, offset + 8))
      lanes.2 = stirred(lanes.2, word(bytes, offset + 16))
      lanes.3 = stirred(lanes.3, word(bytes, offset + 24))
      offset += 32
    }
    return lanes
  }

  package var value: UInt64 {
    var hash = seed &+ prime5
    if byteCount >= 32 {
      hash = turned(lanes.0, 1) &+ turned(lanes.1, 7) &+ turned(lanes.2, 12) &+ turned(lanes.3, 18)
      for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
        hash = (hash ^ stirred(0, lane)) &* prime1 &+ prime4
      }
    }
    hash &+= UInt64(byteCount)
    withUnsafeBytes(of: rest) { bytes in
      var offset = 0
      while offset + 8 <= restCount {
        hash = turned(hash ^ stirred(0, word(bytes, offset)), 27) &* prime1 &+ prime4
        offset += 8
      }
      if offset + 4 <= restCount {
        let half = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        hash = turned(hash ^ half &* prime1, 23) &* prime2 &+ prime3
        offset += 4
      }
      while offset < restCount {
        hash = turned(hash ^ UInt64(bytes[offset]) &* prime5, 11) &* prime1
        offset += 1
      }
    }
    hash = (hash ^ hash >> 33) &* prime2
    hash = (hash ^ hash >> 29) &* prime3
    return hash ^ hash >> 32
  }
}

private let prime1: UInt64 = 0x9e37_79b1_85eb_ca87
private let prime2: UInt64 = 0xc2b2_ae3d_27d4_eb4f
private let prime3: UInt64 = 0x1656_67b1_9e37_79f9
private let prime4: UInt64 = 0x85eb_ca77_c2b2_ae63
private let prime5: UInt64 = 0x27d4_eb2f_1656_67c5

@inline(__always)
private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
  UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
}

@inline(__always)
private func turned(_ value: UInt64, _ bits: UInt64) -> UInt64 { value &<< bits | value &>> (64 &- bits) }

@inline(__always)
private func stirred(_ lane: UInt64, _ word: UInt64) -> UInt64 {
  turned(lane &+ word &* prime2, 31) &* prime1
}
