/// Writes one recorded rollout to a new file, which appears under its name only when finished.
///
/// Until then the file's name ends in `.partial`. Dropping the writer, or being killed, leaves that
/// file behind and readers recognise it; an error thrown by any method removes it and ends the
/// writer. Not for use from several threads at once.
public final class TraceWriter {
  /// Where the trace will be.
  public let path: String
  /// Where it is until finished: `path` + `.partial`, or with a number when that name is taken.
  public let partialPath: String
  public let header: TraceHeader
  /// The recorded taps, each with the name of its layout.
  public let taps: [Tap: String]
  public let callCount: Int
  public let dtype: StorageType

  let layouts: [String: TokenTable]
  let line: [Tap]
  let file: HDF5File
  let datasets: [Tap: HDF5Dataset]
  let encoder = BlockEncoder()
  var calls: [Call] = []
  var states: [Tap: [UInt8]] = [:]
  var stretches: [Tap: [Double]] = [:]
  private var finalLatents: HDF5Dataset?
  private var finalChunks: Set<Int> = []
  private let overwrites: Bool
  private var isOpen = true

  /// Creates the unfinished file.
  ///
  /// `taps` maps each recorded tap to the name of one of `layouts`. Throws `exists` when `path` is
  /// taken and may not be overwritten, `invalid` when the description contradicts itself.
  public init(
    path: String, header: TraceHeader, layouts: [TokenTable], taps: [Tap: String], callCount: Int,
    dtype: StorageType = .float32, overwrite: Bool = false
  ) throws(TraceError) {
    try Self.checkTarget(path, overwrite: overwrite)
    if let problem = Self.problem(header, layouts, taps, callCount) {
      throw TraceError(.invalid, path: path, problem)
    }
    self.path = path
    self.header = header
    self.taps = taps
    self.callCount = callCount
    self.dtype = dtype
    self.layouts = Dictionary(uniqueKeysWithValues: layouts.map { ($0.name, $0) })
    overwrites = overwrite
    line = Tap.line(blockCount: header.blockCount)
    partialPath = Self.freePartialPath(for: path)
    let file = try HDF5File(creating: partialPath)
    do {
      try Self.write(header, dtype, to: file.root.attributes)
      try Self.write(layouts, to: file.root.makeGroup("layouts"), encoder)
      datasets = try Self.makeDatasets(file.root, self.layouts, taps, callCount, dtype)
      // From here on even a killed recording is a file that says what it is.
      try file.flush()
    } catch {
      try? file.close()
      FileSystem.remove(partialPath)
      throw error
    }
    self.file = file
    for tap in taps.keys { states[tap] = [] }
    for tap in line { stretches[tap] = [] }
  }

  /// Adds the next call.
  ///
  /// `states` says how each feature came about: when it names no state for a tap, a given feature is
  /// fresh and a missing one absent. `stretchSeconds` may name every tap on the line; taps that it
  /// does not name took no time. Throws `invalid` for what does not fit the trace, such as a tensor
  /// of the wrong shape or a value too large for float16.
  public func append(
    _ call: Call, states: [Tap: TapState] = [:], stretchSeconds: [Tap: Double] = [:], features: [Tap: Tensor]
  ) throws(TraceError) {
    try endingOnError { () throws(TraceError) in
      if let problem = problem(call, states, stretchSeconds, features) {
        throw TraceError(.invalid, path: path, at: "call \(call.ordinal)", problem)
      }
      for (tap, dataset) in datasets {
        let state = states[tap] ?? (features[tap] == nil ? .absent : .fresh)
        self.states[tap, default: []].append(state.rawValue)
        if let feature = features[tap] { try write(feature, at: call.ordinal, to: dataset) }
      }
      for tap in line { stretches[tap, default: []].append(stretchSeconds[tap] ?? 0) }
      calls.append(call)
    }
  }

  /// Stores a chunk's final latent, in the layout of `output` and always as float32.
  ///
  /// Give it for every chunk or for none.
  public func setFinal(chunk: Int, _ latent: Tensor) throws(TraceError) {
    try endingOnError { () throws(TraceError) in
      guard let name = taps[.output] ?? taps[.guided] ?? taps[.latent], let layout = layouts[name] else {
        throw TraceError(
          .invalid, path: path, at: "/final", "a final latent needs the tap output, guided or latent")
      }
      guard (0..<header.chunkCount).contains(chunk), !finalChunks.contains(chunk) else {
        throw TraceError(
          .invalid, path: path, at: "/final",
          "chunk \(chunk) is not one of the \(header.chunkCount) or was given before")
      }
      if let problem = Self.problem(latent, layout) {
        throw TraceError(.invalid, path: path, at: "/final", problem)
      }
      let dataset: HDF5Dataset
      if let finalLatents {
        dataset = finalLatents
      } else {
        dataset = try HDF5Dataset(
          creatingTensors: "final", in: file.root, element: .float32, entries: header.chunkCount,
          rows: layout.tokens.count, channels: layout.channelCount)
        try dataset.attributes.set("layout", name)
        finalLatents = dataset
      }
      try dataset.write(latent.values, at: chunk, with: encoder)
      finalChunks.insert(chunk)
    }
  }

  /// Completes the file, brings it safely to disk and gives it its name.
  public func finish() throws(TraceError) {
    try endingOnError { () throws(TraceError) in
      guard calls.count == callCount else {
        throw TraceError(
          .invalid, path: path, "\(callCount) calls were announced, \(calls.count) were recorded")
      }
      guard finalChunks.isEmpty || finalChunks.count == header.chunkCount else {
        throw TraceError(
          .invalid, path: path, at: "/final",
          "\(finalChunks.count) of \(header.chunkCount) chunks have a final latent; give all or none")
      }
      try writeColumns()
      try file.root.attributes.set("complete", UInt8(1))
      try file.flush()
      try file.close()
      try FileSystem.sync(partialPath)
      try Self.checkTarget(path, overwrite: overwrites)
      try FileSystem.move(partialPath, to: path)
      try FileSystem.sync(FileSystem.folder(of: path))
    }
    isOpen = false
  }

  /// Ends the recording and leaves the unfinished file where it is.
  public func abandon() {
    isOpen = false
    try? file.close()
  }

  private func endingOnError(_ body: () throws(TraceError) -> Void) throws(TraceError) {
    precondition(isOpen, "the writer has been finished, abandoned or ended by an error")
    do {
      try body()
    } catch {
      abandon()
      FileSystem.remove(partialPath)
      throw error
    }
  }

  private static func checkTarget(_ path: String, overwrite: Bool) throws(TraceError) {
    switch FileSystem.kind(of: path) {
    case .nothing: break
    case .file where overwrite: break
    case .file:
      throw TraceError(.exists, path: path, "the file exists; allow overwriting or choose another name")
    case .folder, .other: throw TraceError(.exists, path: path, "something that is not a file has this name")
    }
  }

  // Another recording's unfinished file is never touched.
  private static func freePartialPath(for path: String) -> String {
    var candidate = path + TraceFormat.unfinishedSuffix
    var number = 2
    while FileSystem.kind(of: candidate) != .nothing {
      candidate = "\(path).\(number)\(TraceFormat.unfinishedSuffix)"
      number += 1
    }
    return candidate
  }
}
