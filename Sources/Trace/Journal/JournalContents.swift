/// What a journal holds for certain: whole calls and final latents, and where their blocks lie.
struct JournalContents {
  var description: TraceDescription
  var calls: [RecordedCall] = []
  /// Records of the calls' blocks, as byte ranges of the journal, in the order of recording.
  var blocks: [Range<Int>] = []
  /// Final latents, by chunk.
  var finals: [Int: Final] = [:]
  /// Whether the recorder said that nothing more comes.
  var isEnded = false

  /// A final latent: the records of its blocks, and the hash of its numbers.
  struct Final {
    var blocks: [Range<Int>]
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
