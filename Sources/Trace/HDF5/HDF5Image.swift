import CHDF5

/// An HDF5 file made around bytes that lie in a file already, such as a journal's blocks.
///
/// The library keeps what it adds in memory, blocks may be given the place that they have, and no file is
/// touched. Once the ``HDF5File`` made with it is closed, the image says what has to be written where.
/// Memory: what the library adds, which for each placed block is under 20 bytes. For one thread.
final class HDF5Image {
  /// Bytes at the front of the file that must be free for the superblock, which makes it an HDF5 file.
  static let superblockByteCount = Int(WCT_SUPERBLOCK_BYTES)

  /// Bytes that lie in the file already, the superblock's place included.
  let byteCount: Int
  let state: UnsafeMutablePointer<wct_image>

  init(around byteCount: Int) {
    self.byteCount = byteCount
    state = .allocate(capacity: 1)
    state.initialize(to: wct_image())
    state.pointee.start = haddr_t(byteCount)
  }

  deinit {
    free(state.pointee.tail)
    state.deallocate()
  }

  /// What belongs at the front, last of all.
  var superblock: [UInt8] { withUnsafeBytes(of: state.pointee.superblock) { Array($0) } }

  /// What belongs behind the bytes that are there, up to the end of the file.
  var tail: UnsafeRawBufferPointer {
    let count = Int(state.pointee.end) - byteCount
    return UnsafeRawBufferPointer(
      start: wct_image_memory(state, state.pointee.start, count), count: count)
  }

  // The library's number for images; call under the lock.
  static let driver = wct_register_image_driver()
}

extension HDF5File {
  /// Starts a file in memory around the bytes of another; errors name `path`.
  init(creating image: HDF5Image, path: String) throws(TraceError) {
    let state = image.state
    try self.init(creating: path) { wct_use_image($0, HDF5Image.driver, state) >= 0 }
  }
}

extension HDF5Dataset {
  /// Takes bytes that lie in the file for the filtered block whose first element is at `offset`.
  func placeBlock(at offset: [Int], _ bytes: Range<Int>, of image: HDF5Image) throws(TraceError) {
    let state = image.state
    let isPlaced = HDF5.locked {
      state.pointee.block = haddr_t(bytes.lowerBound)
      state.pointee.block_bytes = bytes.count
      // The library hands the driver a pointer that nobody reads from.
      return storeChunk(at: offset, bytes.count, UnsafeRawPointer(state)) && state.pointee.block_bytes == 0
    }
    guard isPlaced else { throw place.error("the HDF5 library does not accept a block where it lies") }
  }
}
