import CZstd
import Synchronization

/// The stored form of a block: shuffled bytes in one zstd frame, then their Fletcher checksum.
///
/// The frame states its content size and carries its own checksum. Both checksums are needed: the
/// frame's is the stronger one, and the last four bytes are the only one that other HDF5 programs
/// are sure to look at.
package enum BlockCodec {
  /// The compression level where repeats are searched; higher ones gain nothing on shuffled floats.
  package static let level = 1
  /// No block may be larger than this before filtering.
  package static let largestBlockByteCount = 64 << 20
  static let checksumByteCount = 4

  /// The most bytes that a block of `blockByteCount` can take when stored.
  package static func largestStoredByteCount(of blockByteCount: Int) -> Int {
    // Each plane may end a block of zstd's early, which takes another head of 3 bytes.
    ZSTD_compressBound(blockByteCount) + 8 * 3 + checksumByteCount
  }
}

/// Packs blocks; keeps its working memory between them.
///
/// Each plane of bytes gets zstd blocks, and so Huffman codes, of its own: mantissas are noise, and exponents are
/// not. zstd's search for repeated bytes finds nothing in dense features, costs most of the time, and its accidental
/// matches among exponents make them larger than Huffman codes alone do. So each block is first tried for repeats,
/// in the plane of its lowest bytes, and searched only where there are some: padding, equal tokens, numbers with
/// fewer bits than their type.
package final class BlockEncoder: Sendable {
  // zstd's context and memory for shuffled bytes.
  private let state: Mutex<(context: OpaquePointer?, scratch: ByteBuffer)>

  package init() {
    let context = ZSTD_createCCtx()
    _ = ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
    state = Mutex((context, ByteBuffer(byteCount: 0)))
  }

  deinit {
    state.withLock { _ = ZSTD_freeCCtx($0.context) }
  }

  /// Puts the stored form of a block, whose rest beyond `source` is zero, at the start of `target`.
  ///
  /// `target` must hold ``BlockCodec/largestStoredByteCount(of:)``. Returns the bytes used; nil when
  /// memory runs out.
  func encode(
    _ source: UnsafeRawBufferPointer, elementByteCount: Int, blockByteCount: Int,
    into target: UnsafeMutableRawBufferPointer
  ) -> Int? {
    state.withLock { state in
      guard let context = state.context else { return nil }
      if state.scratch.bytes.count != blockByteCount { state.scratch = ByteBuffer(byteCount: blockByteCount) }
      return Self.encode(source, elementByteCount, state.scratch.bytes, into: target, context)
    }
  }

  private static func encode(
    _ source: UnsafeRawBufferPointer, _ elementByteCount: Int, _ shuffled: UnsafeMutableRawBufferPointer,
    into target: UnsafeMutableRawBufferPointer, _ context: OpaquePointer
  ) -> Int? {
    if source.count < shuffled.count { shuffled.initializeMemory(as: UInt8.self, repeating: 0) }
    ByteShuffle.scatter(source, into: shuffled, elementByteCount: elementByteCount)
    let frame = UnsafeMutableRawBufferPointer(rebasing: target.dropLast(BlockCodec.checksumByteCount))
    let planes = UnsafeRawBufferPointer(shuffled)
    let lowest = UnsafeRawBufferPointer(rebasing: planes[..<(source.count / elementByteCount)])
    let search: Search = repeats(lowest, frame, context) ? .thorough : .none
    let planeCount = planes.count / elementByteCount < worthACode ? 1 : elementByteCount
    guard let size = search.compress(planes, planeCount: planeCount, into: frame, context) else { return nil }
    let sum = fletcher32(UnsafeRawBufferPointer(rebasing: target[..<size]))
    target.storeBytes(of: sum.littleEndian, toByteOffset: size, as: UInt32.self)
    return size + BlockCodec.checksumByteCount
  }

  // Bytes of a plane that may repay a Huffman code of its own.
  private static let worthACode = 1024

  // Whether repeated bytes alone shorten a plane by a 32nd.
  private static func repeats(
    _ plane: UnsafeRawBufferPointer, _ room: UnsafeMutableRawBufferPointer, _ context: OpaquePointer
  ) -> Bool {
    guard let size = Search.alone.compress(plane, planeCount: 1, into: room, context) else { return true }
    return size < plane.count - plane.count / 32
  }

  // How zstd is asked to work.
  private enum Search {
    // For repeats, with Huffman coding of the rest; without that; for next to none, with it.
    case thorough, alone, none

    // One frame; nil when memory runs out.
    func compress(
      _ source: UnsafeRawBufferPointer, planeCount: Int, into target: UnsafeMutableRawBufferPointer,
      _ context: OpaquePointer
    ) -> Int? {
      // A level below zero is a distance to leave out after each place without a repeat.
      let level = self == .none ? -1000 : BlockCodec.level
      let literals: Int32 =
        switch self {
        case .thorough: 0
        case .none: 1
        case .alone: 2
        }
      ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
      _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
      _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, self == .alone ? 0 : 1)
      _ = ZSTD_CCtx_setParameter(context, WCTRACE_literalCompressionMode, literals)
      _ = ZSTD_CCtx_setPledgedSrcSize(context, UInt64(source.count))
      var input = ZSTD_inBuffer(src: source.baseAddress, size: 0, pos: 0)
      var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
      for plane in 1...planeCount {
        input.size = source.count * plane / planeCount
        let directive = plane == planeCount ? ZSTD_e_end : ZSTD_e_flush
        var rest = 0
        repeat {
          rest = ZSTD_compressStream2(context, &output, &input, directive)
          guard ZSTD_isError(rest) == 0, output.pos < output.size else { return nil }
        } while rest > 0
      }
      return output.pos
    }
  }

  /// The stored form of the leading bytes of a block whose rest is zero; nil when memory runs out.
  package func encode(
    _ source: UnsafeRawBufferPointer, elementByteCount: Int, blockByteCount: Int
  ) -> [UInt8]? {
    let capacity = BlockCodec.largestStoredByteCount(of: blockByteCount)
    let stored = [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
      count =
        encode(
          source, elementByteCount: elementByteCount, blockByteCount: blockByteCount,
          into: UnsafeMutableRawBufferPointer(start: target.baseAddress, count: capacity)) ?? 0
    }
    return stored.isEmpty ? nil : stored
  }
}

