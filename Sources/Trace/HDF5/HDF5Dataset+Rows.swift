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
    openingColumn name: String, in group: HDF5Group, element: HDF5Element, count: Int?,
    limit: Int = TraceFormat.largestCount
  ) throws(TraceError) {
    try self.init(opening: name, in: group, elements: [element], rank: 1, limit: limit)
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

  /// A part of one block: some of the rows of an entry.
  package struct Piece: Sendable {
    package var entry: Int
    /// Place of the block in its entry.
    package var block: Int
    /// Where the part begins in the block.
    var start: Int
    /// The part as bytes of all rows that were asked for.
    package var bytes: Range<Int>

    /// The part as bytes of the block.
    var part: Range<Int> { start..<start + bytes.count }
  }

  /// The blocks that hold some rows of an entry; of all rows when none are named.
  package func pieces(of entry: Int, rows: Range<Int>? = nil) -> [Piece] {
    let shape = shape
    let rows = rows ?? 0..<shape.rowCount
    guard !rows.isEmpty else { return [] }
    let blocks = rows.lowerBound / shape.blockRowCount...(rows.upperBound - 1) / shape.blockRowCount
    return blocks.map { block in
      let first = block * shape.blockRowCount
      let part = rows.clamped(to: first..<first + shape.blockRowCount)
      let bytes = (part.lowerBound - rows.lowerBound)..<(part.upperBound - rows.lowerBound)
      return Piece(
        entry: entry, block: block, start: (part.lowerBound - first) * shape.rowByteCount,
        bytes: bytes.lowerBound * shape.rowByteCount..<bytes.upperBound * shape.rowByteCount)
    }
  }

  /// Where a block of an entry starts in the dataset.
  package func offset(of entry: Int, block index: Int) -> [Int] {
    let row = index * shape.blockRowCount
    return extent.count == 1 ? [row] : [entry, row, 0]
  }

  /// Reads and checks a part of a block; `target` has as many bytes as the part.
  package func read(
    _ piece: Piece, with decoder: BlockDecoder, into target: UnsafeMutableRawBufferPointer
  ) throws(TraceError) {
    let offset = offset(of: piece.entry, block: piece.block)
    let isDecoded = decoder.decode(
      try readBlock(at: offset), elementByteCount: element.byteCount, blockByteCount: blockByteCount,
      from: piece.start, into: target)
    guard isDecoded else { throw place.error("the block at \(offset) fails its checksum") }
  }

  /// Writes a column, or the tensor at `entry`.
  package func write<Number: BitwiseCopyable>(
    _ numbers: [Number], at entry: Int = 0, with encoder: BlockEncoder
  ) throws(TraceError) {
    precondition(
      MemoryLayout<Number>.size == element.byteCount && numbers.count * element.byteCount == entryByteCount)
    for piece in pieces(of: entry) {
      let offset = offset(of: entry, block: piece.block)
      let stored = numbers.withUnsafeBytes {
        encoder.encode(
          UnsafeRawBufferPointer(rebasing: $0[piece.bytes]), elementByteCount: element.byteCount,
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
    // Memory is touched as blocks turn out sound: a damaged size ends at the first.
    return try [Number](filling: entryByteCount / element.byteCount) { (memory) throws(TraceError) in
      for piece in pieces(of: entry) { try read(piece, with: decoder, into: memory[piece.bytes]) }
    }
  }
}
