/// The checksum of HDF5's fletcher32 filter: two running sums over big-endian 16-bit words.
///
/// The first sum adds up the words, the second the first sums. Eight words go at a time, each place
/// with sums of its own that are joined before they can overflow.
package func fletcher32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  var low: UInt32 = 0
  var high: UInt32 = 0
  let wordCount = bytes.count / 2
  var word = 0
  // 360 words are the most that cannot overflow before the sums are folded: 45 times 8.
  while word + 8 <= wordCount {
    let rounds = min((wordCount - word) / 8, 45)
    // Sums of the words at even and odd places, and of those sums.
    var (even, odd) = (SIMD4<UInt32>.zero, SIMD4<UInt32>.zero)
    var (evens, odds) = (SIMD4<UInt32>.zero, SIMD4<UInt32>.zero)
    for round in 0..<rounds {
      let pair = bytes.loadUnaligned(fromByteOffset: 2 * word + 16 * round, as: SIMD4<UInt32>.self)
      even &+= (pair & 0xff) &<< 8 | (pair &>> 8) & 0xff
      odd &+= (pair &>> 8) & 0xff00 | pair &>> 24
      evens &+= even
      odds &+= odd
    }
    // A word at place p of its round is in one first sum per round after it, and in 8 - p of its own.
    let places = SIMD4<UInt32>(0, 2, 4, 6)
    let sums = (evens &+ odds) &* 8 &- even &* places &- odd &* (places &+ 1)
    high = fold(high &+ low &* UInt32(8 * rounds) &+ sums.wrappedSum())
    low = fold(low &+ (even &+ odd).wrappedSum())
    word += 8 * rounds
  }
  while word < wordCount {
    low &+= UInt32(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2 * word, as: UInt16.self)))
    high &+= low
    word += 1
  }
  low = fold(low)
  high = fold(high)
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
