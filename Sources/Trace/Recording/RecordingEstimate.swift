/// What a recording takes at most, known before its first call.
public struct RecordingEstimate: Hashable, Sendable {
  /// Bytes of the recorded numbers.
  public let rawByteCount: Int
  /// Bytes on disk when nothing can be compressed, while recording and after.
  public let largestByteCount: Int
  /// Bytes that the recorder holds beside the model: the features of the step under way and of the one before, which
  /// is being recorded, and a call of them packed.
  public let memoryByteCount: Int

  /// `calls` are all calls of the rollout; `layouts` the recorded ones.
  public init(
    calls: [Call], layouts: [TokenTable], taps: [Tap: String], dtype: StorageType,
    selection: Selection = Selection(), finalCount: Int = 0
  ) {
    let sizes = Dictionary(
      layouts.map { ($0.name, $0.tokens.count * $0.channelCount) }, uniquingKeysWith: { first, _ in first })
    let selected = calls.filter(selection.includes)
    let firsts = selected.count { $0.branch == 0 }
    var numbers = 0
    var perStep = 0
    let branchCount = Set(calls.map(\.branch)).count
    for (tap, layout) in taps {
      let size = sizes[layout] ?? 0
      // `guided` has one tensor for all branches of a step.
      numbers += size * (tap == .guided ? firsts : selected.count)
      perStep += size * (tap == .guided ? 1 : branchCount)
    }
    let numberByteCount = dtype == .float32 ? 4 : 2
    let final = finalCount * ((taps[.output] ?? taps[.guided] ?? taps[.latent]).flatMap { sizes[$0] } ?? 0)
    rawByteCount = numbers * numberByteCount + final * 4
    // zstd adds at most 1 byte in 256, a record 56 bytes, and a call its columns.
    let tensorCount = taps.count * selected.count
    largestByteCount = rawByteCount + rawByteCount / 128 + 512 * tensorCount + 512 * calls.count + 65536
    memoryByteCount = 2 * perStep * 4 + 2 * perStep / max(1, branchCount) * numberByteCount
  }

  /// Throws `inputOutput` unless the folder of `path` has `byteCount` bytes to spare.
  public static func requireSpace(_ byteCount: Int, at path: String) throws(TraceError) {
    let free = try FileSystem.freeByteCount(at: FileSystem.folder(of: path))
    guard free < byteCount else { return }
    func megabytes(_ count: Int) -> Int { (count + 999_999) / 1_000_000 }
    throw TraceError(
      .inputOutput, path: path,
      "up to \(megabytes(byteCount)) MB are needed and \(megabytes(free)) MB are free; pass "
        + "--no-space-check to try all the same")
  }
}
