/// Bob Jenkins' lookup3, with which HDF5 guards its metadata (`hashlittle` with initial value 0).
func lookup3(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
  func word(_ offset: Int) -> UInt32 {
    if offset + 4 <= bytes.count {
      return UInt32(
        littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    var word: UInt32 = 0
    for byte in 0..<min(4, max(0, bytes.count - offset)) {
      word |= UInt32(bytes[offset + byte]) << UInt32(8 * byte)
    }
    return word
  }
  func turned(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
  var (a, b, c) = (0xdead_beef &+ UInt32(bytes.count), UInt32(0), UInt32(0))
  (b, c) = (a, a)
  guard !bytes.isEmpty else { return c }
  var offset = 0
  while bytes.count - offset > 12 {
    a &+= word(offset)
    b &+= word(offset + 4)
    c &+= word(offset + 8)
    a = (a &- c) ^ turned(c, 4)
    c &+= b
    b = (b &- a) ^ turned(a, 6)
    a &+= c
    c = (c &- b) ^ turned(b, 8)
    b &+= a
    a = (a &- c) ^ turned(c, 16)
    c &+= b
    b = (b &- a) ^ turned(a, 19)
    a &+= c
    c = (c &- b) ^ turned(b, 4)
    b &+= a
    offset += 12
  }
  a &+= word(offset)
  b &+= word(offset + 4)
  c &+= word(offset + 8)
  c = (c ^ b) &- turned(b, 14)
  a = (a ^ c) &- turned(c, 11)
  b = (b ^ a) &- turned(a, 25)
  c = (c ^ b) &- turned(b, 16)
  a = (a ^ c) &- turned(c, 4)
  b = (b ^ a) &- turned(a, 14)
  c = (c ^ b) &- turned(b, 24)
  return c
}
