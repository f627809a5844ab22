/// Reads one finished trace; everything but the tensors is in memory once it is open.
///
/// All that is read has been checked against checksums and against the rest of the file. May be
/// used from several threads; unpacking runs in parallel, reading from the file does not.
public final class TraceReader: Sendable {
  public let path: String
  public let header: TraceHeader
  /// One entry per call, in order of ordinals.
  public let calls: [Call]
  /// Calls that the recording was to have; more than `calls` holds when it was interrupted.
  public let plannedCallCount: Int
  /// What the recorder stored to identify the contents; nil in older traces. ``TraceVerification``
  /// compares it with them.
  public let digest: TraceDigest?
  /// The recorded taps in the order in which a call passes them.
  public let taps: [Tap]
  /// The type in which features are stored.
  public let dtype: StorageType
  /// How the features lie in the file; they are read the same either way.
  public let coding: FeatureCoding
  /// The rule that gave the bounds of lossy storage; nil where all features are exact.
  public let lossy: LossyRule?

  let keyInterval: Int
  let steps = StepCache()
  let recorded: [Tap: RecordedTap]
  let stretches: [Tap: [Double]]
  let finalLatents: HDF5Dataset?

  /// What the file holds for one tap.
  struct RecordedTap: Sendable {
    var tap: Tap
    var layout: TokenTable
    var states: [TapState]
    var features: HDF5Dataset
    /// How far each call's numbers may be from what was recorded; empty where all are exact.
    var bounds: [Double]
    /// How differences are undone; nil where there are none.
    var steps: StepReader?
  }

  /// Bytes that the features of a tap take.
  public struct ByteCounts: Hashable, Sendable {
    /// As numbers, absent features not counted.
    public var raw: Int
    /// In the file, compressed.
    public var stored: Int
  }

  /// Opens a trace and reads all but its tensors.
  ///
  /// Throws `missing`, `notATrace`, `newerVersion`, `unfinished`, `corrupt` or `inputOutput`.
  public init(path: String) throws(TraceError) {
    try Self.checkFile(path)
    let file = try HDF5File(opening: path)
    let contents = try Contents(of: file)
    self.path = path
    header = contents.header
    calls = contents.calls
    plannedCallCount = contents.plannedCallCount
    digest = contents.digest
    coding = contents.coding
    keyInterval = contents.keyInterval
    lossy = contents.lossy
    let cache = steps
    recorded = contents.recorded.mapValues { $0.undoing(contents, cache) }
    taps = contents.recorded.keys.sorted()
    dtype = contents.dtype
    stretches = contents.stretches
    finalLatents = contents.finalLatents
    self.file = file
  }

  // Closing the file would close the datasets.
  private let file: HDF5File

  /// What the recorder knew before the first call.
  func description() throws(TraceError) -> TraceDescription {
    let layouts = recorded.values.reduce(into: [:]) { $0[$1.layout.name] = $1.layout }
    return try TraceDescription(
      header: header, dtype: dtype, coding: coding, keyInterval: keyInterval, lossy: lossy,
      layouts: Array(layouts.values), taps: recorded.mapValues(\.layout.name),
      plannedCallCount: plannedCallCount, path: path)
  }

  /// What the rows of a tap's tensors stand for.
  public func layout(of tap: Tap) throws(TraceError) -> TokenTable {
    try entry(tap).layout
  }

  /// How the feature of each call came about.
  public func states(of tap: Tap) throws(TraceError) -> [TapState] {
    try entry(tap).states
  }

  /// For each call, how far a number of the tap may be from what was recorded; 0 is exact.
  ///
  /// Beside the rounding to ``dtype``, which is not counted.
  public func bounds(of tap: Tap) throws(TraceError) -> [Double] {
    let bounds = try entry(tap).bounds
    return bounds.isEmpty ? [Double](repeating: 0, count: calls.count) : bounds
  }

  /// How the feature of one call came about.
  public func state(of tap: Tap, call: Int) throws(TraceError) -> TapState {
    try requireCall(call)
    return try entry(tap).states[call]
  }

  /// Seconds that each call took from the previous tap to this one; 0 where it skipped the stretch.
  ///
  /// Known for every tap on the model's line, recorded or not.
  public func stretchSeconds(of tap: Tap) throws(TraceError) -> [Double] {
    guard let seconds = stretches[tap] else {
      throw TraceError(.lacking, path: path, "a model with \(header.blockCount) blocks has no tap \(tap)")
    }
    return seconds
  }

  /// Reads a chunk's final latent; throws `lacking` when the recording kept none.
  public func `final`(chunk: Int) throws(TraceError) -> Tensor {
    guard let finalLatents else {
      throw TraceError(.lacking, path: path, at: "/final", "the recording kept no final latents")
    }
    guard (0..<header.chunkCount).contains(chunk) else {
      throw TraceError(
        .lacking, path: path, at: "/final", "chunks are 0 to \(header.chunkCount - 1), not \(chunk)")
    }
    return Tensor(
      rows: finalLatents.extent[1], columns: finalLatents.extent[2], values: try finalLatents.read(at: chunk))
  }

  /// Bytes that the features of a tap take.
  public func byteCounts(of tap: Tap) throws(TraceError) -> ByteCounts {
    let entry = try entry(tap)
    let present = entry.states.count { $0 != .absent }
    return ByteCounts(raw: present * entry.features.entryByteCount, stored: entry.features.storedByteCount)
  }

  func entry(_ tap: Tap) throws(TraceError) -> RecordedTap {
    guard let entry = recorded[tap] else {
      let names = taps.map(\.name).joined(separator: ", ")
      throw TraceError(.lacking, path: path, "the tap \(tap) was not recorded; there are \(names)")
    }
    return entry
  }

  func requireCall(_ call: Int) throws(TraceError) {
    guard calls.indices.contains(call) else {
      throw TraceError(.lacking, path: path, "calls are 0 to \(calls.count - 1), not \(call)")
    }
  }
}
