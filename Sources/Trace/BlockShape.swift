/// How a column of numbers, or one tensor, is cut into blocks of consecutive rows.
package struct BlockShape: Hashable, Sendable {
  package let rowCount: Int
  package let rowByteCount: Int
  package let elementByteCount: Int
  /// Rows per block: as few blocks as fit the target size, of equal size but for the last.
  package let blockRowCount: Int

  /// Blocks aim at this size, below the cache that other readers give to a dataset.
  package static let targetByteCount = 512 * 1024

  package init(rowCount: Int, rowByteCount: Int, elementByteCount: Int) {
    self.rowCount = rowCount
    self.rowByteCount = rowByteCount
    self.elementByteCount = elementByteCount
    let most = max(1, Self.targetByteCount / rowByteCount)
    let count = (rowCount + most - 1) / most
    blockRowCount = (rowCount + count - 1) / count
  }

  /// Blocks in all.
  package var count: Int { (rowCount + blockRowCount - 1) / blockRowCount }
  /// Bytes of a block before filtering; the last one is filled up with zeros.
  package var blockByteCount: Int { blockRowCount * rowByteCount }
  /// Bytes of the rows.
  package var byteCount: Int { rowCount * rowByteCount }

  /// The rows of a block as bytes of the whole.
  package func byteRange(of block: Int) -> Range<Int> {
    let first = block * blockRowCount
    return first * rowByteCount..<min(first + blockRowCount, rowCount) * rowByteCount
  }
}
