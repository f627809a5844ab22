/// Appends records to a journal; a call is safe as soon as its commit returns.
///
/// The records of a call are gathered in memory and written at once, its commit record last. Memory:
/// the stored bytes of one call.
final class JournalWriter {
  let file: JournalFile
  /// Memory for the records and numbers of a call, used again for the next.
  let pool = BufferPool()
  private(set) var contents: JournalContents
  private let rollout = UInt64.random(in: 1...UInt64.max)
  private let waits: Bool
  private var sequence: UInt64 = 0
  private var chain: UInt64 = 0
  private var staged: [SealedRecord] = []
  private var stagedBlocks: [JournalContents.Block] = []

  /// A record as it will be in the file.
  struct SealedRecord {
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
    contents = JournalContents(description)
    waits = durability == .call
    do {
      var fields = FieldWriter()
      description.write(to: &fields)
      try stage(.start, fields.bytes)
      try flush()
      if waits { try FileSystem.sync(FileSystem.folder(of: path)) }
    } catch {
      file.remove()
      throw error
    }
  }

  /// The head of a record that comes `distance` records after those staged so far.
  func record(_ kind: JournalRecord.Kind, after distance: Int = 0) -> JournalRecord {
    JournalRecord(kind: kind, rollout: rollout, sequence: sequence + UInt64(distance), payloadByteCount: 0)
  }

  /// Gets sealed records ready, in the order of their numbers, for the commit that comes next.
  func stage(_ records: [SealedRecord]) {
    for sealed in records {
      let start = file.byteCount + stagedByteCount
      chain = JournalScan.chained(chain, sealed.sums.head, sealed.sums.payload)
      sequence += 1
      if sealed.record.kind == .block || sealed.record.kind == .finalBlock {
        stagedBlocks.append(JournalContents.Block(sealed.record, at: start))
      }
      staged.append(sealed)
      stagedByteCount += sealed.record.byteCount
    }
  }

  private var stagedByteCount = 0

  private func stage(
    _ kind: JournalRecord.Kind, _ payload: [UInt8], ordinal: Int = 0
  ) throws(TraceError) {
    guard let payloadByteCount = UInt32(exactly: payload.count) else {
      throw TraceError(.invalid, path: file.path, "a layout or tensor is too large for a journal")
    }
    var record = record(kind)
    record.ordinal = UInt32(ordinal)
    record.payloadByteCount = payloadByteCount
    let buffer = pool.take(record.byteCount)
    buffer[JournalRecord.headByteCount..<buffer.bytes.count].copyBytes(from: payload)
    stage([SealedRecord(record, in: buffer)])
  }

  /// Writes the staged blocks and the call that they belong to.
  func commit(_ call: RecordedCall) throws(TraceError) {
    var fields = commitFields()
    call.write(to: &fields)
    try stage(.call, fields.bytes, ordinal: call.call.ordinal)
    try flush()
    contents.calls.append(call)
    contents.blocks += stagedBlocks
    stagedBlocks = []
  }

  /// Writes the staged blocks as the final latent of a chunk.
  func commitFinal(chunk: Int, hash: UInt64) throws(TraceError) {
    var fields = commitFields()
    fields.put(hash)
    try stage(.final, fields.bytes, ordinal: chunk)
    try flush()
    contents.finals[chunk] = JournalContents.Final(blocks: stagedBlocks, hash: hash)
    stagedBlocks = []
  }

  /// Says that nothing more comes.
  func commitEnd() throws(TraceError) {
    try stage(.end, commitFields().bytes)
    try flush()
    contents.isEnded = true
  }

  // What every commit starts with: the hash of all records before it, and how many it commits.
  private func commitFields() -> FieldWriter {
    var fields = FieldWriter()
    fields.put(chain)
    fields.put(UInt32(stagedBlocks.count))
    return fields
  }

  private func flush() throws(TraceError) {
    try file.append(staged.map(\.bytes))
    for sealed in staged { pool.put(sealed.buffer) }
    staged.removeAll(keepingCapacity: true)
    stagedByteCount = 0
    contents.byteCount = file.byteCount
    if waits { try file.sync() }
  }
}
