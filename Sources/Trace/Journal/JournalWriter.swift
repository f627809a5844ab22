/// Appends records to a journal; a call is safe as soon as its commit returns.
///
/// The records of a call are gathered in memory and written at once, its commit record last. Memory:
/// the stored bytes of one call.
final class JournalWriter {
  let file: JournalFile
  private(set) var contents: JournalContents
  private let rollout = UInt64.random(in: 1...UInt64.max)
  private let waits: Bool
  private var sequence: UInt64 = 0
  private var chain: UInt64 = 0
  private var staged: [UInt8] = []
  private var stagedBlocks: [Range<Int>] = []

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

  /// Gets one stored block ready for the call or final latent that is committed next.
  func stage(
    _ kind: JournalRecord.Kind, _ payload: [UInt8], tap: UInt16 = JournalRecord.none, ordinal: Int = 0,
    block: Int = 0, rawByteCount: Int = 0
  ) throws(TraceError) {
    guard let payloadByteCount = UInt32(exactly: payload.count) else {
      throw TraceError(.invalid, path: file.path, "a layout or tensor is too large for a journal")
    }
    let record = JournalRecord(
      kind: kind, tap: tap, rollout: rollout, sequence: sequence, ordinal: UInt32(ordinal),
      block: UInt32(block), rawByteCount: UInt32(rawByteCount), payloadByteCount: payloadByteCount)
    let start = file.byteCount + staged.count
    let sums = record.append(payload, to: &staged)
    chain = JournalScan.chained(chain, sums.head, sums.payload)
    sequence += 1
    if kind == .block || kind == .finalBlock { stagedBlocks.append(start..<start + record.byteCount) }
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
    try file.append(staged)
    staged.removeAll(keepingCapacity: true)
    if waits { try file.sync() }
  }
}
