/// What an earlier attempt at the same recording left under a trace's name.
///
/// Looking clears up what needs no decision: a recording that was killed while it was finishing is
/// finished from its journal, and `.partial` files of an interrupted recovery are removed. The calls of a recording
/// that was interrupted before its end stay in the journal; it is recorded again from its start.
public enum TraceResumption: Hashable, Sendable {
  /// Neither a trace nor a journal.
  case nothing
  /// The trace is there, read to the last byte and found whole.
  case finished
  /// The trace has just been made from a journal that held all of it.
  case completed
  /// The journal holds this many calls, and others are missing.
  case interrupted(callCount: Int)

  /// Looks at what is there; reads a finished trace completely.
  ///
  /// The arguments are those with which the recording would start. Only the recorder's version and the
  /// kernel of the matrix library may differ. Throws `invalid` when something else was recorded there,
  /// `lacking` when the trace has fewer calls than planned, `inUse` while another program records, and
  /// what opening and verifying a trace throws.
  public init(
    of path: String, header: TraceHeader, layouts: [TokenTable], taps: [Tap: String], callCount: Int,
    dtype: StorageType, coding: FeatureCoding = .plain, keyInterval: Int = 10, lossy: LossyRule? = nil
  ) throws(TraceError) {
    let plan = try TraceDescription(
      header: header, dtype: dtype, coding: coding, keyInterval: keyInterval, lossy: lossy, layouts: layouts,
      taps: taps, plannedCallCount: callCount, path: path)
    let journalPath = path + TraceFormat.journalSuffix
    let journal =
      FileSystem.kind(of: journalPath) == .file ? try JournalFile(opening: journalPath, writing: true) : nil
    // Whoever holds the journal alone is the only one who may be making this trace.
    if journal != nil { TraceAssembler.removePartials(of: path) }
    if FileSystem.kind(of: path) == .file {
      try Self.check(path, plan)
      journal?.remove()
      self = .finished
    } else if let journal {
      self = try Self.finish(journal, plan, to: path)
    } else {
      self = .nothing
    }
  }

  private static func check(_ path: String, _ plan: TraceDescription) throws(TraceError) {
    let trace = try TraceReader(path: path)
    if let difference = plan.difference(from: try trace.description()) {
      throw TraceError(.invalid, path: path, "another recording has this name; \(difference)")
    }
    guard trace.calls.count == trace.plannedCallCount else {
      throw TraceError(
        .lacking, path: path,
        "the trace has \(trace.calls.count) of \(trace.plannedCallCount) calls, as 'wctrace recover' makes it of an "
          + "interrupted recording; move it away for --resume to record this rollout again, or give --force in place of "
          + "--resume, which records all of them again"
      )
    }
    _ = try TraceVerification(of: trace)
  }

  private static func finish(
    _ journal: JournalFile, _ plan: TraceDescription, to path: String
  ) throws(TraceError) -> TraceResumption {
    // A recorder that was killed in its first write.
    guard journal.byteCount >= JournalFile.reservedByteCount + JournalRecord.headByteCount else {
      return .interrupted(callCount: 0)
    }
    let contents: JournalContents
    do throws(TraceError) {
      contents = try JournalScan(journal).contents
    } catch {
      guard error.code == .corrupt else { throw error }
      return .interrupted(callCount: 0)
    }
    if let difference = plan.difference(from: contents.description) {
      throw TraceError(
        .invalid, path: journal.path, "the journal is of another recording; \(difference)")
    }
    guard contents.isWhole else { return .interrupted(callCount: contents.calls.count) }
    try TraceAssembler.finish(contents, in: journal, as: path, overwrite: false, waits: true)
    return .completed
  }
}

extension TraceDescription {
  /// What distinguishes another recording from this plan, in words; nil when it is the same.
  fileprivate func difference(from other: TraceDescription) -> String? {
    var own = TraceFormat.facts(of: header)
    var others = TraceFormat.facts(of: other.header)
    own.append(("BLAS threads", "\(header.blasThreadCount)"))
    others.append(("BLAS threads", "\(other.header.blasThreadCount)"))
    own += [("calls", "\(plannedCallCount)"), ("dtype", dtype.rawValue), ("taps", names)]
    others += [
      ("calls", "\(other.plannedCallCount)"), ("dtype", other.dtype.rawValue), ("taps", other.names),
    ]
    own += storage
    others += other.storage
    for ((what, mine), (_, theirs)) in zip(own, others) where mine != theirs {
      return "\(what) is \(theirs) there and \(mine) here"
    }
    for tap in recordedTaps where layout(of: tap) != other.layout(of: tap) {
      return "other tokens are recorded at \(tap)"
    }
    return nil
  }

  private var storage: [(String, String)] {
    [
      ("coding", coding == .plain ? coding.rawValue : "\(coding.rawValue) with key interval \(keyInterval)"),
      ("lossy storage", lossy.map { "\($0.fraction) of percentile \($0.percentile)" } ?? "none"),
    ]
  }

  private var names: String { recordedTaps.map(\.name).joined(separator: ",") }
}

extension TraceFormat {
  private static func conditions(_ header: TraceHeader) -> String {
    let texts = header.conditions.map { condition in
      switch condition.value {
      case .text(let text): "\(condition.name) '\(text)'"
      case .numbers(let numbers): "\(condition.name) \(numbers)"
      }
    }
    return texts.isEmpty ? "none" : texts.sorted().joined(separator: ", ")
  }

  /// What makes a rollout the one that it is, with the name of each fact.
  static func facts(of header: TraceHeader) -> [(name: String, value: String)] {
    [
      ("model", header.model), ("weights digest", header.weightsDigest), ("solver", header.solver),
      ("shift", "\(header.shift)"), ("number of steps", "\(header.stepCount)"),
      ("number of chunks", "\(header.chunkCount)"), ("number of branches", "\(header.branchCount)"),
      ("number of blocks", "\(header.blockCount)"), ("scene seed", "\(header.sceneSeed)"),
      ("noise seed", "\(header.noiseSeed)"), ("conditions", conditions(header)),
    ]
  }
}
