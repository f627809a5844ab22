/// A trace made from the journal of a recording that was interrupted.
///
/// It holds the calls whose `append` returned, bit for bit, and nothing of a call whose did not. The
/// final latents are kept when those of all chunks were recorded. The journal stays; `.partial`
/// files that an interrupted recovery left beside it go.
public struct TraceRecovery: Sendable {
  public let path: String
  public let callCount: Int
  /// Calls that the recording would have had.
  public let plannedCallCount: Int
  /// Whether nothing of the recording is missing.
  public let isWhole: Bool
  /// Why reading stopped before the journal's end, as happens in the midst of a call; nil if it did not.
  public let remark: String?

  /// Writes the trace and brings it safely to disk.
  ///
  /// Throws `lacking` when no call was recorded completely, `inUse` while the recording still runs,
  /// `exists` when `path` is taken and may not be overwritten, `missing`, `notATrace`, `newerVersion`,
  /// `corrupt` or `inputOutput`.
  public init(of journalPath: String, to path: String, overwrite: Bool = false) throws(TraceError) {
    let journal = try JournalFile(opening: journalPath)
    if let name = Self.tracePath(of: journalPath) { TraceAssembler.removePartials(of: name) }
    let scan = try JournalScan(journal)
    remark = scan.finding.map { "read up to byte \($0.offset) of \(journal.byteCount): \($0.reason)" }
    guard !scan.contents.calls.isEmpty else {
      throw TraceError(
        .lacking, path: journalPath, "no call was recorded completely" + (remark.map { "; \($0)" } ?? ""))
    }
    try TraceAssembler.checkTarget(path, overwrite: overwrite)
    try TraceAssembler.finish(scan.contents, inCopyOf: journal, as: path, overwrite: overwrite)
    self.path = path
    callCount = scan.contents.calls.count
    plannedCallCount = scan.contents.description.plannedCallCount
    isWhole = scan.contents.isWhole
  }

  /// Where the trace of a journal would have been: its name without `.wcj`; nil for other names.
  public static func tracePath(of journalPath: String) -> String? {
    guard journalPath.hasSuffix(TraceFormat.journalSuffix) else { return nil }
    return String(journalPath.dropLast(TraceFormat.journalSuffix.count))
  }
}
