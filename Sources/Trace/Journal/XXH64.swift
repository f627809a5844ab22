/// The checksum of journals: xxHash's 64-bit hash, as zstd uses it in its frames.
///
/// Detects accidents, not forgers. One pass over the bytes.
package func xxh64(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
  var offset = 0
  var hash: UInt64
  if bytes.count >= 32 {
    var lanes = (seed &+ prime1 &+ prime2, seed &+ prime2, seed, seed &- prime1)
    while offset + 32 <= bytes.count {
      lanes.0 = mixed(lanes.0, word(bytes, offset))
      lanes.1 = mixed(lanes.1, word(bytes, offset + 8))
      lanes.2 = mixed(lanes.2, word(bytes, offset + 16))
      lanes.3 = mixed(lanes.3, word(bytes, offset + 24))
      offset += 32
    }
    hash = turned(lanes.0, 1) &+ turned(lanes.1, 7) &+ turned(lanes.2, 12) &+ turned(lanes.3, 18)
    for lane in [lanes.0, lanes.1, lanes.2, lanes.3] { hash = (hash ^ mixed(0, lane)) &* prime1 &+ prime4 }
  } else {
    hash = seed &+ prime5
  }
  hash &+= UInt64(bytes.count)
  while offset + 8 <= bytes.count {
    hash = turned(hash ^ mixed(0, word(bytes, offset)), 27) &* prime1 &+ prime4
    offset += 8
  }
  if offset + 4 <= bytes.count {
    let half = UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    hash = turned(hash ^ half &* prime1, 23) &* prime2 &+ prime3
    offset += 4
  }
  while offset < bytes.count {
    hash = turned(hash ^ UInt64(bytes[offset]) &* prime5, 11) &* prime1
    offset += 1
  }
  hash = (hash ^ hash >> 33) &* prime2
  hash = (hash ^ hash >> 29) &* prime3
  return hash ^ hash >> 32
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
private func mixed(_ lane: UInt64, _ word: UInt64) -> UInt64 {
  turned(lane &+ word &* prime2, 31) &* prime1
}