/// Unpacks blocks and accepts nothing but what the encoder could have made.
package final class BlockDecoder: Sendable {
  // zstd's context and memory for shuffled bytes.
  private let state: Mutex<(context: OpaquePointer?, scratch: ByteBuffer)>

  package init() {
    state = Mutex((ZSTD_createDCtx(), ByteBuffer(byteCount: 0)))
  }

  deinit {
    state.withLock { _ = ZSTD_freeDCtx($0.context) }
  }

  /// Writes the bytes of a block from `start` on into `target`; false when any check fails.
  package func decode(
    _ stored: [UInt8], elementByteCount: Int, blockByteCount: Int, from start: Int = 0,
    into target: UnsafeMutableRawBufferPointer
  ) -> Bool {
    state.withLock { state in
      guard let context = state.context else { return false }
      if state.scratch.bytes.count != blockByteCount { state.scratch = ByteBuffer(byteCount: blockByteCount) }
      guard Self.unpack(stored, into: state.scratch.bytes, context) else { return false }
      ByteShuffle.gather(
        UnsafeRawBufferPointer(state.scratch.bytes), from: start, into: target,
        elementByteCount: elementByteCount)
      return true
    }
  }

  // False when any check fails.
  private static func unpack(
    _ stored: [UInt8], into shuffled: UnsafeMutableRawBufferPointer, _ context: OpaquePointer
  ) -> Bool {
    stored.withUnsafeBytes { stored in
      let size = stored.count - BlockCodec.checksumByteCount
      guard size >= 6 else { return false }
      let frame = UnsafeRawBufferPointer(rebasing: stored[..<size])
      let sum = UInt32(littleEndian: stored.loadUnaligned(fromByteOffset: size, as: UInt32.self))
      guard fletcher32(frame) == sum,
        // Bit 2 of the byte after the magic number says that the frame ends with a checksum.
        frame[4] & 0b100 != 0,
        ZSTD_findFrameCompressedSize(frame.baseAddress, size) == size,
        ZSTD_getFrameContentSize(frame.baseAddress, size) == UInt64(shuffled.count),
        ZSTD_getDictID_fromFrame(frame.baseAddress, size) == 0
      else { return false }
      return ZSTD_decompressDCtx(
        context, shuffled.baseAddress, shuffled.count, frame.baseAddress, size) == shuffled.count
    }
  }
}
