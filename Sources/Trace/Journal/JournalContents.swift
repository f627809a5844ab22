/// What a journal holds for certain: whole calls and final latents, and where their blocks lie.
struct JournalContents {
  var description: TraceDescription
  var calls: [RecordedCall] = []
  /// Records of the calls' blocks, as byte ranges of the journal, in the order of recording.
  var blocks: [Range<Int>] = []
  /// Records of final latents, by chunk.
  var finals: [Int: [Range<Int>]] = [:]
  /// Whether the recorder said that nothing more comes.
  var isEnded = false

  init(_ description: TraceDescription) {
    self.description = description
  }

  /// Whether nothing is missing: all calls, and the final latents unless the recorder gave none.
  var isWhole: Bool {
    calls.count == description.plannedCallCount
      && (isEnded || finals.count == description.header.chunkCount)
  }
}
