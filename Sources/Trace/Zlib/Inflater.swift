import CZlib

/// Unpacks one deflate stream piece by piece, and sums up what comes out.
final class Inflater {
  /// What a step came to.
  enum Outcome { case more, ended, damaged }

  // zlib keeps the address of its stream.
  private let stream: UnsafeMutablePointer<z_stream>
  private let isReady: Bool

  init() {
    stream = .allocate(capacity: 1)
    isReady = wct_inflate_start(stream) == Z_OK
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// Takes what it can from `input` and fills what it can of `output`.
  func step(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) -> (outcome: Outcome, consumed: Int, produced: Int) {
    guard isReady else { return (.damaged, 0, 0) }
    let (given, room) = (min(input.count, 1 << 30), min(output.count, 1 << 30))
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self))
    stream.pointee.avail_in = uInt(given)
    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
    stream.pointee.avail_out = uInt(room)
    let status = inflate(stream, Z_NO_FLUSH)
    let counts = (given - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
    switch status {
    case Z_STREAM_END: return (.ended, counts.0, counts.1)
    case Z_OK, Z_BUF_ERROR: return (.more, counts.0, counts.1)
    default: return (.damaged, counts.0, counts.1)
    }
  }
}

/// The checksum of zip archives, of the bytes so far and these.
func crc32(_ bytes: UnsafeRawBufferPointer, after sum: UInt32) -> UInt32 {
  var sum = UInt(sum)
  var rest = bytes[...]
  while !rest.isEmpty {
    let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
    sum = CZlib.crc32(sum, part.baseAddress?.assumingMemoryBound(to: Bytef.self), uInt(part.count))
    rest = rest.dropFirst(part.count)
  }
  return UInt32(truncatingIfNeeded: sum)
}
