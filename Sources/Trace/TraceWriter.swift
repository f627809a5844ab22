import Dispatch
import Synchronization

/// Writes one recorded rollout, which appears under its name only when finished.
///
/// Until then everything is in the journal `path` + `.wcj`, an append-only file from which
/// ``TraceRecovery`` makes a trace of the calls recorded so far. A call is recorded for good when
/// `append` returns, or, handed over by a ``Recorder``, when ``recordedCallCount`` counts it; ``Durability`` says
/// whether power loss is included. Any error ends the writer; a journal that holds a call stays, an empty one is
/// removed. Calls come in their order, so one thread should bring them.
public final class TraceWriter: Sendable {
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
  let encoders = (0..<workerCount).map { _ in BlockEncoder() }
  private let overwrites: Bool
  /// Where calls that were handed over are recorded, one after the other.
  let lane = DispatchQueue(label: "wctrace recording")
  /// What has become of the calls that were handed over.
  let handover = Mutex(Handover())
  // Gone when the writer has ended: the journal is open, and locked, exactly as long as this lives.
  private let recording: Mutex<Recording?>
  private let recordedCount = Atomic(0)

  /// What changes from call to call.
  struct Recording: Sendable {
    let journal: JournalWriter
    // The last fresh tensors, where the next ones are differences to them or rounded by their change.
    var histories: [Tap: StreamHistory<StagedTensor>] = [:]
  }

  /// Calls that a crash of this program cannot lose any more.
  public var recordedCallCount: Int { recordedCount.load(ordering: .acquiring) }

  /// Bytes of the journal so far, and how many of them are known to be on the disk.
  package var journalByteCounts: (written: Int, synced: Int) {
    recording.withLock { ($0?.journal.file.byteCount ?? 0, $0?.journal.file.syncedByteCount ?? 0) }
  }

  /// Starts the journal.
  ///
  /// With `stepDelta`, one in `keyInterval` fresh values of a stream is stored as it is. `lossy` rounds
  /// features within the bounds of a rule; the recorder then keeps the last value of each stream.
  /// `taps` maps each recorded tap to the name of one of `layouts`. Throws `exists` when `path` or the
  /// journal's name is taken and may not be overwritten, `inUse` when another program is recording
  /// there, `invalid` when the description contradicts itself.
  public init(
    path: String, header: TraceHeader, layouts: [TokenTable], taps: [Tap: String], callCount: Int,
    dtype: StorageType = .float32, coding: FeatureCoding = .plain, keyInterval: Int = 10,
    lossy: LossyRule? = nil, durability: Durability = .rollout, overwrite: Bool = false
  ) throws(TraceError) {
    try TraceAssembler.checkTarget(path, overwrite: overwrite)
    description = try TraceDescription(
      header: header, dtype: dtype, coding: coding, keyInterval: keyInterval, lossy: lossy, layouts: layouts,
      taps: taps, plannedCallCount: callCount, path: path)
    self.path = path
    self.durability = durability
    journalPath = path + TraceFormat.journalSuffix
    overwrites = overwrite
    recording = Mutex(
      Recording(
        journal: try JournalWriter(
          path: journalPath, description: description, durability: durability, overwrite: overwrite)))
  }

  deinit {
    end()
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
    try waitUntilRecorded()
    try record(
      Handover.Entry(call: call, states: states, stretchSeconds: stretchSeconds, features: features),
      workers: workerCount)
  }

  /// Adds a call with so many workers.
  func record(_ entry: Handover.Entry, workers: Int) throws(TraceError) {
    let (call, features) = (entry.call, entry.features)
    let count = try endingOnError { recording throws(TraceError) in
      let journal = recording.journal
      if let problem = problem(
        call, after: journal.contents.calls.count, entry.states, entry.stretchSeconds, features)
      {
        throw TraceError(.invalid, path: path, at: "call \(call.ordinal)", problem)
      }
      let items = items(call, features, &recording.histories, journal.pool)
      let bounds = try description.lossy.map { rule throws(TraceError) in try measure(items, rule, workers) }
      let hashes = try stage(items, bounds, in: journal, workers)
      func byTap<Value>(_ values: some Sequence<Value>, absent: Value) -> [Value] {
        var rest = Array(values)[...]
        return description.recordedTaps.map { features[$0] == nil ? absent : rest.removeFirst() }
      }
      try journal.commit(
        RecordedCall(
          call: call,
          states: description.recordedTaps.map {
            entry.states[$0] ?? (features[$0] == nil ? .absent : .fresh)
          },
          stretchSeconds: description.line.map { entry.stretchSeconds[$0] ?? 0 },
          hashes: byTap(hashes, absent: 0), bounds: bounds.map { byTap($0, absent: 0) } ?? []))
      for item in items {
        if needsHistory, entry.states[item.tap] ?? .fresh == .fresh {
          recording.histories[item.tap]?.add(item.tensor, at: call)?.release(to: journal.pool)
        } else {
          item.tensor.release(to: journal.pool)
        }
      }
      return journal.contents.calls.count
    }
    recordedCount.store(count, ordering: .releasing)
  }

  /// Stores a chunk's final latent, in the layout of `output` and always as float32.
  ///
  /// Give it for every chunk or for none.
  public func setFinal(chunk: Int, _ latent: Tensor) throws(TraceError) {
    try waitUntilRecorded()
    try endingOnError { recording throws(TraceError) in
      let journal = recording.journal
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
      let item = Item(
        tap: .output, tensor: tensor, layout: layout, previous: nil, isDelta: false, isPrepared: false)
      try journal.commitFinal(chunk: chunk, hash: try stage([item], nil, in: journal, workerCount)[0])
      tensor.release(to: journal.pool)
    }
  }

  /// Makes the journal the trace, brings it safely to disk and gives it its name.
  ///
  /// The blocks stay where they are; only what leads to them is written. A reader that opens `path` sees
  /// the whole trace or, before, nothing of it.
  public func finish() throws(TraceError) {
    try waitUntilRecorded()
    try endingOnError { recording throws(TraceError) in
      let journal = recording.journal
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
      try TraceAssembler.finish(
        journal.contents, in: journal.file, as: path, overwrite: overwrites, waits: durability != .none)
    }
    recording.withLock { $0 = nil }
  }

  /// Ends the recording and leaves the journal where it is, if it holds a call.
  public func abandon() {
    lane.sync {}
    end()
  }

  /// Ends the recording and leaves nothing of it, unless an error has ended it before.
  func discard() {
    lane.sync {}
    recording.withLock {
      $0?.journal.file.remove()
      $0 = nil
    }
  }

  private func end() { recording.withLock { Self.end(&$0) } }

  private static func end(_ recording: inout Recording?) {
    if let journal = recording?.journal, journal.contents.calls.isEmpty { journal.file.remove() }
    recording = nil
  }

  private func endingOnError<Result: Sendable>(
    _ body: (inout Recording) throws(TraceError) -> Result
  ) throws(TraceError) -> Result {
    try recording.withLock { recording throws(TraceError) in
      guard let journal = recording?.journal else {
        preconditionFailure("the writer has been finished, abandoned or ended by an error")
      }
      do throws(TraceError) {
        return try body(&recording!)
      } catch {
        var error = error
        let count = journal.contents.calls.count
        journal.file.cut(to: journal.contents.byteCount)
        // As a trace it has its name, and only the disk's word for that is missing.
        if count > 0, !journal.file.isTrace {
          error.message += "; 'wctrace recover \(journalPath)' makes a trace of the \(count) recorded calls"
        }
        Self.end(&recording)
        throw error
      }
    }
  }
}
