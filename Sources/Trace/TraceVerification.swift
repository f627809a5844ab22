/// The result of reading every number of a trace and finding nothing wrong.
public struct TraceVerification: Sendable {
  /// What the numbers give; the trace's own digest, where it has one, is the same.
  public let digest: TraceDigest
  public let tensorCount: Int
  /// Bytes of all tensors as numbers.
  public let rawByteCount: Int

  /// Reads everything, call by call and tap by tap; memory: one tensor.
  ///
  /// `progress` is told how many calls are done. Throws `corrupt` with the first bad place.
  public init(of trace: TraceReader, progress: (Int) -> Void = { _ in }) throws(TraceError) {
    var digest = TraceDigest(of: try trace.description())
    var tensorCount = 0
    var rawByteCount = 0
    for call in trace.calls {
      var hashes: [UInt64] = []
      for tap in trace.taps {
        guard let entry = trace.recorded[tap], entry.states[call.ordinal] != .absent else {
          hashes.append(0)
          continue
        }
        hashes.append(try Self.hash(of: entry, trace.dtype.halfFormat, at: call.ordinal))
        tensorCount += 1
        rawByteCount += entry.features.entryByteCount
      }
      digest.add(
        RecordedCall(
          call: call, states: trace.taps.compactMap { trace.recorded[$0]?.states[call.ordinal] },
          stretchSeconds: Tap.line(blockCount: trace.header.blockCount).compactMap {
            trace.stretches[$0]?[call.ordinal]
          }, hashes: hashes,
          bounds: trace.taps.compactMap { trace.recorded[$0]?.bounds }.filter { !$0.isEmpty }
            .map { $0[call.ordinal] }))
      progress(call.ordinal + 1)
    }
    if let final = trace.finalLatents {
      for chunk in 0..<trace.header.chunkCount {
        digest.add(finalHash: try Self.hash(ofFinal: final, at: chunk))
        tensorCount += 1
        rawByteCount += final.entryByteCount
      }
    }
    if let stored = trace.digest, stored != digest {
      throw TraceError(
        .corrupt, path: trace.path,
        "the contents have the digest \(digest), and the recorder wrote \(stored): something was exchanged")
    }
    self.digest = digest
    self.tensorCount = tensorCount
    self.rawByteCount = rawByteCount
  }

  private static func hash(
    of recorded: TraceReader.RecordedTap, _ format: HalfFormat?, at entry: Int
  ) throws(TraceError) -> UInt64 {
    let features = recorded.features
    let numbers = ByteBuffer(byteCount: features.entryByteCount)
    let pieces = features.pieces(of: entry)
    let bound = recorded.bounds.isEmpty ? 0 : recorded.bounds[entry]
    try concurrently(pieces.count, worker: { _ in BlockDecoder() }) { (decoder, index) throws(TraceError) in
      let part = numbers[pieces[index].bytes]
      try recorded.read(pieces[index], with: decoder, into: part)
      guard bound == 0 || Quantizer(bound: bound).holds(part, format) else {
        throw features.place.error("a number of call \(entry) is no multiple of twice the bound \(bound)")
      }
    }
    return xxh64(UnsafeRawBufferPointer(numbers.bytes))
  }

  private static func hash(ofFinal dataset: HDF5Dataset, at entry: Int) throws(TraceError) -> UInt64 {
    let numbers: [Float] = try dataset.read(at: entry)
    return numbers.withUnsafeBytes { xxh64($0) }
  }
}
