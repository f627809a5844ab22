import CZstd

/// The stored form of a block: shuffled bytes in one zstd frame, then their Fletcher checksum.
///
/// The frame states its content size and carries its own checksum. Both checksums are needed: the
/// frame's is the stronger one, and the last four bytes are the only one that other HDF5 programs
/// are sure to look at.
package enum BlockCodec {
  /// The compression level; higher ones gain nothing on shuffled floats.
  package static let level = 1
  /// No block may be larger than this before filtering.
  package static let largestBlockByteCount = 64 << 20
  static let checksumByteCount = 4

  /// The most bytes that a block of `blockByteCount` can take when stored.
  package static func largestStoredByteCount(of blockByteCount: Int) -> Int {
    ZSTD_compressBound(blockByteCount) + checksumByteCount
  }
}

/// Packs blocks; keeps its working memory between them.
package final class BlockEncoder {
  private let context: OpaquePointer?
  private var shuffled: [UInt8] = []

  package init() {
    context = ZSTD_createCCtx()
    _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(BlockCodec.level))
    _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    _ = ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
  }

  deinit {
    ZSTD_freeCCtx(context)
  }

  /// The stored form of the leading bytes of a block whose rest is zero; nil when memory runs out.
  package func encode(
    _ source: UnsafeRawBufferPointer, elementByteCount: Int, blockByteCount: Int
  ) -> [UInt8]? {
    guard let context else { return nil }
    if shuffled.count != blockByteCount || source.count < blockByteCount {
      shuffled = [UInt8](repeating: 0, count: blockByteCount)
    }
    shuffled.withUnsafeMutableBytes {
      ByteShuffle.scatter(source, into: $0, elementByteCount: elementByteCount)
    }
    let capacity = BlockCodec.largestStoredByteCount(of: blockByteCount)
    let stored = [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
      let size = ZSTD_compress2(context, target.baseAddress, capacity, shuffled, shuffled.count)
      guard ZSTD_isError(size) == 0, size + BlockCodec.checksumByteCount <= capacity else { return }
      let sum = fletcher32(UnsafeRawBufferPointer(start: target.baseAddress, count: size))
      for index in 0..<BlockCodec.checksumByteCount {
        target[size + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index)))
      }
      count = size + BlockCodec.checksumByteCount
    }
    return stored.isEmpty ? nil : stored
  }
}

/// Unpacks blocks and accepts nothing but what the encoder could have made.
package final class BlockDecoder {
  private let context: OpaquePointer?
  private var shuffled: [UInt8] = []

  package init() {
    context = ZSTD_createDCtx()
  }

  deinit {
    ZSTD_freeDCtx(context)
  }

  /// Writes the leading bytes of a block into `target`; false when any check fails.
  package func decode(
    _ stored: [UInt8], elementByteCount: Int, blockByteCount: Int, into target: UnsafeMutableRawBufferPointer
  ) -> Bool {
    guard let context else { return false }
    if shuffled.count != blockByteCount { shuffled = [UInt8](repeating: 0, count: blockByteCount) }
    let isSound = stored.withUnsafeBytes { stored in
      let size = stored.count - BlockCodec.checksumByteCount
      guard size >= 6 else { return false }
      let frame = UnsafeRawBufferPointer(rebasing: stored[..<size])
      let sum = UInt32(littleEndian: stored.loadUnaligned(fromByteOffset: size, as: UInt32.self))
      guard fletcher32(frame) == sum,
        // Bit 2 of the byte after the magic number says that the frame ends with a checksum.
        frame[4] & 0b100 != 0,
        ZSTD_findFrameCompressedSize(frame.baseAddress, size) == size,
        ZSTD_getFrameContentSize(frame.baseAddress, size) == UInt64(blockByteCount),
        ZSTD_getDictID_fromFrame(frame.baseAddress, size) == 0
      else { return false }
      let decoded = shuffled.withUnsafeMutableBytes {
        ZSTD_decompressDCtx(context, $0.baseAddress, blockByteCount, frame.baseAddress, size)
      }
      return decoded == blockByteCount
    }
    guard isSound else { return false }
    shuffled.withUnsafeBytes { ByteShuffle.gather($0, into: target, elementByteCount: elementByteCount) }
    return true
  }
}
