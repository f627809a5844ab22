import Synchronization

/// Writes one recorded rollout, which appears under its name only when finished.
///
/// Until then everything is in the journal `path` + `.wcj`, an append-only file from which
/// ``TraceRecovery`` makes a trace of the calls recorded so far. A call is recorded for good when
/// `append` returns; ``Durability`` says whether power loss is included. Any error ends the writer; a
/// journal that holds a call stays, an empty one is removed. Not for use from several threads at once.
public final class TraceWriter {
  /// Where the trace will be.
  public let path: String
  /// Where the recording is until finished.
  public let journalPath: String
  public let durability: Durability

  public var header: TraceHeader { description.header }
  /// The recorded taps, each with the name of its layout.
  public var taps: [Tap: String] { description.taps }
  /// Calls that `finish()` expects.
  public var callCount: Int { description.plannedCallCount }
  public var dtype: StorageType { description.dtype }

  let description: TraceDescription
  // One for each worker.
  private let encoders = (0..<workerCount).map { _ in BlockEncoder() }
  private let overwrites: Bool
  // Gone when the writer has ended: the journal is open, and locked, exactly as long as this lives.
  private var journal: JournalWriter?

  /// Bytes of the journal so far, and how many of them are known to be on the disk.
  package var journalByteCounts: (written: Int, synced: Int) {
    (journal?.file.byteCount ?? 0, journal?.file.syncedByteCount ?? 0)
  }

  /// Starts the journal.
  ///
  /// `taps` maps each recorded tap to the name of one of `layouts`. Throws `exists` when `path` or the
  /// journal's name is taken and may not be overwritten, `inUse` when another program is recording
  /// there, `invalid` when the description contradicts itself.
  public init(
    path: String, header: TraceHeader, layouts: [TokenTable], taps: [Tap: String], callCount: Int,
    dtype: StorageType = .float32, durability: Durability = .rollout, overwrite: Bool = false
  ) throws(TraceError) {
    try TraceAssembler.checkTarget(path, overwrite: overwrite)
    description = try TraceDescription(
      header: header, dtype: dtype, layouts: layouts, taps: taps, plannedCallCount: callCount, path: path)
    self.path = path
    self.durability = durability
    journalPath = path + TraceFormat.journalSuffix
    overwrites = overwrite
    journal = try JournalWriter(
      path: journalPath, description: description, durability: durability, overwrite: overwrite)
  }

  deinit {
    abandon()
  }

  /// Adds the next call.
  ///
  /// `states` says how each feature came about: when it names no state for a tap, a given feature is
  /// fresh and a missing one absent. `stretchSeconds` may name every tap on the line; taps that it
  /// does not name took no time. Throws `invalid` for what does not fit the trace, such as a tensor
  /// of the wrong shape or a value too large for float16, `inputOutput` when the disk is full.
  public func append(
    _ call: Call, states: [Tap: TapState] = [:], stretchSeconds: [Tap: Double] = [:], features: [Tap: Tensor]
  ) throws(TraceError) {
    try endingOnError { journal throws(TraceError) in
      if let problem = problem(
        call, after: journal.contents.calls.count, states, stretchSeconds, features)
      {
        throw TraceError(.invalid, path: path, at: "call \(call.ordinal)", problem)
      }
      var tensors: [StagedTensor] = []
      for (place, tap) in description.line.enumerated() {
        guard let feature = features[tap] else { continue }
        tensors.append(
          StagedTensor(
            feature, .block, name: tap.name, tap: UInt16(place), ordinal: call.ordinal, as: dtype,
            journal.pool))
      }
      var hashes = try stage(tensors, in: journal)[...]
      try journal.commit(
        RecordedCall(
          call: call,
          states: description.recordedTaps.map {
            states[$0] ?? (features[$0] == nil ? .absent : .fresh)
          },
          stretchSeconds: description.line.map { stretchSeconds[$0] ?? 0 },
          hashes: description.recordedTaps.map {
            features[$0] == nil ? 0 : hashes.removeFirst()
          }))
    }
  }

  /// Stores a chunk's final latent, in the layout of `output` and always as float32.
  ///
  /// Give it for every chunk or for none.
  public func setFinal(chunk: Int, _ latent: Tensor) throws(TraceError) {
    try endingOnError { journal throws(TraceError) in
      guard let layout = description.finalLayout else {
        throw TraceError(
          .invalid, path: path, at: "/final", "a final latent needs the tap output, guided or latent")
      }
      guard (0..<header.chunkCount).contains(chunk), journal.contents.finals[chunk] == nil else {
        throw TraceError(
          .invalid, path: path, at: "/final",
          "chunk \(chunk) is not one of the \(header.chunkCount) or was given before")
      }
      if let problem = Self.problem(latent, layout) {
        throw TraceError(.invalid, path: path, at: "/final", problem)
      }
      let tensor = StagedTensor(
        latent, .finalBlock, name: "final", tap: JournalRecord.none, ordinal: chunk, as: .float32,
        journal.pool)
      try journal.commitFinal(chunk: chunk, hash: try stage([tensor], in: journal)[0])
    }
  }

