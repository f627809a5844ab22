/// A tensor of the call under way on its way into the journal: its numbers as they are stored.
///
/// Its blocks may be worked on from several threads, each block by one: first prepared, then rounded
/// where that is asked for, then read.
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
    as dtype: StorageType, isRounded: Bool = false, _ pool: BufferPool
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
    numbers = dtype.halfFormat == nil && !isRounded ? nil : pool.take(shape.byteCount)
  }

  /// Gives the memory back.
  func release(to pool: BufferPool) {
    if let numbers { pool.put(numbers) }
  }

  /// Makes the stored numbers of a block; false when a value is too large for them.
  func prepare(_ block: Int) -> Bool {
    guard let numbers else { return true }
    let range = shape.byteRange(of: block)
    let elements = range.lowerBound / shape.elementByteCount..<range.upperBound / shape.elementByteCount
    return values.withUnsafeBufferPointer { values in
      let source = UnsafeBufferPointer(rebasing: values[elements])
      guard let format else {
        numbers[range].copyMemory(from: UnsafeRawBufferPointer(source))
        return true
      }
      return format.narrow(source, into: numbers[range].assumingMemoryBound(to: UInt16.self))
    }
  }

  /// Lends the stored numbers of a block that was prepared.
  func withBytes<Result>(of block: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withBytes { body(UnsafeRawBufferPointer(rebasing: $0[shape.byteRange(of: block)])) }
  }

  private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    guard let numbers else { return values.withUnsafeBytes(body) }
    return body(UnsafeRawBufferPointer(numbers.bytes))
  }

  // The stored numbers of a block as values.
  private func floats(of block: Int) -> [Float] {
    withBytes(of: block) { bytes in
      let count = bytes.count / shape.elementByteCount
      return [Float](unsafeUninitializedCapacity: count) { floats, filled in
        let target = UnsafeMutableBufferPointer(rebasing: floats[..<count])
        if let format {
          format.widen(bytes.assumingMemoryBound(to: UInt16.self), into: target)
        } else {
          UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
        }
        filled = count
      }
    }
  }

  /// What changed in a prepared block: for each valid token the root mean square over its valid
  /// channels, and the largest magnitude of all numbers.
  func changes(
    of block: Int, since previous: StagedTensor, _ layout: TokenTable
  ) -> (changes: [Double], largest: Float) {
    let (now, before) = (floats(of: block), previous.floats(of: block))
    let channels = layout.channelCount
    let first = block * shape.blockRowCount
    var changes: [Double] = []
    for row in 0..<now.count / channels {
      let token = layout.tokens[first + row]
      guard token.isValid, token.validChannels > 0 else { continue }
      var sum = 0.0
      for index in row * channels..<row * channels + token.validChannels {
        let change = Double(now[index]) - Double(before[index])
        sum += change * change
      }
      changes.append((sum / Double(token.validChannels)).squareRoot())
    }
    return (changes, now.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 })
  }

  /// Rounds a prepared block to multiples of twice the bound; false when a number moved by more than it.
  func round(_ block: Int, bound: Double) -> Bool {
    guard let numbers else { preconditionFailure("the tensor was not meant to be rounded") }
    var floats = floats(of: block)
    let distance = floats.withUnsafeMutableBufferPointer { Quantizer(bound: bound).round($0) }
    let target = numbers[shape.byteRange(of: block)]
    let isExact = floats.withUnsafeBufferPointer { source in
      guard let format else {
        target.copyMemory(from: UnsafeRawBufferPointer(source))
        return true
      }
      return format.narrow(source, into: target.assumingMemoryBound(to: UInt16.self))
    }
    guard isExact, Double(distance) <= bound else { return false }
    // The 16-bit formats hold these multiples exactly, as they held the numbers before.
    return format == nil || zip(self.floats(of: block), floats).allSatisfy { $0 == $1 || !$1.isFinite }
  }
}
