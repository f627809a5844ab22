// Reading tensors: only the blocks that hold the rows asked for are touched, and they are unpacked on
// all cores. Memory beside the result: one block per core.
extension TraceReader {
  /// Reads the tensor at a tap for a call.
  ///
  /// Throws `lacking` when the tap was not recorded or the feature is absent, `corrupt` when a
  /// checksum fails.
  public func feature(_ tap: Tap, call: Int) throws(TraceError) -> Tensor {
    try feature(tap, call: call, rows: 0..<(try layout(of: tap).tokens.count))
  }

  /// Reads some rows of the tensor at a tap for a call.
  public func feature(_ tap: Tap, call: Int, rows: Range<Int>) throws(TraceError) -> Tensor {
    let columns = try layout(of: tap).channelCount
    return Tensor(
      rows: rows.count, columns: columns, values: try self.rows(rows, of: tap, call: call))
  }

  /// Reads a tap at several calls, or some rows of it, into memory that is used again: (calls, rows,
  /// channels), row-major.
  ///
  /// Absent features become NaN. `values` must have the right size.
  public func read(
    _ tap: Tap, calls: Range<Int>, rows: Range<Int>? = nil, into values: inout [Float]
  ) throws(TraceError) {
    let count = values.count
    try values.lending { (memory) throws(TraceError) in try read(tap, calls, rows, count, into: memory) }
  }

  /// Reads a tap of a float16 or bfloat16 trace as it is stored, the bits of its numbers.
  ///
  /// Absent features become NaN. `bits` must have the right size; throws `invalid` for a float32 trace.
  public func read(
    _ tap: Tap, calls: Range<Int>, rows: Range<Int>? = nil, into bits: inout [UInt16]
  ) throws(TraceError) {
    guard let format = dtype.halfFormat else {
      throw TraceError(.invalid, path: path, "the features are stored as float32, which have 32 bits")
    }
    let reading = try Reading(tap, calls, rows, of: self, elementCount: bits.count)
    try bits.lending { (memory) throws(TraceError) in
      for absent in reading.absent {
        memory.bytes.assumingMemoryBound(to: UInt16.self)[absent].update(repeating: format.nan)
      }
      try concurrently(reading.pieces.count, worker: { _ in BlockDecoder() }) {
        (decoder, index) throws(TraceError) in
        let (piece, elements) = reading.pieces[index]
        let target = memory[elements.lowerBound * 2..<elements.upperBound * 2]
        try reading.recorded.read(piece, with: decoder, into: target)
      }
    }
  }

  private func read(
    _ tap: Tap, _ calls: Range<Int>, _ rows: Range<Int>?, _ elementCount: Int, into memory: ByteBuffer
  ) throws(TraceError) {
    let reading = try Reading(tap, calls, rows, of: self, elementCount: elementCount)
    for absent in reading.absent {
      memory.bytes.assumingMemoryBound(to: Float.self)[absent].update(repeating: .nan)
    }
    let recorded = reading.recorded
    let format = dtype.halfFormat
    let scratchByteCount = format == nil ? 0 : recorded.features.blockByteCount
    try concurrently(
      reading.pieces.count, worker: { _ in (BlockDecoder(), ByteBuffer(byteCount: scratchByteCount)) }
    ) { (worker, index) throws(TraceError) in
      let (piece, elements) = reading.pieces[index]
      let target = memory[elements.lowerBound * 4..<elements.upperBound * 4]
      guard let format else { return try recorded.read(piece, with: worker.0, into: target) }
      let bits = worker.1[0..<piece.bytes.count]
      try recorded.read(piece, with: worker.0, into: bits)
      format.widen(
        UnsafeBufferPointer(bits.assumingMemoryBound(to: UInt16.self)),
        into: target.assumingMemoryBound(to: Float.self))
    }
  }

  // What a read touches: parts of blocks, each with the place of its numbers in the result.
  private struct Reading {
    let recorded: RecordedTap
    var pieces: [(piece: HDF5Dataset.Piece, elements: Range<Int>)] = []
    var absent: [Range<Int>] = []

    init(
      _ tap: Tap, _ calls: Range<Int>, _ rows: Range<Int>?, of trace: TraceReader, elementCount: Int
    ) throws(TraceError) {
      let entry = try trace.entry(tap)
      recorded = entry
      let rowCount = entry.layout.tokens.count
      let rows = rows ?? 0..<rowCount
      guard (0...trace.calls.count).contains(calls.upperBound), calls.lowerBound >= 0, rows.lowerBound >= 0,
        rows.upperBound <= rowCount
      else {
        throw TraceError(
          .lacking, path: trace.path, at: "/taps/\(tap)",
          "there are \(trace.calls.count) calls of \(rowCount) rows, not calls \(calls) and rows \(rows)")
      }
      let size = rows.count * entry.layout.channelCount
      precondition(elementCount == calls.count * size, "the memory must have room for exactly what is read")
      for (place, call) in calls.enumerated() {
        let start = place * size
        guard entry.states[call] != .absent else {
          absent.append(start..<start + size)
          continue
        }
        for piece in entry.features.pieces(of: call, rows: rows) {
          let byteCount = entry.features.element.byteCount
          pieces.append(
            (
              piece,
              start + piece.bytes.lowerBound / byteCount..<start + piece.bytes.upperBound / byteCount
            ))
        }
      }
    }
  }
}

extension TraceReader: FeatureSource {
  public func rows(_ rows: Range<Int>, of tap: Tap, call: Int) throws(TraceError) -> [Float] {
    try requireCall(call)
    let entry = try entry(tap)
    guard entry.states[call] != .absent else {
      throw TraceError(.lacking, path: path, at: "/taps/\(tap)", "the feature of call \(call) is absent")
    }
    let count = rows.count * entry.layout.channelCount
    return try [Float](filling: count) { (memory) throws(TraceError) in
      try read(tap, call..<call + 1, rows, count, into: memory)
    }
  }

  public func rowCountOfBlock(of tap: Tap) throws(TraceError) -> Int { try entry(tap).features.block[1] }
}
