import Synchronization

/// Memory of a fixed size that is filled before it is read, by several workers each its own part.
final class ByteBuffer: Sendable {
  // The address as a number: pointers do not cross threads, and who may touch what is the workers' care.
  private let address: UInt
  private let byteCount: Int
  private let isOwner: Bool

  init(byteCount: Int) {
    address = UInt(bitPattern: UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64))
    self.byteCount = byteCount
    isOwner = true
  }

  /// Lends memory to workers, which must be done before it ends.
  init(lending bytes: UnsafeMutableRawBufferPointer) {
    address = UInt(bitPattern: bytes.baseAddress)
    byteCount = bytes.count
    isOwner = false
  }

  deinit {
    if isOwner { bytes.deallocate() }
  }

  var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: UnsafeMutableRawPointer(bitPattern: address), count: byteCount)
  }

  /// A part of it.
  subscript(range: Range<Int>) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: bytes[range])
  }
}

/// Buffers that are used again, because fresh memory is slow to touch; for any thread.
final class BufferPool: Sendable {
  private let free = Mutex([Int: [ByteBuffer]]())

  func take(_ byteCount: Int) -> ByteBuffer {
    free.withLock { $0[byteCount]?.popLast() } ?? ByteBuffer(byteCount: byteCount)
  }

  func put(_ buffer: ByteBuffer) {
    free.withLock { $0[buffer.bytes.count, default: []].append(buffer) }
  }
}
