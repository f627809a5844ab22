/// A tensor of the call under way on its way into the journal: its numbers as they are stored.
///
/// Its blocks may be prepared and read from several threads, each block by one.
final class StagedTensor: Sendable {
  let kind: JournalRecord.Kind
  /// Named in errors.
  let name: String
  /// Place of the tap on the line.
  let tap: UInt16
  /// The call, or the chunk of a final latent.
  let ordinal: Int
  let shape: BlockShape
  private let values: [Float]
  private let format: HalfFormat?
  // The stored numbers where they are not the values themselves.
  private let numbers: ByteBuffer?

  init(
    _ tensor: Tensor, _ kind: JournalRecord.Kind, name: String, tap: UInt16, ordinal: Int,
    as dtype: StorageType, _ pool: BufferPool
  ) {
    self.kind = kind
    self.name = name
    self.tap = tap
    self.ordinal = ordinal
    values = tensor.values
    format = dtype.halfFormat
    shape = BlockShape(
      rowCount: tensor.rows, rowByteCount: tensor.columns * dtype.byteCount, elementByteCount: dtype.byteCount
    )
    numbers = dtype.halfFormat == nil ? nil : pool.take(shape.byteCount)
  }

  /// Gives the memory back.
  func release(to pool: BufferPool) {
    if let numbers { pool.put(numbers) }
  }

  /// Makes the stored numbers of a block; false when a value is too large for them.
  func prepare(_ block: Int) -> Bool {
    guard let format, let numbers else { return true }
    let range = shape.byteRange(of: block)
    return values.withUnsafeBufferPointer { values in
      format.narrow(
        UnsafeBufferPointer(rebasing: values[range.lowerBound / 2..<range.upperBound / 2]),
        into: numbers[range].assumingMemoryBound(to: UInt16.self))
    }
  }

  /// Lends the stored numbers of a block that was prepared.
  func withBytes<Result>(of block: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withBytes { body(UnsafeRawBufferPointer(rebasing: $0[shape.byteRange(of: block)])) }
  }

  /// The hash of all numbers, once all blocks were prepared.
  var hash: UInt64 { withBytes { xxh64($0) } }

  private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    guard let numbers else { return values.withUnsafeBytes(body) }
    return body(UnsafeRawBufferPointer(numbers.bytes))
  }
}