  /// Makes the trace from the journal, brings it safely to disk, gives it its name and removes the
  /// journal.
  ///
  /// Reads and writes all stored bytes once more. A reader that opens `path` sees the whole trace or,
  /// before, nothing of it.
  public func finish() throws(TraceError) {
    try endingOnError { journal throws(TraceError) in
      let (recorded, finals) = (journal.contents.calls.count, journal.contents.finals.count)
      guard recorded == callCount else {
        throw TraceError(.invalid, path: path, "\(callCount) calls were announced, \(recorded) were recorded")
      }
      guard finals == 0 || finals == header.chunkCount else {
        throw TraceError(
          .invalid, path: path, at: "/final",
          "\(finals) of \(header.chunkCount) chunks have a final latent; give all or none")
      }
      try journal.commitEnd()
      try TraceAssembler.write(
        journal.contents, from: journal.file, to: path, overwrite: overwrites, waits: durability != .none)
      journal.file.remove()
    }
    journal = nil
  }

  /// Ends the recording and leaves the journal where it is, if it holds a call.
  public func abandon() {
    if let journal, journal.contents.calls.isEmpty { journal.file.remove() }
    journal = nil
  }

  // Packs the tensors' blocks on all cores, hands them to the journal and returns the tensors' hashes.
  private func stage(
    _ tensors: [StagedTensor], in journal: JournalWriter
  ) throws(TraceError) -> [UInt64] {
    let jobs = tensors.flatMap { tensor in
      (0..<tensor.shape.count).map { block in
        let room = BlockCodec.largestStoredByteCount(of: tensor.shape.blockByteCount)
        return (tensor: tensor, block: block, buffer: journal.pool.take(JournalRecord.byteCount(of: room)))
      }
    }
    let heads = jobs.enumerated().map { index, job in
      var record = journal.record(job.tensor.kind, after: index)
      record.tap = job.tensor.tap
      record.ordinal = UInt32(job.tensor.ordinal)
      record.block = UInt32(job.block)
      record.rawByteCount = UInt32(job.tensor.shape.blockByteCount)
      return record
    }
    let sealed = Mutex([JournalWriter.SealedRecord?](repeating: nil, count: jobs.count))
    try concurrently(jobs.count, worker: { [encoders] in encoders[$0] }) {
      [dtype, path, journalPath] (encoder, index) throws(TraceError) in
      let (tensor, block, buffer) = jobs[index]
      guard tensor.prepare(block) else {
        throw TraceError(
          .invalid, path: path, at: "call \(tensor.ordinal)",
          "a value at the tap \(tensor.name) is too large for \(dtype); record as float32")
      }
      guard let record = Self.seal(tensor, block, buffer, heads[index], encoder) else {
        throw TraceError(.inputOutput, path: journalPath, "a block cannot be compressed: out of memory")
      }
      sealed.withLock { $0[index] = record }
    }
    let hashes = Mutex([UInt64](repeating: 0, count: tensors.count))
    concurrently(tensors.count) { index in
      let hash = tensors[index].hash
      hashes.withLock { $0[index] = hash }
    }
    for tensor in tensors { tensor.release(to: journal.pool) }
    journal.stage(sealed.withLock { $0.compactMap { $0 } })
    return hashes.withLock { $0 }
  }

  private static func seal(
    _ tensor: StagedTensor, _ block: Int, _ buffer: ByteBuffer, _ head: JournalRecord, _ encoder: BlockEncoder
  ) -> JournalWriter.SealedRecord? {
    let room = JournalRecord.headByteCount..<buffer.bytes.count - JournalRecord.checksumByteCount
    let byteCount = tensor.withBytes(of: block) {
      encoder.encode(
        $0, elementByteCount: tensor.shape.elementByteCount, blockByteCount: tensor.shape.blockByteCount,
        into: buffer[room])
    }
    guard let byteCount else { return nil }
    var head = head
    head.payloadByteCount = UInt32(byteCount)
    return JournalWriter.SealedRecord(head, in: buffer)
  }

  private func endingOnError(_ body: (JournalWriter) throws(TraceError) -> Void) throws(TraceError) {
    guard let journal else {
      preconditionFailure("the writer has been finished, abandoned or ended by an error")
    }
    do {
      try body(journal)
    } catch {
      var error = error
      let count = journal.contents.calls.count
      if count > 0 {
        error.message += "; 'wctrace recover \(journalPath)' makes a trace of the \(count) recorded calls"
      }
      abandon()
      throw error
    }
  }
}
