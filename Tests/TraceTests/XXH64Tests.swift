import Testing
import Trace

@Suite struct XXH64Tests {
  // Published values of the reference implementation.
  @Test(
    arguments: [
      ("", 0xef46_db37_51d8_e999), ("a", 0xd24e_c4f1_a98c_6e5b), ("abc", 0x44bc_2cf5_ad77_0999),
    ] as [(String, UInt64)])
  func published(text: String, hash: UInt64) {
    #expect(Array(text.utf8).withUnsafeBytes { xxh64($0) } == hash)
  }

  // A zstd frame ends with the low half of its content's hash; the Fletcher sum is the last 4 bytes.
  @Test(arguments: [1, 3, 4, 5, 7, 8, 9, 12, 31, 32, 33, 63, 64, 77, 1000])
  func zstdSaysTheSame(count: Int) throws {
    let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 * $0 * 31 + 7) }
    let stored = try #require(
      content.withUnsafeBytes { BlockEncoder().encode($0, elementByteCount: 1, blockByteCount: count) })
    let sum = stored.dropLast(4).suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    #expect(UInt32(truncatingIfNeeded: content.withUnsafeBytes { xxh64($0) }) == sum)
  }

  @Test func piecesMakeTheSameHash() {
    let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 * $0 * 31 + 7) }
    bytes.withUnsafeBytes { bytes in
      for size in [1, 5, 31, 32, 33, 64, 100, 299, 300] {
        var hash = XXH64(seed: 3)
        for start in stride(from: 0, to: bytes.count, by: size) {
          hash.add(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + size, bytes.count)]))
        }
        #expect(hash.value == xxh64(bytes, seed: 3), "pieces of \(size)")
      }
    }
  }

  @Test func theSeedMatters() {
    let bytes = [UInt8](repeating: 7, count: 40)
    #expect(bytes.withUnsafeBytes { xxh64($0, seed: 1) } != bytes.withUnsafeBytes { xxh64($0) })
  }
}
