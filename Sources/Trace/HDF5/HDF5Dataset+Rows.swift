// Whole columns and whole tensors: the rows of a dataset of rank 1 (numbers) or of one entry of a
// dataset of rank 3 (entries, rows, channels), cut into blocks of consecutive rows.
extension HDF5Dataset {
  /// Adds a column of `count` numbers.
  package init(
    creatingColumn name: String, in group: HDF5Group, element: HDF5Element, count: Int
  ) throws(TraceError) {
    let shape = BlockShape(
      rowCount: count, rowByteCount: element.byteCount, elementByteCount: element.byteCount)
    try self.init(
      creating: name, in: group, element: element, extent: [count], block: [shape.blockRowCount])
  }

  /// Adds space for `entries` tensors of one shape.
  package init(
    creatingTensors name: String, in group: HDF5Group, element: HDF5Element, entries: Int, rows: Int,
    channels: Int
  ) throws(TraceError) {
    let shape = BlockShape(
      rowCount: rows, rowByteCount: channels * element.byteCount, elementByteCount: element.byteCount)
    try self.init(
      creating: name, in: group, element: element, extent: [entries, rows, channels],
      block: [1, shape.blockRowCount, channels])
  }

  /// Opens a column that must hold `count` numbers.
  package init(
    openingColumn name: String, in group: HDF5Group, element: HDF5Element, count: Int?
  ) throws(TraceError) {
    try self.init(opening: name, in: group, elements: [element], rank: 1)
    if let count, extent != [count] {
      throw place.error("there must be \(count) entries, there are \(extent[0])")
    }
    try requireFormulaBlocks()
  }

  /// Throws unless this holds `entries` tensors of the given shape.
  package func requireTensors(entries: Int, rows: Int, channels: Int) throws(TraceError) {
    guard extent == [entries, rows, channels] else {
      throw place.error("the size must be \(entries) x \(rows) x \(channels), it is \(extent)")
    }
    try requireFormulaBlocks()
  }

  private func requireFormulaBlocks() throws(TraceError) {
    let rows = shape.blockRowCount
    let expected = extent.count == 1 ? [rows] : [1, rows, extent[2]]
    guard block == expected else { throw place.error("the blocks must be \(expected), they are \(block)") }
  }

  // What the rows' blocks must be.
  private var shape: BlockShape {
    BlockShape(
      rowCount: extent.count == 1 ? extent[0] : extent[1],
      rowByteCount: (extent.count == 1 ? 1 : extent[2]) * element.byteCount,
      elementByteCount: element.byteCount)
  }

  /// Bytes of one entry before filtering: the whole column, or one tensor.
  package var entryByteCount: Int { shape.byteCount }

  // The blocks of an entry: where each starts in the dataset, and its bytes within the entry.
  private func blocks(of entry: Int) -> [(offset: [Int], bytes: Range<Int>)] {
    let shape = shape
    return (0..<shape.count).map { index in
      let row = index * shape.blockRowCount
      return (extent.count == 1 ? [row] : [entry, row, 0], shape.byteRange(of: index))
    }
  }

  /// Writes a column, or the tensor at `entry`.
  package func write<Number: BitwiseCopyable>(
    _ numbers: [Number], at entry: Int = 0, with encoder: BlockEncoder
  ) throws(TraceError) {
    precondition(
      MemoryLayout<Number>.size == element.byteCount && numbers.count * element.byteCount == entryByteCount)
    for (offset, bytes) in blocks(of: entry) {
      let stored = numbers.withUnsafeBytes {
        encoder.encode(
          UnsafeRawBufferPointer(rebasing: $0[bytes]), elementByteCount: element.byteCount,
          blockByteCount: blockByteCount)
      }
      guard let stored else { throw place.error("the block at \(offset) cannot be compressed") }
      try writeBlock(at: offset, stored)
    }
  }

  /// Reads a column, or the tensor at `entry`, and checks every block of it.
  package func read<Number: BitwiseCopyable & ExpressibleByIntegerLiteral>(
    _ type: Number.Type = Number.self, at entry: Int = 0
  ) throws(TraceError) -> [Number] {
    precondition(MemoryLayout<Number>.size == element.byteCount)
    let decoder = BlockDecoder()
    let blocks = blocks(of: entry)
    // The first block is read before memory for all of them is taken: a damaged size ends here.
    var numbers: [Number] = []
    for (offset, bytes) in blocks {
      let stored = try readBlock(at: offset)
      if numbers.isEmpty { numbers = [Number](repeating: 0, count: entryByteCount / element.byteCount) }
      let isDecoded = numbers.withUnsafeMutableBytes {
        decoder.decode(
          stored, elementByteCount: element.byteCount, blockByteCount: blockByteCount,
          into: UnsafeMutableRawBufferPointer(rebasing: $0[bytes]))
      }
      guard isDecoded else { throw place.error("the block at \(offset) fails its checksum") }
    }
    return numbers
  }
}
