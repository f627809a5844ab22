import Synchronization

/// Appends records to a journal; a call is safe as soon as its commit returns.
///
/// Records are written when some have come together, and at the latest with the commit that they belong to.
/// Memory: the pieces that are not written yet.
final class JournalWriter: Sendable {
  let file: JournalFile
  /// Memory for the records and numbers of a call, used again for the next.
  let pool = BufferPool()
  private let rollout = UInt64.random(in: 1...UInt64.max)
  private let durability: Durability
  private let state: Mutex<State>

  private struct State {
    var contents: JournalContents
    var sequence: UInt64 = 0
    var chain: UInt64 = 0
    // Records that are not written yet.
    var staged: [SealedRecord] = []
    var stagedByteCount = 0
    // Blocks that are not committed yet.
    var blocks: [JournalContents.Block] = []
  }

  // Staged bytes with which a write is worth the call: a block of a large tensor, but a call of small ones.
  private static let worthWriting = 1 << 18

  /// A record as it will be in the file.
  struct SealedRecord: Sendable {
    let record: JournalRecord
    let buffer: ByteBuffer
    let sums: JournalRecord.Sums

    /// Seals a record whose payload lies in its place in `buffer`.
    init(_ record: JournalRecord, in buffer: ByteBuffer) {
      self.record = record
      self.buffer = buffer
      sums = record.seal(buffer.bytes)
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(buffer[0..<record.byteCount]) }
  }

  init(
    path: String, description: TraceDescription, durability: Durability, overwrite: Bool
  ) throws(TraceError) {
    file = try JournalFile(creating: path, overwrite: overwrite)
    state = Mutex(State(contents: JournalContents(description)))
    self.durability = durability
    do {
      var fields = FieldWriter()
      description.write(to: &fields)
      try commit(.start, fields.bytes) { _, _ in }
      if durability == .call { try FileSystem.sync(FileSystem.folder(of: path)) }
    } catch {
      file.remove()
      throw error
    }
  }

  /// What is committed.
  var contents: JournalContents { state.withLock { $0.contents } }

  /// The head of a record that comes `distance` records after those staged so far.
  func record(_ kind: JournalRecord.Kind, after distance: Int = 0) -> JournalRecord {
    let sequence = state.withLock { $0.sequence }
    return JournalRecord(
      kind: kind, rollout: rollout, sequence: sequence + UInt64(distance), payloadByteCount: 0)
  }

  /// Takes the next record, in the order of their numbers, and writes it now or with those after it.
  func stage(_ sealed: SealedRecord) throws(TraceError) {
    try state.withLock { state throws(TraceError) in
      let start = file.byteCount + state.stagedByteCount
      state.chain = JournalScan.chained(state.chain, sealed.sums.head, sealed.sums.payload)
      state.sequence += 1
      if sealed.record.kind == .block || sealed.record.kind == .finalBlock {
        state.blocks.append(JournalContents.Block(sealed.record, at: start))
      }
      state.staged.append(sealed)
      state.stagedByteCount += sealed.record.byteCount
      if state.stagedByteCount >= Self.worthWriting { try write(&state) }
    }
  }

  private func write(_ state: inout State) throws(TraceError) {
    try file.append(state.staged.map(\.bytes))
    if durability == .rollout { file.beginWriting() }
    for sealed in state.staged { pool.put(sealed.buffer) }
    state.staged.removeAll(keepingCapacity: true)
    state.stagedByteCount = 0
  }

  /// Writes the staged blocks and the call that they belong to.
  func commit(_ call: RecordedCall) throws(TraceError) {
    var fields = commitFields()
    call.write(to: &fields)
    try commit(.call, fields.bytes, ordinal: call.call.ordinal) { contents, blocks in
      contents.calls.append(call)
      contents.blocks += blocks
    }
  }

  /// Writes the staged blocks as the final latent of a chunk.
  func commitFinal(chunk: Int, hash: UInt64) throws(TraceError) {
    var fields = commitFields()
    fields.put(hash)
    try commit(.final, fields.bytes, ordinal: chunk) { contents, blocks in
      contents.finals[chunk] = JournalContents.Final(blocks: blocks, hash: hash)
    }
  }

  /// Says that nothing more comes.
  func commitEnd() throws(TraceError) {
    try commit(.end, commitFields().bytes) { contents, _ in contents.isEnded = true }
  }

  // What every commit starts with: the hash of all records before it, and how many it commits.
  private func commitFields() -> FieldWriter {
    var fields = FieldWriter()
    state.withLock { state in
      fields.put(state.chain)
      fields.put(UInt32(state.blocks.count))
    }
    return fields
  }

  private func commit(
    _ kind: JournalRecord.Kind, _ payload: [UInt8], ordinal: Int = 0,
    _ take: (inout JournalContents, [JournalContents.Block]) -> Void
  ) throws(TraceError) {
    guard let payloadByteCount = UInt32(exactly: payload.count) else {
      throw TraceError(.invalid, path: file.path, "a layout or tensor is too large for a journal")
    }
    var record = record(kind)
    record.ordinal = UInt32(ordinal)
    record.payloadByteCount = payloadByteCount
    let buffer = pool.take(record.byteCount)
    buffer[JournalRecord.headByteCount..<buffer.bytes.count].copyBytes(from: payload)
    try stage(SealedRecord(record, in: buffer))
    try state.withLock { state throws(TraceError) in
      try write(&state)
      if durability == .call { try file.sync() }
      take(&state.contents, state.blocks)
      state.blocks = []
      state.contents.byteCount = file.byteCount
    }
  }
}
