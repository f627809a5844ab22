/// What a journal holds for certain: whole calls and final latents, and where their blocks lie.
struct JournalContents {
  var description: TraceDescription
  var calls: [RecordedCall] = []
  /// The calls' blocks, in the order of recording.
  var blocks: [Block] = []
  /// Final latents, by chunk.
  var finals: [Int: Final] = [:]
  /// Whether the recorder said that nothing more comes.
  var isEnded = false

  /// Bytes of the journal up to the end of its last commit.
  var byteCount = 0

  /// A stored block: which one it is, and where in the journal its bytes lie.
  struct Block {
    /// Place of the tap on the line; ``JournalRecord/none`` for final latents.
    var tap: UInt16
    /// The call, or for final latents the chunk.
    var ordinal: Int
    /// Its place among the blocks of the tensor.
    var index: Int
    var bytes: Range<Int>

    /// The block of a record that starts at `offset`.
    init(_ record: JournalRecord, at offset: Int) {
      tap = record.tap
      ordinal = Int(record.ordinal)
      index = Int(record.block)
      let start = offset + JournalRecord.headByteCount
      bytes = start..<start + Int(record.payloadByteCount)
    }
  }

  /// A final latent: its blocks, and the hash of its numbers.
  struct Final {
    var blocks: [Block]
    var hash: UInt64
  }

  init(_ description: TraceDescription) {
    self.description = description
  }

  /// Whether there are final latents of all chunks, without which there are none in a trace.
  var hasFinals: Bool { finals.count == description.header.chunkCount }

  /// What identifies the trace that these contents make.
  var digest: TraceDigest {
    let finals = hasFinals ? finals.sorted { $0.key < $1.key }.map(\.value.hash) : []
    return TraceDigest(of: description, calls: calls, finalHashes: finals)
  }

  /// Whether nothing is missing: all calls, and the final latents unless the recorder gave none.
  var isWhole: Bool {
    calls.count == description.plannedCallCount
      && (isEnded || hasFinals)
  }
}
