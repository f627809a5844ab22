/// The checksum of HDF5's fletcher32 filter: two running sums over big-endian 16-bit words.
package func fletcher32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  var low: UInt32 = 0
  var high: UInt32 = 0
  let wordCount = bytes.count / 2
  var word = 0
  while word < wordCount {
    // 360 words are the most that cannot overflow before the sums are folded.
    let end = min(word + 360, wordCount)
    while word < end {
      low &+= UInt32(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2 * word, as: UInt16.self)))
      high &+= low
      word += 1
    }
    low = fold(low)
    high = fold(high)
  }
  if bytes.count % 2 == 1 {
    low &+= UInt32(bytes[bytes.count - 1]) << 8
    high = fold(high &+ low)
    low = fold(low)
  }
  return fold(high) << 16 | fold(low)
}

private func fold(_ sum: UInt32) -> UInt32 {
  (sum & 0xffff) &+ (sum >> 16)
}
